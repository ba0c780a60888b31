private import Dispatch
private import Foundation
private import Synchronization
internal import Waiting

/// Collects ended spans in a bounded queue and exports them in batches from a thread of its own.
///
/// A full queue drops new spans and counts them; ending a span never waits. Implements the OpenTelemetry trace SDK,
/// "Batching processor". The thread is the exporter's: requests and telemetry share neither event loops nor the
/// cooperative pool.
public final class BatchSpanProcessor: SpanProcessor {
    /// How much is kept and how often it is sent.
    public struct Configuration: Sendable, Hashable {
        /// Spans that may wait; more are dropped. At most ``queueSizeLimit``.
        public var maximumQueueSize = 2048
        /// The longest that a span waits for company; zero exports at once.
        public var scheduledDelay = Duration.seconds(5)
        /// The most spans of one export; never more than the queue holds.
        public var maximumBatchSize = 512
        /// How long one export may take, retries included.
        public var exportTimeout = Duration.seconds(30)

        /// The largest queue: its places are made at the start, and spans of a gigabyte wait in it when it is full.
        public static let queueSizeLimit = 1 << 20

        /// Creates the specification's defaults.
        public init() {}
    }

    /// What became of the spans so far.
    public struct Statistics: Sendable, Hashable {
        /// Spans that arrived.
        public var received = 0
        /// Spans that were dropped because the queue was full.
        public var droppedQueueFull = 0
        /// Spans that arrived after the shutdown.
        public var droppedAfterShutdown = 0
        /// Spans that the backend took.
        public var exported = 0
        /// Spans that the exporter lost, by `error.type`.
        public var failed: [String: Int] = [:]
        /// Spans that wait.
        public var queued = 0
        /// Spans of the batch that is being exported.
        public var inFlight = 0
    }

    /// Somebody who waits until everything up to a span has been exported.
    private struct Waiter {
        let target: Int
        /// What was lost before, which is not this waiter's concern.
        let lost: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    /// What the exporting thread has done, and who waits for it.
    private struct State {
        var isStopping = false
        /// Spans whose export has returned: those that were exported and those that were lost.
        var settled = 0
        var exported = 0
        var failed: [String: Int] = [:]
        var waiters: [UInt64: Waiter] = [:]
        var nextWaiter: UInt64 = 0

        /// Spans that were lost on their way.
        var lost: Int { settled - exported }
    }

    private let exporter: any SpanExporter
    private let configuration: Configuration
    private let shared: Shared

    /// What the thread and the callers share. Separate from the processor so that the thread does not keep it alive.
    private final class Shared: Sendable {
        let queue: SpanRing
        let droppedQueueFull = Atomic<Int>(0)
        let droppedAfterShutdown = Atomic<Int>(0)
        /// Whether the thread has been called and has not looked since.
        let isCalled = Atomic<Bool>(false)
        let state = Mutex(State())
        let wakeUp = WakeUpCall()

        init(capacity: Int) {
            queue = SpanRing(capacity: capacity)
        }

        /// Calls the thread, once until it looks.
        func call() {
            guard !isCalled.exchange(true, ordering: .sequentiallyConsistent) else { return }
            wakeUp.signal()
        }
    }

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - exporter: Sends the batches.
    ///   - resource: The process that makes the spans.
    ///   - configuration: How much is kept and how often it is sent. Sizes below one count as one, larger queues than
    ///     the limit as that.
    public init(exporter: any SpanExporter, resource: Resource, configuration: Configuration = Configuration()) {
        let configuration = configuration.normalised
        self.configuration = configuration
        self.exporter = exporter
        shared = Shared(capacity: configuration.maximumQueueSize)
        let thread = Thread { [shared] in
            Self.work(shared: shared, configuration: configuration, resource: resource, exporter: exporter)
        }
        thread.name = "span-exporter"
        thread.start()
    }

