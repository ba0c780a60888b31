/// Carries the trace context and the baggage in `traceparent`, `tracestate` and `baggage`.
///
/// Implements W3C Trace Context Level 2, W3C Baggage and the OpenTelemetry propagator API. The carrier is a closure, so
/// that gRPC metadata and NATS headers need no wrapper types.
public enum W3CPropagator {
    /// The names it reads and writes: clear them before injecting into a reused carrier.
    public static let fields = ["traceparent", "tracestate", "baggage"]

    /// Reads a context. What is malformed is as if it were absent.
    ///
    /// - Parameter values: All values of a name in the carrier, in order; the name is in lower case and the carrier's
    ///   lookup ignores case.
    /// - Returns: The remote span's context, if there is a valid one, and the baggage.
    public static func extract(_ values: (String) -> [String]) -> ActiveContext {
        ActiveContext(
            spanContext: spanContext(traceParents: values("traceparent"), traceStates: values("tracestate")),
            baggage: Baggage(headerLines: values("baggage"))
        )
    }

    /// Writes a context. Nothing is written for a context without a valid span, except baggage.
    ///
    /// - Parameters:
    ///   - context: What to write; also when the trace is not sampled, so that the next hop knows.
    ///   - set: Replaces the carrier's values of a name.
    public static func inject(_ context: ActiveContext, _ set: (_ name: String, _ value: String) -> Void) {
        if let span = context.spanContext, span.isValid {
            set("traceparent", traceParent(of: span))
            if !span.traceState.isEmpty { set("tracestate", span.traceState.header) }
        }
        let baggage = context.baggage.header
        if !baggage.isEmpty { set("baggage", baggage) }
    }

    /// Formats a context as a version-00 `traceparent`.
    public static func traceParent(of context: SpanContext) -> String {
        let flags = context.flags.intersection(.known).rawValue
        return "00-\(context.traceID.hex)-\(context.spanID.hex)-0\(flags)"
    }

    /// Reads a `traceparent` and its `tracestate`.
    ///
    /// - Parameters:
    ///   - traceParents: All values of the header. More than one is invalid.
    ///   - traceStates: All values of the header. A malformed one is dropped without the trace.
    /// - Returns: The remote context, or `nil`.
    public static func spanContext(traceParents: [String], traceStates: [String] = []) -> SpanContext? {
        guard traceParents.count == 1, let (traceID, spanID, flags) = parse(traceParents[0].trimmingOWS()) else {
            return nil
        }
        return SpanContext(
            traceID: traceID,
            spanID: spanID,
            flags: flags,
            traceState: TraceState(headerLines: traceStates) ?? TraceState(),
            isRemote: true
        )
    }

    /// Parses `vv-<32 hex>-<16 hex>-<2 hex>`; a later version may have more behind another dash.
    private static func parse(_ text: Substring) -> (TraceID, SpanID, TraceFlags)? {
        let bytes = Array(text.utf8)
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = UInt64(lowerHex: bytes[0..<2]), version != 0xFF,
            let flags = UInt64(lowerHex: bytes[53..<55]),
            let traceHigh = UInt64(lowerHex: bytes[3..<19]), let traceLow = UInt64(lowerHex: bytes[19..<35]),
            let span = UInt64(lowerHex: bytes[36..<52])
        else { return nil }
        guard version == 0 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == dash else { return nil }
        let traceID = TraceID(high: traceHigh, low: traceLow)
        let spanID = SpanID(span)
        guard traceID.isValid, spanID.isValid else { return nil }
        return (traceID, spanID, TraceFlags(rawValue: UInt8(flags)).intersection(.known))
    }
}
