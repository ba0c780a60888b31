/// Carries the trace context and the baggage in `traceparent`, `tracestate` and `baggage`.
///
/// The functions of ``Propagators/all``, for who needs no configuration. Implements W3C Trace Context Level 2, W3C
/// Baggage and the OpenTelemetry propagator API.
public enum W3CPropagator {
    /// The names it reads and writes: clear them before injecting into a reused carrier.
    public static let fields = Propagators.all.fields

    /// Reads a context. What is malformed is as if it were absent.
    ///
    /// - Parameter values: All values of a name in the carrier, in order; the name is in lower case and the carrier's
    ///   lookup ignores case.
    /// - Returns: The remote span's context, if there is a valid one, and the baggage.
    public static func extract(_ values: (String) -> [String]) -> ActiveContext {
        Propagators.all.extract(values)
    }

    /// Writes a context. Nothing is written for a context without a valid span, except baggage.
    ///
    /// - Parameters:
    ///   - context: What to write; also when the trace is not sampled, so that the next hop knows.
    ///   - set: Replaces the carrier's values of a name.
    public static func inject(_ context: ActiveContext, _ set: (_ name: String, _ value: String) -> Void) {
        Propagators.all.inject(context, set)
    }

    /// Formats a context as a version-00 `traceparent`.
    public static func traceParent(of context: SpanContext) -> String {
        TraceParent(context).description
    }

    /// Reads a `traceparent` and its `tracestate`.
    ///
    /// - Parameters:
    ///   - traceParents: All values of the header. More than one is invalid.
    ///   - traceStates: All values of the header. A malformed one is dropped without the trace.
    /// - Returns: The remote context, or `nil`.
    public static func spanContext(traceParents: [String], traceStates: [String] = []) -> SpanContext? {
        Propagators.traceContext.extract { $0 == "traceparent" ? traceParents : traceStates }.spanContext
    }
}