    deinit {
        // A processor that was forgotten must not leave its thread behind.
        shared.queue.close()
        shared.state.withLock { $0.isStopping = true }
        shared.call()
    }

    /// Where the spans are sent to.
    var server: ExportServer? { exporter.server }

    /// What became of the spans so far: every span that arrived is counted once, at any time.
    public var statistics: Statistics {
        shared.state.withLock { state in
            let taken = shared.queue.taken
            let accepted = shared.queue.accepted
            var statistics = Statistics()
            statistics.droppedQueueFull = shared.droppedQueueFull.load(ordering: .relaxed)
            statistics.droppedAfterShutdown = shared.droppedAfterShutdown.load(ordering: .relaxed)
            statistics.received = accepted + statistics.droppedQueueFull + statistics.droppedAfterShutdown
            statistics.exported = state.exported
            statistics.failed = state.failed
            statistics.queued = accepted - taken
            statistics.inFlight = taken - state.settled
            return statistics
        }
    }

    /// The most spans that may wait.
    public var queueCapacity: Int { configuration.maximumQueueSize }

    /// Takes a span, or drops and counts it when the queue is full. Takes no lock and allocates nothing.
    public func onEnd(_ span: EndedSpan) {
        switch shared.queue.push(span.record) {
        case .accepted(let pending):
            if pending >= configuration.callThreshold, !shared.isCalled.load(ordering: .sequentiallyConsistent) {
                shared.call()
            }
        case .full: shared.droppedQueueFull.wrappingAdd(1, ordering: .relaxed)
        case .closed: shared.droppedAfterShutdown.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Takes a span that no tracer made.
    public func onEnd(_ span: FinishedSpan) { onEnd(EndedSpan(span)) }

    /// Exports what has arrived. Cancellation does not end the wait, only the time-out does.
    public func forceFlush(timeout: Duration) async -> Bool {
        await waitUntilSettled(timeout: timeout)
    }

    /// Exports what has arrived, then refuses spans. The exporter's running call is ended at the deadline.
    ///
    /// Cancellation does not end the wait: a process that is told to stop at once has its last spans to hand over.
    public func shutdown(timeout: Duration) async -> Bool {
        let deadline = ContinuousClock.now + timeout
        shared.queue.close()
        let isFirst = shared.state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        if isFirst { exporter.shutdown(deadline: deadline) }
        return await waitUntilSettled(timeout: timeout)
    }

    /// Waits until all spans that have arrived are exported or lost.
    private func waitUntilSettled(timeout: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            let id: UInt64? = shared.state.withLock { state in
                let target = shared.queue.accepted
                guard state.settled < target else { return nil }
                state.nextWaiter += 1
                state.waiters[state.nextWaiter] = Waiter(
                    target: target,
                    lost: state.lost,
                    continuation: continuation
                )
                return state.nextWaiter
            }
            // Also when nothing is left: a shutdown ends the thread.
            shared.call()
            guard let id else { return continuation.resume(returning: true) }
            // Not a task: those of a cancelled caller would be cancelled too.
            DispatchQueue.global().asyncAfter(deadline: .now() + timeout / .seconds(1)) { [shared] in
                let waiter = shared.state.withLock { $0.waiters.removeValue(forKey: id) }
                waiter?.continuation.resume(returning: false)
            }
        }
    }

    // MARK: The thread

    private static func work(
        shared: Shared,
        configuration: Configuration,
        resource: Resource,
        exporter: any SpanExporter
    ) {
        // Used for every batch, so that a steady stream of spans needs no new memory here either.
        var records: [SpanRecord] = []
        var batch: [FinishedSpan] = []
        records.reserveCapacity(configuration.maximumBatchSize)
        batch.reserveCapacity(configuration.maximumBatchSize)
        while true {
            waitForWork(shared: shared, configuration: configuration)
            repeat {
                takeBatch(from: shared.queue, upTo: configuration.maximumBatchSize, into: &records, &batch)
                if !batch.isEmpty {
                    let result = exporter.export(
                        batch,
                        resource: resource,
                        deadline: ContinuousClock.now + configuration.exportTimeout
                    )
                    settle(batch.count, result, shared: shared)
                    giveBack(&records, &batch)
                }
            } while isMoreDue(shared: shared, configuration: configuration)
            let isFinished = shared.state.withLock(\.isStopping) && shared.queue.taken == shared.queue.accepted
            if isFinished { return }
        }
    }

    /// Waits until the delay is over, a batch is full, or somebody asks for an export.
    private static func waitForWork(shared: Shared, configuration: Configuration) {
        let delay = configuration.scheduledDelay
        // Without a delay there is nothing to look for before a span arrives, and its arrival is signalled.
        let due = ContinuousClock.now + (delay > .zero ? delay : .seconds(86400))
        while true {
            // Before looking, so that a call which an export has already answered does not end the next wait.
            shared.wakeUp.reset()
            shared.isCalled.store(false, ordering: .sequentiallyConsistent)
            let isAwaited = shared.state.withLock { $0.isStopping || !$0.waiters.isEmpty }
            let isDue = isAwaited || pending(shared.queue) >= configuration.callThreshold
            guard !isDue, shared.wakeUp.wait(for: due - .now) else { return }
        }
    }

    private static func pending(_ queue: SpanRing) -> Int {
        let taken = queue.taken
        return queue.accepted - taken
    }

    private static func takeBatch(
        from queue: SpanRing,
        upTo count: Int,
        into records: inout [SpanRecord],
        _ batch: inout [FinishedSpan]
    ) {
        while records.count < count, let record = queue.pop() {
            record.complete()
            batch.append(record.data)
            records.append(record)
        }
    }

    /// Counts what became of a batch and tells those who waited for it.
    private static func settle(_ count: Int, _ result: SpanExportResult, shared: Shared) {
        let waiters = shared.state.withLock { state in
            // Every span is accounted for once, whatever the exporter's sum is.
            let exported = min(max(0, result.exported), count)
            state.exported += exported
            if exported < count {
                state.failed[result.errorType ?? "_OTHER", default: 0] += count - exported
            }
            state.settled += count
            let ready = state.waiters.filter { $0.value.target <= state.settled }
            for id in ready.keys { state.waiters[id] = nil }
            return ready.values.map { ($0.continuation, state.lost == $0.lost) }
        }
        // At the deadline the exporter gives up what it has; that is settled, but not handed over.
        for (waiter, isHandedOver) in waiters { waiter.resume(returning: isHandedOver) }
    }

    /// Returns the records to where they came from. The copies first: they share the records' memory.
    private static func giveBack(_ records: inout [SpanRecord], _ batch: inout [FinishedSpan]) {
        batch.removeAll(keepingCapacity: true)
        for index in records.indices {
            let pipeline = records[index].pipeline
            pipeline.give(&records[index])
        }
        records.removeAll(keepingCapacity: true)
    }

    /// Whether another full or awaited batch is there.
    private static func isMoreDue(shared: Shared, configuration: Configuration) -> Bool {
        let pending = pending(shared.queue)
        if pending >= configuration.maximumBatchSize { return true }
        return pending > 0 && shared.state.withLock { $0.isStopping || !$0.waiters.isEmpty }
    }
}

extension BatchSpanProcessor.Configuration {
    /// How many spans must wait before the thread is called: one when nothing may wait for company.
    fileprivate var callThreshold: Int { scheduledDelay <= .zero ? 1 : maximumBatchSize }

    /// The configuration with sizes that can work: a batch that is larger than the queue would never be full.
    fileprivate var normalised: Self {
        var configuration = self
        configuration.maximumQueueSize = min(max(1, maximumQueueSize), Self.queueSizeLimit)
        configuration.maximumBatchSize = min(max(1, maximumBatchSize), configuration.maximumQueueSize)
        return configuration
    }
}
