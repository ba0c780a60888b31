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

    private enum Finish<Result: Sendable>: Sendable {
        case returned(Result)
        case failed(any Error)
        case timeUp
        case timerStopped
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
            try await withThrowingTaskGroup(of: Finish<Result>.self) { group in
                group.addTaskAtOnce {
                    do { return .returned(try await operation()) } catch { return .failed(error) }
                }
                group.addTaskAtOnce {
                    do { try await time.sleep(until: instant) } catch { return .timerStopped }
                    return .timeUp
                }
                var isTimeUp = false
                for try await finish in group {
                    switch finish {
                    case .returned(let result):
                        group.cancelAll()
                        return result
                    case .failed(let error):
                        group.cancelAll()
                        guard isTimeUp else { throw error }
                        throw DeadlineExceeded(stage: stage, limit: start.duration(to: instant), cause: error)
                    case .timeUp:
                        isTimeUp = true
                        group.cancelAll()
                    case .timerStopped:
                        // The caller's task was cancelled, and so was the operation.
                        break
                    }
                }
                throw CancellationError()
            }
        }
    }
}

extension ThrowingTaskGroup {
    /// Adds a child that begins in this thread: one that is only enqueued costs the wake-up of another.
    fileprivate mutating func addTaskAtOnce(_ body: @escaping @Sendable () async throws -> ChildTaskResult) {
        if #available(macOS 26, *) { addImmediateTask(operation: body) } else { addTask(operation: body) }
    }
}
