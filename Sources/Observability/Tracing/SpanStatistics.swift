internal import Synchronization

/// How many spans were started and what became of them.
///
/// Every recording span is, at any time, running, ended or abandoned: `started = live + ended + abandoned`, for the
/// sampled and for the recorded ones alike. Source of `otel.sdk.span.started` and `otel.sdk.span.live`.
public struct SpanStatistics: Sendable, Hashable {
    /// Where the parent of a span is: `otel.span.parent.origin`.
    public enum ParentOrigin: String, Sendable, CaseIterable {
        /// The span is a root.
        case none
        /// The parent is a span of this process.
        case local
        /// The parent is a span of another process.
        case remote
    }

    /// What the sampler decided: `otel.span.sampling_result`.
    public enum SamplingResult: String, Sendable, CaseIterable {
        /// Nothing is recorded.
        case drop = "DROP"
        /// Recorded, and exported only if the trace is kept after all.
        case recordOnly = "RECORD_ONLY"
        /// Recorded and exported.
        case recordAndSample = "RECORD_AND_SAMPLE"
    }

    /// What tells started spans apart.
    public struct Start: Sendable, Hashable {
        /// Where the parent is.
        public let parent: ParentOrigin
        /// What the sampler decided.
        public let result: SamplingResult
    }

    /// Spans that were started.
    public var started: [Start: Int] = [:]
    /// Recording spans that were ended, by the sampler's decision.
    public var ended: [SamplingResult: Int] = [:]
    /// Recording spans that nobody refers to any more and that were never ended: a mistake of the code that made them.
    public var abandoned: [SamplingResult: Int] = [:]

    /// Spans that were started with a result, whatever their parent.
    public func started(_ result: SamplingResult) -> Int {
        ParentOrigin.allCases.reduce(0) { $0 + (started[Start(parent: $1, result: result)] ?? 0) }
    }

    /// Recording spans that are still running.
    public func live(_ result: SamplingResult) -> Int {
        result == .drop ? 0 : started(result) - (ended[result] ?? 0) - (abandoned[result] ?? 0)
    }
}

/// The counters behind ``SpanStatistics``: one relaxed addition when a span starts and one when it ends.
struct SpanStatisticsCounters: ~Copyable, Sendable {
    private let noneDrop = Atomic<Int>(0)
    private let noneRecord = Atomic<Int>(0)
    private let noneSample = Atomic<Int>(0)
    private let localDrop = Atomic<Int>(0)
    private let localRecord = Atomic<Int>(0)
    private let localSample = Atomic<Int>(0)
    private let remoteDrop = Atomic<Int>(0)
    private let remoteRecord = Atomic<Int>(0)
    private let remoteSample = Atomic<Int>(0)
    private let endedRecord = Atomic<Int>(0)
    private let endedSample = Atomic<Int>(0)
    private let abandonedRecord = Atomic<Int>(0)
    private let abandonedSample = Atomic<Int>(0)

    @inline(__always)
    func spanStarted(parentIsRemote: Bool?, result: SpanStatistics.SamplingResult) {
        switch (parentIsRemote, result) {
        case (nil, .drop): noneDrop.wrappingAdd(1, ordering: .relaxed)
        case (nil, .recordOnly): noneRecord.wrappingAdd(1, ordering: .relaxed)
        case (nil, .recordAndSample): noneSample.wrappingAdd(1, ordering: .relaxed)
        case (false?, .drop): localDrop.wrappingAdd(1, ordering: .relaxed)
        case (false?, .recordOnly): localRecord.wrappingAdd(1, ordering: .relaxed)
        case (false?, .recordAndSample): localSample.wrappingAdd(1, ordering: .relaxed)
        case (true?, .drop): remoteDrop.wrappingAdd(1, ordering: .relaxed)
        case (true?, .recordOnly): remoteRecord.wrappingAdd(1, ordering: .relaxed)
        case (true?, .recordAndSample): remoteSample.wrappingAdd(1, ordering: .relaxed)
        }
    }

    @inline(__always)
    func spanEnded(isSampled: Bool) {
        if isSampled {
            endedSample.wrappingAdd(1, ordering: .relaxed)
        } else {
            endedRecord.wrappingAdd(1, ordering: .relaxed)
        }
    }

    func spanAbandoned(isSampled: Bool) {
        if isSampled {
            abandonedSample.wrappingAdd(1, ordering: .relaxed)
        } else {
            abandonedRecord.wrappingAdd(1, ordering: .relaxed)
        }
    }

    var snapshot: SpanStatistics {
        var statistics = SpanStatistics()
        // Ends before starts, so that a span that starts and ends meanwhile is not ended before it began.
        statistics.ended = [
            .recordOnly: endedRecord.load(ordering: .acquiring),
            .recordAndSample: endedSample.load(ordering: .acquiring),
        ]
        statistics.abandoned = [
            .recordOnly: abandonedRecord.load(ordering: .acquiring),
            .recordAndSample: abandonedSample.load(ordering: .acquiring),
        ]
        let started: [(SpanStatistics.ParentOrigin, SpanStatistics.SamplingResult, Int)] = [
            (.none, .drop, noneDrop.load(ordering: .relaxed)),
            (.none, .recordOnly, noneRecord.load(ordering: .relaxed)),
            (.none, .recordAndSample, noneSample.load(ordering: .relaxed)),
            (.local, .drop, localDrop.load(ordering: .relaxed)),
            (.local, .recordOnly, localRecord.load(ordering: .relaxed)),
            (.local, .recordAndSample, localSample.load(ordering: .relaxed)),
            (.remote, .drop, remoteDrop.load(ordering: .relaxed)),
            (.remote, .recordOnly, remoteRecord.load(ordering: .relaxed)),
            (.remote, .recordAndSample, remoteSample.load(ordering: .relaxed)),
        ]
        for (parent, result, count) in started {
            statistics.started[SpanStatistics.Start(parent: parent, result: result)] = count
        }
        return statistics
    }
}
