private import Dispatch
private import Foundation
private import Synchronization

/// Collects ended spans in a bounded queue and exports them in batches from a thread of its own.
///
/// A full queue drops new spans and counts them; ending a span never waits. Implements the OpenTelemetry trace SDK,
/// "Batching processor". The thread is the exporter's: requests and telemetry share neither event loops nor the
/// cooperative pool.
public final class BatchSpanProcessor: SpanProcessor {
    /// How much is kept and how often it is sent.
    public struct Configuration: Sendable, Hashable {
        /// Spans that may wait; more are dropped.
        public var maximumQueueSize = 2048
        /// The longest that a span waits for company; zero exports at once.
        public var scheduledDelay = Duration.seconds(5)
        /// The most spans of one export; never more than the queue holds.
        public var maximumBatchSize = 512
        /// How long one export may take, retries included.
        public var exportTimeout = Duration.seconds(30)

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

    private enum Phase {
        case running, stopping, stopped
    }

    /// Somebody who waits until everything up to a span has been exported.
    private struct Waiter {
        let target: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var queue: [FinishedSpan] = []
        var phase = Phase.running
        var statistics = Statistics()
        /// Spans that have left the queue and whose export has returned.
        var settled = 0
        var accepted = 0
        var waiters: [UInt64: Waiter] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let configuration: Configuration
    private let resource: Resource
    private let exporter: any SpanExporter
    private let shared: Shared

    /// What the thread and the callers share. Separate from the processor so that the thread does not keep it alive.
    private final class Shared: Sendable {
        let state = Mutex(State())
        let wakeUp = Signal()
    }

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - exporter: Sends the batches.
    ///   - resource: The process that makes the spans.
    ///   - configuration: How much is kept and how often it is sent. Sizes below one count as one.
    public init(exporter: any SpanExporter, resource: Resource, configuration: Configuration = Configuration()) {
        let configuration = configuration.normalised
        self.configuration = configuration
        self.resource = resource
        self.exporter = exporter
        shared = Shared()
        let thread = Thread { [shared, configuration, resource, exporter] in
            Self.work(shared: shared, configuration: configuration, resource: resource, exporter: exporter)
        }
        thread.name = "span-exporter"
        thread.start()
    }

    deinit {
        // A processor that was forgotten must not leave its thread behind.
        shared.state.withLock { $0.phase = .stopping }
        shared.wakeUp.signal()
    }

    /// What became of the spans so far.
    public var statistics: Statistics {
        shared.state.withLock { state in
            var statistics = state.statistics
            statistics.queued = state.queue.count
            return statistics
        }
    }

    /// The most spans that may wait.
    public var queueCapacity: Int { configuration.maximumQueueSize }

    /// Takes a span, or drops and counts it when the queue is full.
    public func onEnd(_ span: FinishedSpan) {
        let isBatchReady = shared.state.withLock { state in
            state.statistics.received += 1
            guard state.phase == .running else {
                state.statistics.droppedAfterShutdown += 1
                return false
            }
            guard state.queue.count < configuration.maximumQueueSize else {
                state.statistics.droppedQueueFull += 1
                return false
            }
            state.queue.append(span)
            state.accepted += 1
            // Who waits for nothing must be told of the first span; all others sleep until a batch is full.
            let isFirst = state.queue.count == 1 && configuration.scheduledDelay <= .zero
            return isFirst || state.queue.count == configuration.maximumBatchSize
        }
        if isBatchReady { shared.wakeUp.signal() }
    }

    /// Exports what has arrived. Cancellation does not end the wait, only the time-out does.
    public func forceFlush(timeout: Duration) async -> Bool {
        await waitUntilSettled(timeout: timeout)
    }

    /// Exports what has arrived, then refuses spans. The exporter's running call is ended at the deadline.
    ///
    /// Cancellation does not end the wait: a process that is told to stop at once has its last spans to hand over.
    public func shutdown(timeout: Duration) async -> Bool {
        let deadline = ContinuousClock.now + timeout
        let isFirst = shared.state.withLock { state in
            guard state.phase == .running else { return false }
            state.phase = .stopping
            return true
        }
        if isFirst { exporter.shutdown(deadline: deadline) }
        return await waitUntilSettled(timeout: timeout)
    }

