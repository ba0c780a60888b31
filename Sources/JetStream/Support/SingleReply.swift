internal import Synchronization

/// The reply to one request, for one task that waits for it.
final class SingleReply: ReplyHandler {
    private enum State {
        case pending
        case waiting(CheckedContinuation<NATSMessage, any Error>)
        case done(Result<NATSMessage, any Error>)
        case over
    }

    private let state = Mutex(State.pending)

    /// Waits for the reply.
    ///
    /// - Throws: What the request failed with; `CancellationError` at once when the task is cancelled.
    func value() async throws -> NATSMessage {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let known = state.withLock { state -> Result<NATSMessage, any Error>? in
                    if case .done(let result) = state { return result }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state = .waiting(continuation)
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            finish(.failure(CancellationError()))
        }
    }

    func replied(_ message: borrowing IncomingMessage) {
        finish(.success(message.copy()))
    }

    func failed(_ error: any Error) {
        finish(.failure(error))
    }

    private func finish(_ result: Result<NATSMessage, any Error>) {
        let waiter = state.withLock { state -> CheckedContinuation<NATSMessage, any Error>? in
            switch state {
            case .pending:
                state = .done(result)
                return nil
            case .waiting(let continuation):
                state = .over
                return continuation
            case .done, .over:
                return nil
            }
        }
        waiter?.resume(with: result)
    }
}
