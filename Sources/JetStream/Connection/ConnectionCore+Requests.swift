internal import Synchronization

/// Requests: one inbox for all of them, and a table from the last token of the reply subject to the caller.
extension ConnectionCore {
    func request(
        _ subject: String,
        headers: NATSHeaders?,
        payload: [UInt8],
        timeout: Duration
    ) async throws -> NATSMessage {
        let deadline = ContinuousClock.now + timeout
        return try await pending(subject, timeout: timeout, deadline: deadline) { id in
            .send(
                OutgoingMessage(
                    subject: subject,
                    reply: "\(self.inbox).\(id)",
                    headers: headers,
                    payload: payload,
                    request: id
                )
            )
        }
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
                    continuation: continuation
                )
                begin(id, request, command(id))
                // A cancellation before the registration found nothing to cancel.
                if Task.isCancelled { complete(id, .failure(CancellationError())) }
            }
        } onCancel: {
            complete(id, .failure(CancellationError()))
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
            if wakes.writer { writerSignal.wake() }
            if wakes.deadlines { deadlineSignal.wake() }
        case .failure(let error):
            request.continuation.resume(throwing: error)
        }
    }

    /// Resumes the caller of a request, unless something else has done so already.
    func complete(_ id: UInt64, _ outcome: Result<NATSMessage, any Error>) {
        state.withLock { $0.requests.removeValue(forKey: id) }?.continuation.resume(with: outcome)
    }
}

/// The subscription that receives every reply.
final class RequestInbox: SubscriptionHandler {
    private weak let core: ConnectionCore?

    init(core: ConnectionCore) {
        self.core = core
    }

    func received(_ message: borrowing IncomingMessage) {
        guard let core, let id = message.subjectToken else { return }
        // A late reply has nobody to go to: do not copy it.
        guard let request = core.state.withLock({ $0.requests.removeValue(forKey: id) }) else { return }
        if message.hasNoResponders {
            request.continuation.resume(
                throwing: NATSError(
                    .noResponders,
                    "nobody listens to '\(request.subject)'; the request was not processed"
                )
            )
        } else {
            request.continuation.resume(returning: message.copy())
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
        for request in requests { request.continuation.resume(throwing: error) }
    }
}
