internal import Synchronization
internal import Tracing

/// What is recorded about one span, in memory that is used again.
///
/// A record has one owner at a time: the span until it ends, then the processor, then the pool. Whoever holds a span
/// for longer keeps the record alive but can no longer change it.
///
/// `@unchecked Sendable`: `data` is only touched while `state` says that it is locked, or by the owner that ``end(at:)``
/// made the only one, which is also why exclusivity needs no check at run time (`isRefused` has its own rule); a record
/// goes back to the pool when nobody else refers to it.
final class SpanRecord: @unchecked Sendable {
    private enum State {
        static let open: UInt8 = 0
        static let locked: UInt8 = 1
        static let ended: UInt8 = 2
    }

    /// What is recorded. After ``end(at:)`` it belongs to who was handed the record.
    @exclusivity(unchecked) var data: FinishedSpan
    /// Whether the sampler chose the span, or only asked for its recording.
    @exclusivity(unchecked) var isSampled = false
    /// The tracer whose scope `data` has.
    @exclusivity(unchecked) var tracerNumber: UInt64 = 0
    /// What was written through the standard API and has not been converted yet.
    let standardAttributes = StandardAttributes()
    /// The context of the standard API that the span was started in, if it was started there. A span that is not sampled
    /// has none after its end: what others put into it must not be kept for as long as the span is held.
    @exclusivity(unchecked) var standardContext: InstrumentationContext?
    /// Whether its trace was counted as one that may not be kept. Only touched under the lock of ``TailKeep``, and by
    /// ``reset()``.
    @exclusivity(unchecked) var isRefused = false
    /// What it needs while it runs, and where it goes at the end.
    let pipeline: SpanPipeline
    /// The same, without counting references: ``pipeline`` keeps it alive.
    private let borrowedPipeline: Unmanaged<SpanPipeline>

    private let state = Atomic<UInt8>(State.ended)

    init(_ pipeline: SpanPipeline) {
        self.pipeline = pipeline
        borrowedPipeline = .passUnretained(pipeline)
        data = FinishedSpan(
            context: SpanContext(traceID: TraceID(high: 0, low: 0), spanID: SpanID(0), flags: []),
            name: "",
            startTime: 0,
            endTime: 0,
            scope: InstrumentationScope(name: "", schemaURL: "")
        )
    }

    deinit {
        // Nobody can end this span any more. It must not count as running for ever.
        if state.load(ordering: .relaxed) != State.ended { pipeline.statistics.spanAbandoned(isSampled: isSampled) }
    }

    /// Makes the record belong to a span that starts. Only for the owner, who then shares it.
    func open() {
        state.store(State.open, ordering: .releasing)
    }

    /// Whether the span has not ended.
    var isOpen: Bool { state.load(ordering: .relaxed) != State.ended }

    /// Changes what is recorded, unless the span has ended.
    @inline(__always)
    func change(_ body: (inout FinishedSpan) -> Void) {
        guard lock() else { return }
        body(&data)
        state.store(State.open, ordering: .releasing)
    }

    /// Reads what is recorded, also after the end.
    func read<T>(_ body: (FinishedSpan) -> T) -> T {
        guard lock() else { return body(data) }
        defer { state.store(State.open, ordering: .releasing) }
        return body(data)
    }

    /// Ends the record, once, and hands it on.
    @inline(__always)
    func end(at time: UInt64?) {
        borrowedPipeline._withUnsafeGuaranteedRef { pipeline in
            let time = time ?? pipeline.now()
            guard lock() else { return }
            // The wall clock may be set back while a span runs; a negative duration helps nobody.
            data.endTime = max(time, data.startTime)
            let context = isSampled || standardContext == nil ? nil : takeStandardContext()
            state.store(State.ended, ordering: .releasing)
            // Only now: with it may go something that looks at this span.
            withExtendedLifetime(context) {}
            pipeline.spanEnded(self)
        }
    }

    @inline(never)
    private func takeStandardContext() -> InstrumentationContext? {
        defer { standardContext = nil }
        return standardContext
    }

    /// A lock of one byte: two tasks rarely change the same span, and never for longer than an append.
    @inline(__always)
    private func lock() -> Bool {
        let (exchanged, original) = state.compareExchange(
            expected: State.open,
            desired: State.locked,
            ordering: .acquiring
        )
        if exchanged { return true }
        return original == State.ended ? false : lockContended()
    }

    @inline(never)
    private func lockContended() -> Bool {
        while true {
            let (exchanged, original) = state.weakCompareExchange(
                expected: State.open,
                desired: State.locked,
                successOrdering: .acquiring,
                failureOrdering: .acquiring
            )
            if exchanged { return true }
            if original == State.ended { return false }
            yieldThread()
        }
    }

    /// Completes what is recorded. Only for the owner, after the end.
    func complete() {
        guard standardAttributes.isWritten else { return }
        data.droppedAttributesCount += standardAttributes.convert(into: &data.attributes, pipeline.limits.span)
    }

    /// Forgets everything but the memory. Only for the owner.
    func reset() {
        if standardContext != nil { standardContext = nil }
        standardAttributes.clear()
        data.attributes.removeAll()
        data.events.removeAll(keepingCapacity: data.events.capacity <= Self.retainedEvents)
        data.links.removeAll(keepingCapacity: data.links.capacity <= Self.retainedEvents)
        data.droppedAttributesCount = 0
        data.droppedEventsCount = 0
        data.droppedLinksCount = 0
        data.status = .unset
        isRefused = false
    }

    private static let retainedEvents = 8
}
