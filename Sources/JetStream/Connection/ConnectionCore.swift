internal import Logging
internal import Synchronization
internal import Waiting

/// The connection itself: the state that callers, libnats' callbacks and the two threads share.
///
/// The writer thread makes every blocking call of libnats. The deadline thread ends what takes too long, also while the
/// writer is stuck in a write; it needs no task and no timer per request.
final class ConnectionCore: Sendable {
    let configuration: NATSConfiguration
    let logger: Logger
    /// The subject under which all replies of this connection arrive, with one more token.
    let inbox: String
    let state = Mutex(ConnectionState())
    let writerSignal = WakeUpCall()
    let deadlineSignal = WakeUpCall()
    let counters = DeliveryCounters()

    init(_ configuration: NATSConfiguration, logger: Logger) throws(NATSError) {
        try configuration.validate()
        self.configuration = configuration
        self.logger = logger
        inbox = configuration.inboxPrefix + "." + Subjects.randomToken()
        let replies = RequestInbox(core: self)
        state.withLock {
            let id = $0.makeID()
            $0.subscriptions[id] = SubscriptionRegistration(subject: inbox + ".*", queueGroup: nil, handler: replies)
        }
    }

    // MARK: Sending

    /// Queues a message without waiting.
    ///
    /// - Throws: `.queueFull` when the queue is full, `.closed` after shutdown.
    func enqueue(_ message: OutgoingMessage) throws(NATSError) {
        let result = state.withLock { state -> Result<Bool, NATSError> in
            guard state.isRunning else { return .failure(.connectionIsClosed) }
            guard hasRoom(state) else {
                return .failure(
                    NATSError(.queueFull, "the queue of outgoing messages is full; '\(message.subject)' was not sent")
                )
            }
            return .success(state.enqueue(.send(message)))
        }
        if try result.get() { writerSignal.signal() }
    }

    /// Queues messages that belong together; the queue may exceed its limit by them.
    ///
    /// The last one may be a request, whose outcome goes to `request`.
    func enqueue(_ messages: [OutgoingMessage], request: PendingRequest) throws(NATSError) {
        let result = state.withLock { state -> Result<(writer: Bool, deadlines: Bool), NATSError> in
            guard state.isRunning else { return .failure(.connectionIsClosed) }
            if let refusal = state.inboxRefusal { return .failure(refusal) }
            guard hasRoom(state) else {
                return .failure(NATSError(.queueFull, "the queue of outgoing messages is full; nothing was sent"))
            }
            let id = state.makeID()
            state.requests[id] = request
            var wakes = false
            for (index, message) in messages.enumerated() {
                var message = message
                if index == messages.count - 1 { message.request = id }
                if state.enqueue(.send(message)) { wakes = true }
            }
            return .success((wakes, state.plan(request.deadline)))
        }
        let wakes = try result.get()
        if wakes.writer { writerSignal.signal() }
        if wakes.deadlines { deadlineSignal.signal() }
    }

    /// Queues a message; waits for room when the queue is full.
    func send(_ message: OutgoingMessage) async throws {
        while true {
            do {
                return try enqueue(message)
            } catch  where error.code == .queueFull {
                try await waitForRoom(until: nil)
            }
        }
    }

    func hasRoom(_ state: borrowing ConnectionState) -> Bool {
        state.hasRoom(
            maximumMessages: configuration.maximumQueuedMessages,
            maximumBytes: configuration.maximumQueuedBytes
        )
    }

    func waitForRoom(until deadline: ContinuousClock.Instant?) async throws {
        let id = state.withLock { $0.makeID() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                enum Next {
                    case resume
                    case wait(wakes: Bool)
                }
                let next = state.withLock { state -> Next in
                    guard state.isRunning, !hasRoom(state) else { return .resume }
                    state.spaceWaiters[id] = SpaceWaiter(deadline: deadline, continuation: continuation)
                    return .wait(wakes: deadline.map { state.plan($0) } ?? false)
                }
                switch next {
                case .resume:
                    continuation.resume()
                case .wait(let wakes):
                    if wakes { deadlineSignal.signal() }
                    if Task.isCancelled { cancelWaitForRoom(id) }
                }
            }
        } onCancel: {
            cancelWaitForRoom(id)
        }
    }

    private func cancelWaitForRoom(_ id: UInt64) {
        state.withLock { $0.spaceWaiters.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
    }

    // MARK: Subscriptions

    /// Adds a subscription that outlives reconnects; returns its identifier.
    func subscribe(_ registration: SubscriptionRegistration) throws(NATSError) -> UInt64 {
        let result = state.withLock { state -> (id: UInt64, wakes: Bool)? in
            guard state.isRunning else { return nil }
            let id = state.makeID()
            state.subscriptions[id] = registration
            return (id, state.enqueue(.subscribe(id)))
        }
        guard let result else { throw .connectionIsClosed }
        if result.wakes { writerSignal.signal() }
        return result.id
    }

    func unsubscribe(_ id: UInt64) {
        let wakes = state.withLock { state in
            state.alarms[id] = nil
            guard state.subscriptions.removeValue(forKey: id) != nil, state.isRunning else { return false }
            return state.enqueue(.unsubscribe(id))
        }
        if wakes { writerSignal.signal() }
    }

    /// Calls `action` on the deadline thread at `deadline`, instead of an earlier alarm of the same identifier.
    func setAlarm(_ id: UInt64, at deadline: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) {
        let wakes = state.withLock { state in
            guard state.isRunning else { return false }
            state.alarms[id] = ConnectionState.Alarm(deadline: deadline, action: action)
            return state.plan(deadline)
        }
        if wakes { deadlineSignal.signal() }
    }
}

extension NATSError {
    static let connectionIsClosed = NATSError(.closed, "the NATS connection is shut down")
}
