private import Dispatch
private import Foundation
private import Synchronization
internal import Waiting

/// A bounded queue that a thread of its own empties in batches.
///
/// The semantics are those of the specification's batching processors: a batch goes out when it is full, when the delay is
/// over, when somebody asks for it, and at the end; never two at once. What does not fit is dropped and counted. Adding
/// takes a lock for the time of an append and wakes the thread at most once for each batch.
final class BatchQueue<Element: Sendable>: Sendable {
    typealias Configuration = BatchLogRecordProcessor.Configuration
    typealias Statistics = BatchLogRecordProcessor.Statistics
    typealias Export = @Sendable (_ batch: [Element], _ deadline: ContinuousClock.Instant) -> LogExportResult

    /// What the thread and the callers share. Separate from the queue so that the thread does not keep that alive.
    private let core: BatchQueueCore<Element>

    /// Creates a queue and starts its thread.
    ///
    /// - Parameters:
    ///   - threadName: What the thread is called.
    ///   - configuration: How much is kept and how often it is sent.
    ///   - export: Sends a batch, on the thread.
    init(threadName: String, configuration: Configuration, export: @escaping Export) {
        let core = BatchQueueCore<Element>(configuration: configuration)
        self.core = core
        let thread = Thread { core.run(export) }
        thread.name = threadName
        thread.start()
    }

    deinit {
        // A queue that was forgotten must not leave its thread behind.
        close()
    }

    var statistics: Statistics { core.statistics }

    /// Takes an element, or drops and counts it.
    func append(_ element: Element) { core.append(element) }

    /// Refuses what comes from now on. The thread ends when it has exported the rest.
    ///
    /// - Returns: Whether the queue was open.
    @discardableResult
    func close() -> Bool { core.close() }

    /// Waits until everything that has arrived so far is exported or lost; cancellation does not end the wait.
    ///
    /// - Parameter timeout: How long to wait at most.
    /// - Returns: Whether it was done in time.
    func flush(timeout: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            guard let waiter = core.addWaiter(continuation) else { return continuation.resume(returning: true) }
            // Not a task: those of a cancelled caller would be cancelled too.
            DispatchQueue.global().asyncAfter(deadline: .now() + timeout / .seconds(1)) { [core] in
                core.removeWaiter(waiter)?.resume(returning: false)
            }
        }
    }
}

/// The state of a ``BatchQueue`` and the loop of its thread.
private final class BatchQueueCore<Element: Sendable>: Sendable {
    private typealias Continuation = CheckedContinuation<Bool, Never>

    private struct State {
        var elements: [Element] = []
        var isOpen = true
        var statistics = BatchLogRecordProcessor.Statistics()
        /// Elements that were taken, and those of them whose export has returned.
        var accepted = 0
        var settled = 0
        /// Who waits, for how many elements, and what was lost before, which is not their concern.
        var waiters: [Int: (target: Int, lost: Int, continuation: Continuation)] = [:]
        var nextWaiter = 0
        /// Whether the thread has been woken and has not looked yet.
        var isWakeUpPending = false
        /// When what waits is sent at the latest.
        var due: ContinuousClock.Instant

        /// Elements that were lost on their way.
        var lost: Int { settled - statistics.exported }

        /// Notes that the thread is to look; returns whether it must be woken for that.
        mutating func needsWakeUp() -> Bool {
            defer { isWakeUpPending = true }
            return !isWakeUpPending
        }
    }

    private enum Step {
        case export([Element])
        case wait(ContinuousClock.Instant)
        case end
    }

    private let capacity: Int
    private let batchSize: Int
    private let delay: Duration
    private let timeout: Duration
    private let state: Mutex<State>
    private let wakeUp = WakeUpCall()

