internal import Synchronization

/// Recent traces in bounded memory.
///
/// Spans of one trace arrive in many requests and are merged; a span that arrives twice, as after a retried export, is
/// kept once. When a limit is passed, whole traces leave, the least recently updated first.
public final class TraceStore: Sendable {
    /// How much a store keeps.
    public struct Limits: Sendable, Hashable {
        /// The most spans in all traces together.
        public var spans: Int
        /// The most memory of all spans together, in bytes, as estimated from their contents.
        public var bytes: Int
        /// The most spans in one trace; more are rejected, so that one endless trace cannot push out all others.
        public var spansPerTrace: Int

        /// Creates limits.
        public init(spans: Int = 200_000, bytes: Int = 256 << 20, spansPerTrace: Int = 20_000) {
            self.spans = spans
            self.bytes = bytes
            self.spansPerTrace = spansPerTrace
        }
    }

    /// What a store holds now, and what happened to the spans that it was given.
    public struct Statistics: Sendable, Hashable, Encodable {
        /// Traces that are kept now.
        public internal(set) var traces = 0
        /// Spans that are kept now.
        public internal(set) var spans = 0
        /// The estimated memory of the kept spans, in bytes.
        public internal(set) var bytes = 0
        /// Spans taken since the start.
        public internal(set) var acceptedSpans = 0
        /// Spans that were there already.
        public internal(set) var duplicateSpans = 0
        /// Spans refused since the start: invalid ids, or one trace too large.
        public internal(set) var rejectedSpans = 0
        /// Traces that left because of a limit.
        public internal(set) var evictedTraces = 0
        /// Spans that left with them.
        public internal(set) var evictedSpans = 0
    }

    /// What became of the spans of one request.
    public struct InsertResult: Sendable, Hashable {
        /// Spans that are kept.
        public internal(set) var accepted = 0
        /// Spans that were there already, which is no error.
        public internal(set) var duplicates = 0
        /// Spans whose trace id or span id is not 16 or 8 bytes, or is all zeros.
        public internal(set) var invalidIDs = 0
        /// Spans of a trace that already has as many spans as a trace may have.
        public internal(set) var overTraceLimit = 0

        /// Spans that are not kept.
        public var rejected: Int { invalidIDs + overTraceLimit }
    }

    /// The limits of the store.
    public let limits: Limits
    private let state = Mutex(State())

    /// Creates an empty store.
    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Takes the spans of one export request.
    ///
    /// - Parameter request: the request, as an exporter sent it.
    /// - Returns: how many spans are kept, were there already, or were rejected.
    @discardableResult
    public func insert(_ request: OTLPExportTraceServiceRequest) -> InsertResult {
        let batch = Batch(request)
        let (result, evicted) = state.withLock { $0.insert(batch, limits: limits) }
        // The evicted traces are freed here, after unlocking: freeing 20 000 spans takes milliseconds.
        _ = consume evicted
        return result
    }

    /// Returns the trace with an id, or `nil` when the store has none.
    ///
    /// - Parameter id: 1 to 32 hexadecimal digits; leading zeros may be missing.
    public func trace(_ id: String) -> Trace? {
        // The ids were checked when the spans came in, so reading them again cannot fail.
        resourceSpans(id).flatMap { try? Trace($0) }
    }

    /// Returns the names of the services that made the kept spans, in order.
    public func services() -> [String] {
        state.withLock { state in
            state.traces.values.reduce(into: Set<String>()) { $0.formUnion($1.services) }
        }.sorted()
    }

    /// Returns summaries of traces, the most recently started first.
    ///
    /// - Parameters:
    ///   - service: only traces with a span of this service; `nil` for all.
    ///   - limit: the most summaries.
    public func summaries(service: String? = nil, limit: Int = 20) -> [TraceSummary] {
        let newest = state.withLock { state in
            state.traces.values.filter { trace in service.map(trace.services.contains) ?? true }
        }.sorted { $0.start > $1.start }.prefix(max(0, limit))
        return newest.compactMap { stored in (try? Trace(stored.resourceSpans)).map(TraceSummary.init) }
    }

    /// What the store holds, and what it refused and lost.
    public var statistics: Statistics {
        state.withLock { $0.statistics }
    }

    func resourceSpans(_ id: String) -> [OTLPJSON.ResourceSpans]? {
        guard let key = TraceKey(hex: id) else { return nil }
        return state.withLock { $0.traces[key] }?.resourceSpans
    }
}
