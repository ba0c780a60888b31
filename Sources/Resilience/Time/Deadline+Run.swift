internal import Synchronization

extension Deadline {
    /// Runs an operation that must have ended within a duration, and within the deadline of the running task.
    ///
    /// When time is up the operation is cancelled, and its end is awaited. An operation that honours cancellation makes
    /// this return within its own reaction time after the deadline. One that ignores cancellation makes this return
    /// late: structured concurrency has no way to leave a child behind, and leaving one behind would hide work that
    /// still runs and holds what it holds. Wrap only what can be cancelled; blocking calls need a time-out of their own.
    ///
    /// What the operation returns is returned, also when it returns late: the work is done, and who threw its result away
    /// would only repeat it.
    ///
    /// - Parameters:
    ///   - duration: How long the operation may take.
    ///   - stage: What is reported when time is up.
    ///   - clock: The clock.
    ///   - operation: The operation; it sees the deadline in ``current``.
    /// - Throws: ``DeadlineExceeded`` when time was up before the operation ended, what the operation throws otherwise.
    public static func run<Result: Sendable, C: Clock>(
        within duration: Duration,
        stage: DeadlineExceeded.Stage = .operation,
        clock: C = ContinuousClock(),
        operation: @escaping @Sendable () async throws -> Result
    ) async throws -> Result where C.Instant == ContinuousClock.Instant {
        try await run(until: .after(duration, from: clock.now), stage: stage, clock: clock, operation: operation)
    }

    /// Runs an operation that must have ended by a deadline, and by that of the running task.
    ///
    /// - Parameters:
    ///   - deadline: When it must have ended.
    ///   - stage: What is reported when time is up.
    ///   - clock: The clock.
    ///   - operation: The operation; it sees the deadline in ``current``.
    /// - Throws: ``DeadlineExceeded`` when time was up before the operation ended, what the operation throws otherwise.
    public static func run<Result: Sendable, C: Clock>(
        until deadline: Deadline,
        stage: DeadlineExceeded.Stage = .operation,
        clock: C = ContinuousClock(),
        operation: @escaping @Sendable () async throws -> Result
    ) async throws -> Result where C.Instant == ContinuousClock.Instant {
        let deadline = current.map { min($0, deadline) } ?? deadline
        return try await deadline.enforce(stage: stage, time: TimeSource(clock), operation)
    }

    /// Runs an operation under this deadline, which becomes the current one.
    func enforce<Result: Sendable>(
        stage: DeadlineExceeded.Stage,
        time: TimeSource,
        _ operation: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let start = time.now
        guard !hasPassed(at: start) else { throw DeadlineExceeded(stage: stage, limit: .zero, cause: nil) }
        return try await Deadline.$current.withValue(self) {
            // What is cancelled already is not cancelled once more.
            guard !Task.isCancelled else { return try await operation() }
            let alarm = Cancellation<Result>(at: instant)
            // A task that one await owns: a group would cost more, and another task that sleeps beside it ten times as much.
            let task = beginAtOnce {
                defer { alarm.finish() }
                return try await operation()
            }
            // What never waited has ended by now.
            if alarm.attach(task) { time.set(alarm) }
            defer { time.stop(alarm) }
            do {
                return try await withTaskCancellationHandler {
                    try await task.value
                } onCancel: {
                    task.cancel()
                }
            } catch  where alarm.hasRung {
                throw DeadlineExceeded(stage: stage, limit: start.duration(to: instant), cause: error)
            }
        }
    }
}

/// Begins in this thread: a task that is only enqueued costs the wake-up of another thread.
///
/// - Returns: The task, which the caller must await and cancel when it is cancelled itself.
private func beginAtOnce<Result: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Result
) -> Task<Result, any Error> {
    if #available(macOS 26, *) {
        Task.immediate(operation: operation)
    } else {
        Task(operation: operation)
    }
}

/// Cancels a task when it rings.
private final class Cancellation<Result: Sendable>: Alarm, @unchecked Sendable {
    // Sendable: what it adds is in a mutex.
    private enum State {
        case notBegun
        case running(Task<Result, any Error>)
        case rung
        case ended
    }

    private let state = Mutex(State.notBegun)

    var hasRung: Bool {
        state.withLock { if case .rung = $0 { true } else { false } }
    }

    /// Takes the task that is to be cancelled.
    ///
    /// - Returns: Whether it still runs.
    func attach(_ task: Task<Result, any Error>) -> Bool {
        state.withLock { state in
            guard case .notBegun = state else { return false }
            state = .running(task)
            return true
        }
    }

    /// The task has ended, or is about to; there is nothing to cancel any more.
    func finish() {
        state.withLock { state in
            if case .rung = state { return }
            state = .ended
        }
    }

    override func ring() {
        let task: Task<Result, any Error>? = state.withLock { state in
            guard case .running(let task) = state else { return nil }
            state = .rung
            return task
        }
        task?.cancel()
    }
}
