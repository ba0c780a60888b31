internal import Synchronization

/// A message that is on its way to a stream.
///
/// Its place in the publisher's window is free again when the outcome is known, whether or not somebody waits for it.
public final class PendingPublish: Sendable {
    private enum State {
        case waiting([UInt64: CheckedContinuation<PublishAcknowledgement, any Error>], last: UInt64)
        case done(Result<PublishAcknowledgement, any Error>)
    }

    private let subject: String
    private let publisher: JetStreamPublisher?
    private let state = Mutex(State.waiting([:], last: 0))

    init(subject: String, publisher: JetStreamPublisher?) {
        self.subject = subject
        self.publisher = publisher
    }

    /// Waits until the message is stored.
    ///
    /// - Throws: `JetStreamError` when the stream refuses the message, `NATSError` when the request fails (`.timeout`:
    ///   unknown outcome; `.noResponders`: not stored), `CancellationError` when the waiting task is cancelled, which
    ///   does not take the message back.
    public func acknowledgement() async throws -> PublishAcknowledgement {
        let id = state.withLock { state -> UInt64 in
            guard case .waiting(let waiters, let last) = state else { return 0 }
            state = .waiting(waiters, last: last + 1)
            return last + 1
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let known = state.withLock { state -> Result<PublishAcknowledgement, any Error>? in
                    switch state {
                    case .done(let result):
                        return result
                    case .waiting(var waiters, let last):
                        waiters[id] = continuation
                        state = .waiting(waiters, last: last)
                        return nil
                    }
                }
                if let known { continuation.resume(with: known) } else if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func cancel(_ id: UInt64) {
        let waiter = state.withLock { state -> CheckedContinuation<PublishAcknowledgement, any Error>? in
            guard case .waiting(var waiters, let last) = state else { return nil }
            defer { state = .waiting(waiters, last: last) }
            return waiters.removeValue(forKey: id)
        }
        waiter?.resume(throwing: CancellationError())
    }

    func finish(_ result: Result<PublishAcknowledgement, any Error>) {
        let waiters = state.withLock { state -> [UInt64: CheckedContinuation<PublishAcknowledgement, any Error>] in
            guard case .waiting(let waiters, _) = state else { return [:] }
            state = .done(result)
            return waiters
        }
        // First: who has waited for the outcome finds the place free.
        publisher?.finished(result)
        for waiter in waiters.values { waiter.resume(with: result) }
    }
}

extension PendingPublish: ReplyHandler {
    func replied(_ message: borrowing IncomingMessage) {
        finish(message.withPayload { payload in Result { try PublishAcknowledgement(reading: payload, to: subject) } })
    }

    func failed(_ error: any Error) {
        finish(.failure(error))
    }
}
