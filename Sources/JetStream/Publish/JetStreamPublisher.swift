internal import Synchronization

/// Publishes with many messages in flight, up to a window; who publishes more waits, as a task and never as a thread.
///
/// The order in which `send` is called by one task is the order in which the stream stores the messages, unless one of
/// them fails.
public final class JetStreamPublisher: Sendable {
    /// The stream's server.
    public let context: JetStreamContext
    /// How many messages may be unacknowledged.
    public let maximumInFlight: Int
    /// How long each message may take.
    public let timeout: Duration

    private let state = Mutex(State())

    private struct State {
        var inFlight = 0
        var failures = 0
        var acknowledged = 0
        var lastID: UInt64 = 0
        /// Who waits for room, in order.
        var senders: [(id: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
        var drains: [UInt64: CheckedContinuation<Void, any Error>] = [:]

        mutating func makeID() -> UInt64 {
            lastID += 1
            return lastID
        }
    }

    /// Creates a publisher.
    ///
    /// - Parameters:
    ///   - maximumInFlight: How many messages may be unacknowledged; some hundreds keep a server busy.
    ///   - timeout: How long each message may take, from `send` to the acknowledgement.
    public init(_ context: JetStreamContext, maximumInFlight: Int = 512, timeout: Duration = .seconds(5)) {
        self.context = context
        self.maximumInFlight = max(1, maximumInFlight)
        self.timeout = timeout
    }

    /// The messages that are in flight now.
    public var inFlight: Int { state.withLock { $0.inFlight } }
    /// The messages that have been acknowledged so far.
    public var acknowledged: Int { state.withLock { $0.acknowledged } }
    /// The messages that have failed so far; of those that timed out the outcome is unknown.
    public var failures: Int { state.withLock { $0.failures } }

    /// Sends a message as soon as the window has room, and returns without waiting for the acknowledgement.
    ///
    /// - Throws: `NATSError` when nothing was sent; `CancellationError`.
    @discardableResult
    public func send(_ message: EncodedMessage) async throws -> PendingPublish {
        try message.validate(maximumPayload: context.connection.maximumPayload)
        if !state.withLock({ takePlace(&$0) }) { try await waitForPlace() }
        let pending = PendingPublish(subject: message.subject, publisher: self)
        do {
            try await context.connection.core.request(message, timeout: timeout, handler: pending)
        } catch {
            release(isFailure: true)
            throw error
        }
        return pending
    }

    /// Publishes a message and waits until it is stored; counts in the window as long as that takes.
    ///
    /// - Throws: As `JetStreamContext.publish`.
    public func publish(_ message: EncodedMessage) async throws -> PublishAcknowledgement {
        try await JetStreamContext.retryingNoResponders(message.subject, timeout: timeout) { _ in
            try await send(message).acknowledgement()
        }
    }

    /// Waits until nothing is in flight.
    ///
    /// - Throws: `CancellationError`.
    public func drain() async throws {
        let id = state.withLock { $0.makeID() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let isDone = state.withLock { state in
                    if state.inFlight == 0 { return true }
                    state.drains[id] = continuation
                    return false
                }
                if isDone { continuation.resume() } else if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    // MARK: The window

    private func takePlace(_ state: inout State) -> Bool {
        guard state.senders.isEmpty, state.inFlight < maximumInFlight else { return false }
        state.inFlight += 1
        return true
    }

    private func waitForPlace() async throws {
        let id = state.withLock { $0.makeID() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let hasPlace = state.withLock { state in
                    if takePlace(&state) { return true }
                    state.senders.append((id, continuation))
                    return false
                }
                if hasPlace { continuation.resume() } else if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func cancel(_ id: UInt64) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            if let drain = state.drains.removeValue(forKey: id) { return drain }
            guard let index = state.senders.firstIndex(where: { $0.id == id }) else { return nil }
            return state.senders.remove(at: index).continuation
        }
        waiter?.resume(throwing: CancellationError())
    }

    func finished(_ result: Result<PublishAcknowledgement, any Error>) {
        if case .success = result { release(isFailure: false) } else { release(isFailure: true) }
    }

    private func release(isFailure: Bool) {
        let woken = state.withLock { state -> [CheckedContinuation<Void, any Error>] in
            state.inFlight -= 1
            if isFailure { state.failures += 1 } else { state.acknowledged += 1 }
            var woken: [CheckedContinuation<Void, any Error>] = []
            // A sender is woken when a quarter of the window is free, and then sends many without another wake-up.
            if !state.senders.isEmpty,
                state.inFlight <= maximumInFlight - maximumInFlight / 4 - (maximumInFlight < 4 ? 1 : 0)
            {
                let count = min(state.senders.count, maximumInFlight - state.inFlight)
                woken += state.senders[..<count].map(\.continuation)
                state.senders.removeFirst(count)
                state.inFlight += count
            }
            if state.inFlight == 0 {
                woken += state.drains.values
                state.drains = [:]
            }
            return woken
        }
        for waiter in woken { waiter.resume() }
    }
}
