internal import Synchronization

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// What the spans of a provider need while they run and when they end, and the memory of those that have ended.
///
/// Records are used again, so that a steady stream of spans allocates nothing. Nobody waits for the pool: who finds it in
/// use makes a new record or lets one go.
///
/// `@unchecked Sendable`: `records` and `isClosed` are only touched while `isBusy` is held, which is also why their
/// exclusivity needs no check at run time; everything else is constant.
final class SpanPipeline: @unchecked Sendable {
    /// How many records one full queue and the batch beside it need.
    static let defaultCapacity = 2048 + 512

    let isEnabled: Bool
    let plan: SamplingPlan
    let tailKeep: TailKeep?
    private let baggageAllowList: BaggageAllowList
    let limits: SpanLimits
    let ids: IDGenerator
    let statistics = SpanStatisticsCounters()
    private let processor: any SpanProcessor
    /// Whether somebody receives the spans.
    let hasProcessor: Bool
    private let clock: (@Sendable () -> UInt64)?

    private let capacity: Int
    private let isBusy = Atomic<Bool>(false)
    @exclusivity(unchecked) private var records: [SpanRecord] = []
    @exclusivity(unchecked) private var isClosed = false

    /// - Parameters:
    ///   - isEnabled: Whether spans are made at all.
    ///   - sampler: Decides which spans are recorded.
    ///   - tailKeep: Holds what the sampler drops, for the case that it matters after all.
    ///   - baggageAllowList: The baggage that becomes attributes of recording spans.
    ///   - ids: Makes identifiers.
    ///   - limits: How much a span may hold.
    ///   - processor: Gets the spans that end.
    ///   - clock: The time in nanoseconds since the Unix epoch; the system's wall clock when `nil`.
    ///   - capacity: The most records that are kept for later.
    init(
        isEnabled: Bool = true,
        sampler: Sampler = .alwaysOn,
        tailKeep: TailKeep? = nil,
        baggageAllowList: BaggageAllowList = BaggageAllowList(),
        ids: consuming IDGenerator = IDGenerator(),
        limits: SpanLimits = SpanLimits(),
        processor: any SpanProcessor,
        clock: (@Sendable () -> UInt64)? = nil,
        capacity: Int = SpanPipeline.defaultCapacity
    ) {
        self.isEnabled = isEnabled
        plan = SamplingPlan(sampler)
        self.tailKeep = tailKeep
        self.baggageAllowList = baggageAllowList
        self.ids = ids
        self.limits = limits
        self.processor = processor
        hasProcessor = !(processor is NoOpSpanProcessor)
        self.clock = clock
        self.capacity = capacity
        records.reserveCapacity(capacity)
    }

    /// The time in nanoseconds since the Unix epoch.
    @inline(__always)
    func now() -> UInt64 {
        if let clock { return clock() }
        return Self.wallClock()
    }

    static func wallClock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec))
    }

    /// Copies the baggage that may be shown. Almost always there is none, and then there is nothing to do.
    @inline(__always)
    func copyBaggage(_ baggage: Baggage, to record: SpanRecord) {
        guard !baggage.isEmpty, !baggageAllowList.isEmpty else { return }
        record.data.attributes.merge(baggageAllowList.attributes(of: baggage))
    }

    /// Hands on a span that has just ended.
    @inline(__always)
    func spanEnded(_ record: SpanRecord) {
        statistics.spanEnded(isSampled: record.isSampled)
        if record.isSampled {
            processor.onEnd(EndedSpan(record))
        } else {
            tailKeep.map { promote($0.take(record)) }
        }
    }

    /// Exports all that is known of a trace and what is still to come.
    ///
    /// - Parameter record: The span that says so, if it is one of this process.
    func keepTrace(_ traceID: TraceID, _ reason: TailKeep.Reason, by record: SpanRecord? = nil) {
        tailKeep.map { promote($0.keep(traceID, reason, by: record)) }
    }

    /// Whether a trace that was not sampled is exported all the same.
    func isKept(_ traceID: TraceID) -> Bool { tailKeep?.isKept(traceID) ?? false }

    /// Hands on spans that are exported after all; they are sampled now.
    private func promote(_ records: [SpanRecord]) {
        for record in records {
            record.data.context = record.data.context.sampled
            processor.onEnd(EndedSpan(record))
        }
    }

    func forceFlush(timeout: Duration) async -> Bool { await processor.forceFlush(timeout: timeout) }

    func shutdown(timeout: Duration) async -> Bool { await processor.shutdown(timeout: timeout) }

    /// A record for a span that starts; only the caller has it.
    @inline(__always)
    func take() -> SpanRecord {
        guard tryLock() else { return SpanRecord(self) }
        let record = records.popLast()
        unlock()
        return record ?? SpanRecord(self)
    }

    /// Takes a record back when nobody else refers to it; otherwise it ends with its last user.
    ///
    /// - Parameter record: The caller's only reference.
    func give(_ record: inout SpanRecord) {
        guard isKnownUniquelyReferenced(&record) else { return }
        record.reset()
        guard tryLock() else { return }
        if !isClosed, records.count < capacity { records.append(record) }
        unlock()
    }

    /// Lets all records go and takes no more: they refer to the pool.
    func close() {
        tailKeep?.close()
        while !tryLock() { yieldThread() }
        isClosed = true
        let old = records
        records = []
        unlock()
        withExtendedLifetime(old) {}
    }

    @inline(__always)
    private func tryLock() -> Bool {
        isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    }

    @inline(__always)
    private func unlock() {
        isBusy.store(false, ordering: .releasing)
    }
}
