/// Which headers carry a trace from process to process.
///
/// The value that `OTEL_PROPAGATORS` stands for; all that inject or extract use it. It does not depend on whether spans
/// are made: a process whose SDK is disabled still passes on what it was given. Implements the OpenTelemetry propagators
/// API. The carrier is a closure, so that gRPC metadata and NATS headers need no wrapper types.
public struct Propagators: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// Creates a set from its bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// `traceparent` and `tracestate`: W3C Trace Context.
    public static let traceContext = Propagators(rawValue: 1)
    /// `baggage`: W3C Baggage.
    public static let baggage = Propagators(rawValue: 2)
    /// The specification's default: both.
    public static let all: Propagators = [.traceContext, .baggage]

    /// How long headers may become. The text of a header never ends inside of a member.
    public struct HeaderLimits: Sendable, Hashable {
        /// The most characters of `tracestate`; the specification wants 512 at least.
        public var traceState: Int
        /// The most bytes of `baggage`; the specification wants 8,192, unless the carrier has less room.
        public var baggage: Int

        /// Creates limits.
        ///
        /// - Parameters:
        ///   - traceState: The most characters of `tracestate`; never less than 512.
        ///   - baggage: The most bytes of `baggage`.
        public init(traceState: Int = 8192, baggage: Int = 8192) {
            self.traceState = max(512, traceState)
            self.baggage = max(0, min(baggage, Baggage.byteLimit))
        }

        /// What the specifications want carried.
        public static let standard = HeaderLimits()
        /// What fits beside other metadata into the 8 KiB that gRPC peers take for all headers together.
        public static let grpc = HeaderLimits(traceState: 1024, baggage: 4000)
    }

    /// The names that are read and written, in lower case: cleared before injecting into a carrier that was used.
    public var fields: [String] {
        (contains(.traceContext) ? ["traceparent", "tracestate"] : []) + (contains(.baggage) ? ["baggage"] : [])
    }

    /// Reads a context. What is malformed is as if it were absent.
    ///
    /// - Parameter values: All values of a name in the carrier, in order; the name is in lower case and the carrier's
    ///   lookup ignores case.
    /// - Returns: The remote span's context, if there is a valid one, and the baggage.
    public func extract(_ values: (_ name: String) -> [String]) -> ActiveContext {
        var context = ActiveContext()
        if contains(.traceContext) {
            let parents = values("traceparent")
            // tracestate means nothing without a traceparent, so it is not even looked up.
            if parents.count == 1, let parent = TraceParent(parents[0]) {
                let states = values("tracestate")
                context.spanContext = SpanContext(
                    traceID: parent.traceID,
                    spanID: parent.spanID,
                    flags: parent.flags,
                    traceState: states.isEmpty ? TraceState() : TraceState(headerLines: states) ?? TraceState(),
                    isRemote: true
                )
            }
        }
        if contains(.baggage) {
            let lines = values("baggage")
            if !lines.isEmpty { context.baggage = Baggage(headerLines: lines) }
        }
        return context
    }

    /// Writes a context. Nothing is written for a context without a valid span, except baggage.
    ///
    /// - Parameters:
    ///   - context: What to write; also when the trace is not sampled, so that the next hop knows.
    ///   - limits: How long headers may become.
    ///   - set: Replaces the carrier's values of a name.
    public func inject(
        _ context: ActiveContext,
        limits: HeaderLimits = .standard,
        _ set: (_ name: String, _ value: String) -> Void
    ) {
        if contains(.traceContext), let span = context.spanContext, span.isValid {
            set("traceparent", TraceParent(span).description)
            let state = span.traceState.truncated(to: limits.traceState)
            if !state.isEmpty { set("tracestate", state.header) }
        }
        if contains(.baggage), !context.baggage.isEmpty {
            let header = context.baggage.header(byteLimit: limits.baggage)
            if !header.isEmpty { set("baggage", header) }
        }
    }
}
