private import Synchronization

/// Keeps traces that the sampler did not choose but that turn out to matter: late, failed or retried ones.
///
/// Spans that the sampler dropped are recorded and held, bounded by an estimate of their memory, the oldest trace going
/// first. When a span of the trace fails or took too long, or when somebody calls ``OTelSpan/keepTrace(_:)``,
/// everything held of the trace is exported, and so is what this process still adds to it; contexts that are injected from
/// then on say “sampled”, so that later hops keep the trace by themselves. Hops that came before are told through
/// ``setListener(_:)``: the messaging module tells all services. It belongs to one ``TracerProvider`` and ends with it.
///
/// What it cannot do: a trace whose spans have already made room for newer ones when the verdict comes is exported without
/// them. ``Statistics/oldest`` says how far back the memory reaches.
public final class TailKeep: Sendable {
    /// How much is held and what is kept.
    public struct Configuration: Sendable, Hashable {
        /// The most memory, in estimated bytes, that held spans may take.
        public var maximumBytes = 32 << 20
        /// A span that took at least this long makes its trace matter.
        public var slowSpan = Duration.seconds(5)
        /// Traces that may be kept at once, and each second: a system whose every trace fails must not export them all.
        /// Verdicts of other processes are not counted: they were counted there, and half a trace helps nobody.
        public var keptPerSecond = 200.0
        /// How many verdicts are remembered, so that spans that end later are exported too.
        public var rememberedVerdicts = 20_000
        /// The most spans of one trace that are exported because of its verdict, until that is forgotten. Who calls a
        /// service chooses the trace's id, and could otherwise have every later call exported under one that is kept.
        public var maximumSpansPerTrace = 2_000

        /// Creates the defaults.
        public init() {}
    }

