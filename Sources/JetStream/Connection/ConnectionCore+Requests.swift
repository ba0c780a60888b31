internal import Synchronization
internal import Waiting

/// Requests: one inbox for all of them, and a table from the last token of the reply subject to the caller.
extension ConnectionCore {
    func request(_ message: EncodedMessage, timeout: Duration) async throws -> NATSMessage {
        let deadline = ContinuousClock.now + timeout
        return try await pending(message.subject, timeout: timeout, deadline: deadline) { id in
            .send(OutgoingMessage(message, request: id))
        }
    }

    /// Queues a request whose outcome goes to a handler; waits only for room in the queue.
    func request(_ message: EncodedMessage, timeout: Duration, handler: any ReplyHandler) async throws {
        let deadline = ContinuousClock.now + timeout
        while true {
            do {
                return try request(message, timeout: timeout, deadline: deadline, handler: handler)
            } catch  where error.code == .queueFull {
                try await waitForRoom(until: deadline)
            }
        }
    }

    /// Queues a request whose outcome goes to a handler, without waiting; when it throws, nothing was sent.
    func request(
        _ message: EncodedMessage,
        timeout: Duration,
        deadline: ContinuousClock.Instant,
        handler: any ReplyHandler
    ) throws(NATSError) {
        let result = state.withLock { state -> Result<(writer: Bool, deadlines: Bool), NATSError> in
            guard state.isRunning else { return .failure(.connectionIsClosed) }
            if let refusal = state.inboxRefusal { return .failure(refusal) }
            guard hasRoom(state) else {
                return .failure(
                    NATSError(.queueFull, "the queue of outgoing messages is full; '\(message.subject)' was not sent")
                )
            }
            let id = state.makeID()
            state.requests[id] = PendingRequest(
                subject: message.subject,
                timeout: timeout,
                deadline: deadline,
                receiver: .handler(handler)
            )
            return .success((state.enqueue(.send(OutgoingMessage(message, request: id))), state.plan(deadline)))
        }
        let wakes = try result.get()
        if wakes.writer { writerSignal.signal() }
        if wakes.deadlines { deadlineSignal.signal() }
    }

    func flush(timeout: Duration) async throws {
        let deadline = ContinuousClock.now + timeout
        _ = try await pending("flush", timeout: timeout, deadline: deadline) { .flush(request: $0, timeout: timeout) }
    }

    /// Registers a caller, queues its command and waits for the outcome.
    private func pending(
        _ subject: String,
        timeout: Duration,
        deadline: ContinuousClock.Instant,
        _ command: (UInt64) -> WriterCommand
    ) async throws -> NATSMessage {
        while !state.withLock({ hasRoom($0) || !$0.isRunning }) {
            try await waitForRoom(until: deadline)
        }
        let id = state.withLock { $0.makeID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let request = PendingRequest(
                    subject: subject,
                    timeout: timeout,
                    deadline: deadline,
                    receiver: .task(continuation)
                )
                begin(id, request, command(id))
                // A cancellation before the registration found nothing to cancel.
                if Task.isCancelled { fail(id, CancellationError()) }
            }
        } onCancel: {
            fail(id, CancellationError())
        }
    }

    private func begin(_ id: UInt64, _ request: PendingRequest, _ command: WriterCommand) {
        let result = state.withLock { state -> Result<(writer: Bool, deadlines: Bool), NATSError> in
            guard state.isRunning else { return .failure(.connectionIsClosed) }
            if let refusal = state.inboxRefusal { return .failure(refusal) }
            state.requests[id] = request
            return .success((state.enqueue(command), state.plan(request.deadline)))
        }
        switch result {
        case .success(let wakes):
            if wakes.writer { writerSignal.signal() }
            if wakes.deadlines { deadlineSignal.signal() }
        case .failure(let error):
            request.fail(error)
        }
    }

    /// Ends the wait of a request without a reply, unless something else has ended it already.
    func fail(_ id: UInt64, _ error: any Error) {
        state.withLock { $0.requests.removeValue(forKey: id) }?.fail(error)
    }

    /// Ends the wait for a round trip.
    func flushed(_ id: UInt64) {
        guard let request = state.withLock({ $0.requests.removeValue(forKey: id) }) else { return }
        if case .task(let continuation) = request.receiver { continuation.resume(returning: NATSMessage(subject: "")) }
    }
}

/// The subscription that receives every reply.
final class RequestInbox: SubscriptionHandler {
    private weak let core: ConnectionCore?

    init(core: ConnectionCore) {
        self.core = core
    }

    func received(_ message: consuming IncomingMessage) {
        guard let core, let id = message.subjectToken else { return }
        // A late reply has nobody to go to: do not copy it.
        guard let request = core.state.withLock({ $0.requests.removeValue(forKey: id) }) else { return }
        if message.hasNoResponders {
            request.fail(
                NATSError(.noResponders, "nobody listens to '\(request.subject)'; the request was not processed")
            )
        } else {
            request.succeed(message)
        }
    }

    func connectionLost() {}

    func connectionRestored(isNewServer: Bool) {
        core?.state.withLock { $0.inboxRefusal = nil }
    }

    func publishRefused(to subject: String, _ error: NATSError) {}

    func ended(_ error: NATSError) {
        guard let core, error.code == .permissionDenied else { return }
        let requests = core.state.withLock { state in
            state.inboxRefusal = error
            defer { state.requests.removeAll() }
            return Array(state.requests.values)
        }
        for request in requests { request.fail(error) }
    }
}
