private import Synchronization

/// A clock that a test moves by hand. Its instants are those of `ContinuousClock`, so that deadlines can use it.
public final class ManualClock: Clock, Sendable {
    private struct Sleeper {
        let until: ContinuousClock.Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = ContinuousClock.now
        var sleepers: [UInt64: Sleeper] = [:]
        var next: UInt64 = 0
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    /// Creates a clock that stands still.
    public init() {}

    /// The instant that the clock was moved to.
    public var now: ContinuousClock.Instant { state.withLock { $0.now } }

    /// The least difference between two instants.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// How many sleep.
    public var sleepers: Int { state.withLock { $0.sleepers.count } }

    /// The earliest instant that somebody sleeps until.
    public var nextWakeUp: ContinuousClock.Instant? {
        state.withLock { state in state.sleepers.values.map(\.until).min() }
    }

    /// Sleeps until the clock has been moved to an instant.
    ///
    /// - Parameters:
    ///   - deadline: The instant.
    ///   - tolerance: Not used: the clock is exact.
    /// - Throws: `CancellationError` when the task is cancelled first.
    public func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration? = nil) async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enum Action {
                    case resume
                    case fail
                    case wake([CheckedContinuation<Void, Never>])
                }
                let action = state.withLock { state -> Action in
                    // The handler below may have come before; the flag was set before it came.
                    if Task.isCancelled { return .fail }
                    if state.now >= deadline { return .resume }
                    state.sleepers[id] = Sleeper(until: deadline, continuation: continuation)
                    let count = state.sleepers.count
                    let ready = state.waiting.filter { $0.count <= count }.map(\.continuation)
                    state.waiting.removeAll { $0.count <= count }
                    return .wake(ready)
                }
                switch action {
                case .resume: continuation.resume()
                case .fail: continuation.resume(throwing: CancellationError())
                case .wake(let ready): for waiter in ready { waiter.resume() }
                }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves the clock forward and wakes who has slept for long enough, the earliest first.
    ///
    /// - Parameter duration: How far.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.sorted { $0.until < $1.until }
        }
        for sleeper in due { sleeper.continuation.resume() }
    }

    /// Waits until at least a number of tasks sleep.
    ///
    /// - Parameter count: How many.
    public func waitForSleepers(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isReady { continuation.resume() }
        }
    }
}