    init(configuration: BatchLogRecordProcessor.Configuration) {
        capacity = max(1, configuration.maximumQueueSize)
        // A batch that is larger than the queue would never be full.
        batchSize = min(max(1, configuration.maximumBatchSize), capacity)
        delay = max(.zero, configuration.scheduledDelay)
        timeout = configuration.exportTimeout
        state = Mutex(State(due: .now + max(.zero, configuration.scheduledDelay)))
    }

    var statistics: BatchLogRecordProcessor.Statistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.queued = state.elements.count
            return statistics
        }
    }

    func append(_ element: Element) {
        let mustWake = state.withLock { state in
            state.statistics.received += 1
            guard state.isOpen else {
                state.statistics.droppedAfterShutdown += 1
                return false
            }
            guard state.elements.count < capacity else {
                state.statistics.droppedQueueFull += 1
                return false
            }
            state.elements.append(element)
            state.accepted += 1
            guard state.elements.count >= batchSize || delay == .zero else { return false }
            return state.needsWakeUp()
        }
        if mustWake { wakeUp.signal() }
    }

    func close() -> Bool {
        let (wasOpen, mustWake) = state.withLock { state in
            let wasOpen = state.isOpen
            state.isOpen = false
            return (wasOpen, state.needsWakeUp())
        }
        if mustWake { wakeUp.signal() }
        return wasOpen
    }

    func addWaiter(_ continuation: CheckedContinuation<Bool, Never>) -> Int? {
        let (id, mustWake) = state.withLock { state -> (Int?, Bool) in
            guard state.settled < state.accepted else { return (nil, false) }
            state.nextWaiter += 1
            state.waiters[state.nextWaiter] = (state.accepted, state.lost, continuation)
            return (state.nextWaiter, state.needsWakeUp())
        }
        if mustWake { wakeUp.signal() }
        return id
    }

    func removeWaiter(_ id: Int) -> CheckedContinuation<Bool, Never>? {
        state.withLock { $0.waiters.removeValue(forKey: id)?.continuation }
    }

    // MARK: The thread

    func run(_ export: BatchQueue<Element>.Export) {
        while true {
            switch nextStep() {
            case .export(let batch):
                settle(batch.count, export(batch, .now + timeout))
            case .wait(let instant):
                _ = wakeUp.wait(for: instant - .now)
                state.withLock { $0.isWakeUpPending = false }
            case .end:
                return
            }
        }
    }

    private func nextStep() -> Step {
        let now = ContinuousClock.now
        return state.withLock { state in
            if state.elements.isEmpty {
                guard state.isOpen else { return .end }
                // Nothing to look for before the next delay is over; without one, an arrival wakes the thread.
                if now >= state.due { state.due = now + (delay > .zero ? delay : .seconds(86400)) }
                return .wait(state.due)
            }
            let isDue =
                state.elements.count >= batchSize || !state.waiters.isEmpty || !state.isOpen || delay == .zero
                || now >= state.due
            guard isDue else { return .wait(state.due) }
            let batch = Array(state.elements.prefix(batchSize))
            state.elements.removeFirst(batch.count)
            state.statistics.inFlight = batch.count
            return .export(batch)
        }
    }

    private func settle(_ count: Int, _ result: LogExportResult) {
        let ready = state.withLock { state -> [(Continuation, Bool)] in
            state.statistics.inFlight = 0
            // Every element is accounted for once, whatever the exporter's sum is.
            let exported = min(max(0, result.exported), count)
            state.statistics.exported += exported
            if exported < count {
                state.statistics.failed[result.errorType ?? "_OTHER", default: 0] += count - exported
            }
            state.settled += count
            state.due = .now + delay
            let ready = state.waiters.filter { $0.value.target <= state.settled }
            for id in ready.keys { state.waiters[id] = nil }
            return ready.values.map { ($0.continuation, state.lost == $0.lost) }
        }
        // At the deadline the exporter gives up what it has; that is settled, but not handed over.
        for (continuation, isHandedOver) in ready { continuation.resume(returning: isHandedOver) }
    }
}