    /// Waits until all spans that have arrived are exported or lost.
    private func waitUntilSettled(timeout: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            let id: UInt64? = shared.state.withLock { state in
                guard state.settled < state.accepted else { return nil }
                state.nextWaiter += 1
                state.waiters[state.nextWaiter] = Waiter(target: state.accepted, continuation: continuation)
                return state.nextWaiter
            }
            // Also when nothing is left: a shutdown ends the thread.
            shared.wakeUp.signal()
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
        while true {
            waitForWork(shared: shared, configuration: configuration)
            while exportBatch(
                shared: shared,
                configuration: configuration,
                resource: resource,
                exporter: exporter
            ) {}
            let isFinished = shared.state.withLock { state in
                guard state.phase != .running, state.queue.isEmpty else { return false }
                state.phase = .stopped
                return true
            }
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
            let isUrgent = shared.state.withLock { state in
                state.queue.count >= configuration.maximumBatchSize || !state.waiters.isEmpty
                    || state.phase != .running || (delay <= .zero && !state.queue.isEmpty)
            }
            guard !isUrgent, shared.wakeUp.wait(for: due - .now) else { return }
        }
    }

    /// Exports one batch.
    ///
    /// - Returns: Whether another full or awaited batch is there.
    private static func exportBatch(
        shared: Shared,
        configuration: Configuration,
        resource: Resource,
        exporter: any SpanExporter
    ) -> Bool {
        let batch = shared.state.withLock { state in
            let batch = Array(state.queue.prefix(configuration.maximumBatchSize))
            state.queue.removeFirst(batch.count)
            state.statistics.inFlight = batch.count
            return batch
        }
        guard !batch.isEmpty else { return false }
        let result = exporter.export(
            batch,
            resource: resource,
            deadline: ContinuousClock.now + configuration.exportTimeout
        )
        let (waiters, goOn) = shared.state.withLock { state in
            state.statistics.inFlight = 0
            // Every span is accounted for once, whatever the exporter's sum is.
            let exported = min(max(0, result.exported), batch.count)
            state.statistics.exported += exported
            if exported < batch.count {
                state.statistics.failed[result.errorType ?? "_OTHER", default: 0] += batch.count - exported
            }
            state.settled += batch.count
            let ready = state.waiters.filter { $0.value.target <= state.settled }
            for id in ready.keys { state.waiters[id] = nil }
            let goOn =
                state.queue.count >= configuration.maximumBatchSize
                || (!state.queue.isEmpty && (!state.waiters.isEmpty || state.phase != .running))
            return (ready.values.map(\.continuation), goOn)
        }
        for waiter in waiters { waiter.resume(returning: true) }
        return goOn
    }
}

/// A wake-up call for one thread that is remembered when it comes early.
private final class Signal: @unchecked Sendable {
    // `isSet` is only touched while `condition` is locked, which makes the class safe to share.
    private let condition = NSCondition()
    private var isSet = false

    func signal() {
        condition.lock()
        isSet = true
        condition.signal()
        condition.unlock()
    }

    /// Forgets calls that came early.
    func reset() {
        condition.lock()
        isSet = false
        condition.unlock()
    }

    /// Waits for a call, at most for a time.
    ///
    /// - Returns: Whether there was one.
    func wait(for duration: Duration) -> Bool {
        let deadline = Date(timeIntervalSinceNow: duration / .seconds(1))
        condition.lock()
        defer { condition.unlock() }
        while !isSet, condition.wait(until: deadline) {}
        return isSet
    }
}

extension BatchSpanProcessor.Configuration {
    /// The configuration with sizes that can work: a batch that is larger than the queue would never be full.
    fileprivate var normalised: Self {
        var configuration = self
        configuration.maximumQueueSize = max(1, maximumQueueSize)
        configuration.maximumBatchSize = min(max(1, maximumBatchSize), configuration.maximumQueueSize)
        return configuration
    }
}
