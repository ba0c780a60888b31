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
        /// The longest that a span waits for company.
        public var scheduledDelay = Duration.seconds(5)
        /// The most spans of one export.
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
        let continuation: CheckedContinuation<Void, Never>
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
    ///   - configuration: How much is kept and how often it is sent.
    public init(exporter: any SpanExporter, resource: Resource, configuration: Configuration = Configuration()) {
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
            return state.queue.count == configuration.maximumBatchSize
        }
        if isBatchReady { shared.wakeUp.signal() }
    }

    /// Exports what has arrived.
    public func forceFlush(timeout: Duration) async -> Bool {
        await waitUntilSettled(timeout: timeout)
    }

    /// Exports what has arrived, then refuses spans. The exporter's running call is ended at the deadline.
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

    private func waitUntilSettled(timeout: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.settled() }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return false
            }
            let isSettled = await group.next() ?? false
            group.cancelAll()
            return isSettled
        }
    }

    /// Waits until all spans that have arrived are exported or lost; cancellation ends the wait.
    private func settled() async -> Bool {
        let id = shared.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = shared.state.withLock { state in
                    guard state.settled < state.accepted, !Task.isCancelled else { return true }
                    state.waiters[id] = Waiter(target: state.accepted, continuation: continuation)
                    return false
                }
                if isDone { continuation.resume() } else { shared.wakeUp.signal() }
            }
        } onCancel: {
            let waiter = shared.state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.continuation.resume()
        }
        return !Task.isCancelled
    }

    // MARK: The thread

    private static func work(
        shared: Shared,
        configuration: Configuration,
        resource: Resource,
        exporter: any SpanExporter
    ) {
        while true {
            let isUrgent = shared.state.withLock { state in
                state.queue.count >= configuration.maximumBatchSize || !state.waiters.isEmpty
                    || state.phase != .running
            }
            if !isUrgent { shared.wakeUp.wait(for: configuration.scheduledDelay) }
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
            state.statistics.exported += result.exported
            if result.failed > 0 {
                state.statistics.failed[result.errorType ?? "_OTHER", default: 0] += result.failed
            }
            state.settled += batch.count
            let ready = state.waiters.filter { $0.value.target <= state.settled }
            for id in ready.keys { state.waiters[id] = nil }
            let goOn =
                state.queue.count >= configuration.maximumBatchSize
                || (!state.queue.isEmpty && (!state.waiters.isEmpty || state.phase != .running))
            return (ready.values.map(\.continuation), goOn)
        }
        for waiter in waiters { waiter.resume() }
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

    func wait(for duration: Duration) {
        let deadline = Date(timeIntervalSinceNow: duration / .seconds(1))
        condition.lock()
        while !isSet, condition.wait(until: deadline) {}
        isSet = false
        condition.unlock()
    }
}