    /// Why a trace is kept: `contrail.trace.keep_reason`.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// A span ended with an error.
        case error
        /// A span took too long.
        case slow
        /// An operation was repeated.
        case retried
        /// What the trace was to achieve came too late.
        case late
        /// Another process said so.
        case remote
    }

    /// What is held and what became of the rest.
    public struct Statistics: Sendable, Hashable {
        /// Spans that are held.
        public var heldSpans = 0
        /// Their estimated memory in bytes.
        public var heldBytes = 0
        /// When the oldest held trace arrived, in nanoseconds since the Unix epoch.
        public var oldest: UInt64?
        /// Spans that arrived without having been sampled.
        public var received = 0
        /// Spans that were handed to the exporter after all.
        public var promotedSpans = 0
        /// Spans that made room for newer ones, or for the end of the process.
        public var evictedSpans = 0
        /// Spans of kept traces that were more than may be exported of one.
        public var exceedingSpans = 0
        /// Traces that were kept, by reason.
        public var keptTraces: [Reason: Int] = [:]
        /// Traces that mattered but were too many in a short time; each counts once while spans of it are held.
        public var refusedTraces = 0
    }

    private struct Held {
        var records: [SpanRecord] = []
        var bytes = 0
        var arrived: UInt64
        var isRefused = false
    }

    private struct State {
        var isClosed = false
        var held: [TraceID: Held] = [:]
        /// The order in which traces arrived; those that are no longer held are skipped.
        var arrivals = FIFO<TraceID>()
        /// Traces that are kept, and how many more spans of each may be exported.
        var kept: [TraceID: Int] = [:]
        var verdicts = FIFO<TraceID>()
        var limit: RateLimit
        var statistics = Statistics()

        mutating func oldestArrival() -> UInt64? {
            while let first = arrivals.first {
                if let held = held[first] { return held.arrived }
                _ = arrivals.popFirst()
            }
            return nil
        }

        /// Counts a span of a trace that is kept.
        ///
        /// - Returns: Whether it may be exported; `nil` when the trace is not kept.
        mutating func export(_ traceID: TraceID) -> Bool? {
            guard let left = kept[traceID] else { return nil }
            guard left > 0 else { return false }
            kept[traceID] = left - 1
            return true
        }
    }

    private let configuration: Configuration
    private let state: Mutex<State>
    private let keptCount = Atomic<Int>(0)
    private let listener = Mutex<(@Sendable (TraceID) -> Void)?>(nil)
    private let clock: @Sendable () -> UInt64

    /// Creates an empty memory.
    ///
    /// - Parameters:
    ///   - configuration: How much is held and what is kept.
    ///   - clock: The time in nanoseconds since the Unix epoch.
    public init(
        _ configuration: Configuration = Configuration(),
        clock: @escaping @Sendable () -> UInt64 = { TracerProvider.wallClock() }
    ) {
        self.configuration = configuration
        self.clock = clock
        state = Mutex(
            State(limit: RateLimit(perSecond: configuration.keptPerSecond, burst: Self.burst(configuration)))
        )
    }

    /// Less than one a second still is one now and then, but none a second is none.
    private static func burst(_ configuration: Configuration) -> Double {
        configuration.keptPerSecond > 0 ? max(1, configuration.keptPerSecond) : 0
    }

    /// What is held and what became of the rest.
    public var statistics: Statistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.oldest = state.oldestArrival()
            return statistics
        }
    }

    /// Sets who is told of traces that are kept by a verdict of this process. Called on the thread of the verdict: it
    /// must be quick.
    public func setListener(_ body: (@Sendable (TraceID) -> Void)?) {
        listener.withLock { $0 = body }
    }

    /// Whether spans of a trace are exported although the sampler did not choose it.
    @inline(__always)
    func isKept(_ traceID: TraceID) -> Bool {
        keptCount.load(ordering: .relaxed) > 0 && state.withLock { $0.kept[traceID, default: 0] > 0 }
    }

    /// Whether a span that starts is exported although the sampler did not choose it; then it is counted. Spans below it
    /// follow it and ask nobody.
    @inline(__always)
    func exports(_ traceID: TraceID) -> Bool {
        keptCount.load(ordering: .relaxed) > 0 && state.withLock { $0.export(traceID) ?? false }
    }

    /// Takes a span that has ended and was not sampled.
    ///
    /// - Returns: What is to be exported now.
    func take(_ record: SpanRecord) -> [SpanRecord] {
        record.complete()
        let span = record.data
        let verdict: Reason? =
            if case .error = span.status { .error } else if isSlow(span) { .slow } else { nil }
        var unwanted: [SpanRecord] = []
        let (released, isNews): ([SpanRecord], Bool) = state.withLock { state in
            state.statistics.received += 1
            if let isExported = state.export(span.context.traceID) {
                state.statistics.promotedSpans += isExported ? 1 : 0
                state.statistics.exceedingSpans += isExported ? 0 : 1
                return (isExported ? [record] : [], false)
            }
            // The span with the verdict says why its trace was kept: it is the last one to be left out.
            if let verdict, let held = keep(span.context.traceID, verdict, by: record, &state) {
                return (export(held + [record], of: span.context.traceID, &state, &unwanted), true)
            }
            hold(record, span, &state)
            if record.isRefused { state.held[span.context.traceID]?.isRefused = true }
            unwanted = evict(&state)
            return ([], false)
        }
        if isNews { tell(span.context.traceID) }
        giveBack(&unwanted)
        return released
    }

    /// Keeps a trace.
    ///
    /// - Parameter record: The span that says so, if it is one of this process.
    /// - Returns: What is to be exported now.
    func keep(_ traceID: TraceID, _ reason: Reason, by record: SpanRecord? = nil) -> [SpanRecord] {
        var unwanted: [SpanRecord] = []
        let released: [SpanRecord]? = state.withLock { state in
            guard state.kept[traceID] == nil, let held = keep(traceID, reason, by: record, &state) else { return nil }
            return export(held, of: traceID, &state, &unwanted)
        }
        guard let released else { return [] }
        // What another process said is known to all.
        if reason != .remote { tell(traceID) }
        giveBack(&unwanted)
        return released
    }

    /// Lets go of everything, and holds nothing from now on: records refer to their pipeline, which refers to this.
    func close() {
        let old = state.withLock { state in
            state.isClosed = true
            state.statistics.evictedSpans += state.statistics.heldSpans
            state.statistics.heldSpans = 0
            state.statistics.heldBytes = 0
            state.arrivals = FIFO()
            let held = state.held
            state.held = [:]
            return held
        }
        withExtendedLifetime(old) {}
    }

    private func tell(_ traceID: TraceID) {
        listener.withLock { $0 }?(traceID)
    }

    private func isSlow(_ span: FinishedSpan) -> Bool {
        Double(span.endTime - span.startTime) >= configuration.slowSpan / .nanoseconds(1)
    }

    /// Remembers a verdict.
    ///
    /// - Returns: What was held of the trace; `nil` when too many are kept already.
    private func keep(
        _ traceID: TraceID,
        _ reason: Reason,
        by record: SpanRecord?,
        _ state: inout State
    ) -> [SpanRecord]? {
        guard reason == .remote || state.limit.take(at: clock()) else {
            // It may try again, and so may its trace's next span, but it is one trace.
            let isCounted = state.held[traceID]?.isRefused == true || record?.isRefused == true
            if !isCounted { state.statistics.refusedTraces += 1 }
            state.held[traceID]?.isRefused = true
            record?.isRefused = true
            return nil
        }
        state.statistics.keptTraces[reason, default: 0] += 1
        state.kept[traceID] = max(0, configuration.maximumSpansPerTrace)
        state.verdicts.append(traceID)
        while state.verdicts.count > max(1, configuration.rememberedVerdicts), let old = state.verdicts.popFirst() {
            state.kept[old] = nil
        }
        keptCount.store(state.kept.count, ordering: .relaxed)
        guard let held = state.held.removeValue(forKey: traceID) else { return [] }
        state.statistics.heldSpans -= held.records.count
        state.statistics.heldBytes -= held.bytes
        return held.records
    }

    /// Counts spans of a trace that has just been kept.
    ///
    /// - Returns: Those that are exported: the last ones, which are the closest to the verdict.
    private func export(
        _ records: [SpanRecord],
        of traceID: TraceID,
        _ state: inout State,
        _ unwanted: inout [SpanRecord]
    ) -> [SpanRecord] {
        let exported = min(records.count, state.kept[traceID, default: 0])
        state.kept[traceID]? -= exported
        state.statistics.promotedSpans += exported
        state.statistics.exceedingSpans += records.count - exported
        guard exported < records.count else { return records }
        unwanted = Array(records.dropLast(exported))
        return Array(records.suffix(exported))
    }

    /// Returns the memory of spans that nobody wants.
    private func giveBack(_ records: inout [SpanRecord]) {
        for index in records.indices {
            let pipeline = records[index].pipeline
            pipeline.give(&records[index])
        }
    }

    private func hold(_ record: SpanRecord, _ span: FinishedSpan, _ state: inout State) {
        let traceID = span.context.traceID
        let bytes = span.estimatedBytes
        guard !state.isClosed else {
            state.statistics.evictedSpans += 1
            return
        }
        if state.held[traceID] == nil {
            state.held[traceID] = Held(arrived: clock())
            state.arrivals.append(traceID)
        }
        state.held[traceID]?.records.append(record)
        state.held[traceID]?.bytes += bytes
        state.statistics.heldSpans += 1
        state.statistics.heldBytes += bytes
        // Traces that were kept leave gaps in the order; they must not pile up while nothing is evicted.
        if state.arrivals.count > 2 * state.held.count + 64 {
            let held = state.held
            state.arrivals.removeAll { held[$0] == nil }
        }
    }

    /// Makes room, the oldest trace first.
    private func evict(_ state: inout State) -> [SpanRecord] {
        var records: [SpanRecord] = []
        while state.statistics.heldBytes > configuration.maximumBytes, let oldest = state.arrivals.popFirst() {
            guard let evicted = state.held.removeValue(forKey: oldest) else { continue }
            state.statistics.heldSpans -= evicted.records.count
            state.statistics.heldBytes -= evicted.bytes
            state.statistics.evictedSpans += evicted.records.count
            if records.isEmpty { records = evicted.records } else { records += evicted.records }
        }
        return records
    }
}

