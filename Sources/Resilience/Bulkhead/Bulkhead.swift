private import Synchronization

/// Limits how many calls are under way to a target, and how many wait for their turn.
///
/// What waits is let in first come, first served. The queue is bounded in length and in time: a queue without bounds only
/// turns an overload into one that nobody sees.
public final class Bulkhead: Sendable {
    /// The size of a bulkhead.
    public struct Configuration: Sendable, Hashable {
        /// How many calls may be under way, at least 1.
        public var maximumConcurrent: Int
        /// How many calls may wait, 0 for none.
        public var maximumQueued: Int
        /// How long a call may wait; nil for as long as its deadline allows.
        public var maximumWait: Duration?

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - maximumConcurrent: How many calls may be under way.
        ///   - maximumQueued: How many calls may wait.
        ///   - maximumWait: How long a call may wait.
        public init(maximumConcurrent: Int = 64, maximumQueued: Int = 64, maximumWait: Duration? = .milliseconds(500)) {
            self.maximumConcurrent = maximumConcurrent
            self.maximumQueued = maximumQueued
            self.maximumWait = maximumWait
        }
    }

    /// A bulkhead at one instant.
    public struct Snapshot: Sendable, Hashable {
        /// How many calls are under way.
        public let inFlight: Int
        /// How many calls may be under way.
        public let maximumConcurrent: Int
        /// How many calls wait.
        public let queued: Int
        /// How many calls were not made: the queue was full, or they had waited for too long.
        public let rejected: UInt64
    }

    private typealias Waiter = CheckedContinuation<Void, any Error>

    /// The name, the `name` label of the metrics: a static target, never an address.
    public let name: String
    private let configuration: Configuration
    private let time: TimeSource
    private let state: Mutex<BulkheadState<Waiter>>

    /// Creates a bulkhead.
    ///
    /// - Parameters:
    ///   - name: The name: a static target, never an address.
    ///   - configuration: The size.
    ///   - clock: The clock.
    public init<C: Clock>(name: String, configuration: Configuration = Configuration(), clock: C = ContinuousClock())
    where C.Instant == ContinuousClock.Instant {
        self.name = name
        self.configuration = configuration
        time = TimeSource(clock)
        state = Mutex(
            BulkheadState(
                maximumConcurrent: configuration.maximumConcurrent,
                maximumQueued: configuration.maximumQueued
            )
        )
    }

    /// Makes a call when there is room for it.
    ///
    /// - Parameters:
    ///   - deadline: The deadline of the call, beyond which it does not wait; the task's own by default.
    ///   - body: The call.
    /// - Throws: ``BulkheadRejected`` or ``DeadlineExceeded`` when there was no room in time, `CancellationError` when the
    ///   task was cancelled while it waited, what `body` throws otherwise.
    public nonisolated(nonsending) func call<Result>(
        deadline: Deadline? = .current,
        _ body: nonisolated(nonsending) () async throws -> Result
    ) async throws -> Result {
        if let number = try enter() { try await waitForTurn(number, deadline: deadline) }
        defer { leave() }
        return try await body()
    }

    /// The bulkhead now.
    public func snapshot() -> Snapshot {
        state.withLock { state in
            Snapshot(
                inFlight: state.inFlight,
                maximumConcurrent: state.maximumConcurrent,
                queued: state.queued,
                rejected: state.rejected
            )
        }
    }

    private enum Admission {
        case goesOn
        case waits(UInt64)
        case fails(any Error)
    }

    /// Lets a caller in, or gives it a number in the queue; with a waiter that number is its place.
    private func admit(
        _ state: inout BulkheadState<Waiter>,
        waiter: (waiter: Waiter, number: UInt64)?
    ) -> Admission {
        if state.enter() { return .goesOn }
        if state.isQueueFull { return .fails(rejection(.queueFull, &state)) }
        guard let (waiter, number) = waiter else { return .waits(state.takeNumber()) }
        state.enqueue(waiter, number: number)
        return .waits(number)
    }

    /// Lets a caller in at once, or gives it a number to wait with.
    func enter() throws -> UInt64? {
        switch state.withLock({ admit(&$0, waiter: nil) }) {
        case .goesOn: return nil
        case .waits(let number): return number
        case .fails(let error): throw error
        }
    }

    /// Makes room for the next one; once for each that was let in.
    func leave() {
        state.withLock { $0.leave() }?.resume()
    }

    /// Waits with a number until it is let in.
    func waitForTurn(_ number: UInt64, deadline: Deadline?) async throws {
        let patience = configuration.maximumWait.map { Deadline.after($0, from: time.now) }
        guard let limit = Deadline.earliest(patience, deadline) else { return try await wait(number) }
        do {
            // What waits is cancelled when its time is up. If it has been let in at that moment it goes on.
            try await limit.enforce(stage: .bulkhead, time: time) { try await self.wait(number) }
        } catch let error as DeadlineExceeded {
            if limit == deadline { throw error }
            throw state.withLock { rejection(.waitedTooLong, &$0) }
        }
    }

    /// Waits until it is let in.
    private func wait(_ number: UInt64) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (waiter: Waiter) in
                let admission = state.withLock { state in
                    // The handler below may have come before this; then the flag was set before it came.
                    Task.isCancelled ? .fails(CancellationError()) : admit(&state, waiter: (waiter, number))
                }
                switch admission {
                case .goesOn: waiter.resume()
                case .waits: break
                case .fails(let error): waiter.resume(throwing: error)
                }
            }
        } onCancel: {
            state.withLock { $0.remove(number) }?.resume(throwing: CancellationError())
        }
    }

    private func rejection(
        _ reason: BulkheadRejected.Reason,
        _ state: inout BulkheadState<Waiter>
    ) -> BulkheadRejected {
        state.reject()
        return BulkheadRejected(bulkhead: name, reason: reason, maximumConcurrent: state.maximumConcurrent)
    }
}