/// A queue whose front is cheap to take.
private struct FIFO<Element> {
    private var elements: [Element] = []
    private var head = 0

    var count: Int { elements.count - head }
    var first: Element? { head < elements.count ? elements[head] : nil }

    mutating func append(_ element: Element) {
        elements.append(element)
    }

    mutating func popFirst() -> Element? {
        guard let first else { return nil }
        head += 1
        if head > 1024, head * 2 > elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return first
    }

    mutating func removeAll(where predicate: (Element) -> Bool) {
        elements.removeFirst(head)
        head = 0
        elements.removeAll(where: predicate)
    }
}

extension FinishedSpan {
    /// About how many bytes of memory the span takes, rather more than less: with all that a caller can make long.
    var estimatedBytes: Int {
        // The record with its object header, its place in dictionary and queue, and what the allocator rounds up.
        var bytes = MemoryLayout<FinishedSpan>.size + 400 + name.heapBytes + attributes.estimatedBytes
        bytes += context.traceState.estimatedBytes
        if case .error(let text) = status { bytes += text.heapBytes }
        for event in events {
            bytes += MemoryLayout<OTelSpan.Event>.stride + event.name.heapBytes + event.attributes.estimatedBytes
        }
        for link in links {
            bytes += MemoryLayout<OTelSpan.Link>.stride + link.context.traceState.estimatedBytes
            bytes += link.attributes.estimatedBytes
        }
        return bytes
    }
}

extension TraceState {
    /// Spans of a trace share it, but the last one that is held has to pay for it.
    fileprivate var estimatedBytes: Int { isEmpty ? 0 : 64 + header.utf8.count }
}

extension Attributes {
    fileprivate var estimatedBytes: Int {
        reduce(32 + capacity * MemoryLayout<Element>.stride) { $0 + $1.key.heapBytes + $1.value.heapBytes }
    }
}

extension AttributeValue {
    fileprivate var heapBytes: Int {
        switch self {
        case .bool, .int, .double, .empty: 0
        case .string(let text): text.heapBytes
        case .bytes(let bytes): 32 + bytes.count
        case .array(let values):
            values.reduce(32) { $0 + MemoryLayout<AttributeValue>.stride + $1.heapBytes }
        case .map(let values): values.estimatedBytes
        }
    }
}

extension String {
    /// Short texts are part of their owner.
    fileprivate var heapBytes: Int { utf8.count > 15 ? utf8.count + 32 : 0 }
}
