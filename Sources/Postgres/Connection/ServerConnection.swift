internal import CLibPQ
internal import Synchronization

/// One connection to the server, on which one batch is under way at a time.
///
/// Callers send on their own thread; the event loop's thread reads. Both work under the lock, and continuations are
/// resumed after it is released.
final class ServerConnection: Sendable {
    let id: UInt64
    private let loop: EventLoop
    private let state: Mutex<State>

    init(id: UInt64, loop: EventLoop, maximumPreparedStatements: Int) {
        self.id = id
        self.loop = loop
        state = Mutex(State(capacity: maximumPreparedStatements))
    }

    /// What came of a look at the connection, for its pool.
    enum Event: Sendable {
        case nothing
        case established
        case failed(PostgresError)
        case lost(PostgresError)
    }

    /// A continuation to resume once the lock is released.
    struct Completion: Sendable {
        var continuation: Batch.Continuation
        var outcome: Result<QueryResult?, any Error>

        func deliver() {
            continuation.resume(with: outcome)
        }
    }

    // MARK: - Callers

    /// Sends a request and waits for its end.
    ///
    /// - Parameter isCancellable: whether the end of the calling task ends the connection, since its state is unknown
    ///   then.
    func send(_ request: Request, isCancellable: Bool = true) async throws -> QueryResult? {
        guard isCancellable else { return try await send(request) }
        try Task.checkCancellation()
        return try await withTaskCancellationHandler {
            try await send(request)
        } onCancel: {
            close(CancellationError())
        }
    }

    private func send(_ request: Request) async throws -> QueryResult? {
        try await withCheckedThrowingContinuation { continuation in
            let completion = state.withLock { state in
                state.begin(request, continuation)
                watch(&state)
                return state.takeCompletion()
            }
            completion?.deliver()
            loop.wake(at: request.deadline)
        }
    }

    /// How the session stands towards transactions; unknown while a batch is under way or after the end.
    var transactionStatus: TransactionStatus {
        state.withLock { state in
            if case .idle = state.phase { state.handle?.transactionStatus ?? .unknown } else { .unknown }
        }
    }

    /// Ends the connection, and what is under way with an error; it has no effect on an ended one.
    func close(_ reason: any Error) {
        let completion = state.withLock { state in
            state.close(reason)
            return state.takeCompletion()
        }
        completion?.deliver()
    }

    // MARK: - The event loop's thread

    /// Starts to open the connection; looking up a host's name blocks.
    func open(_ parameters: [(keyword: String, value: String)], deadline: Moment) -> Event {
        state.withLock { state in
            guard case .connecting = state.phase else { return .nothing }
            do throws(PostgresError) {
                state.handle = try ConnectionHandle.open(parameters)
            } catch {
                state.close(error)
                return .failed(error)
            }
            state.phase = .connecting(deadline: deadline)
            state.wantsToRead = false
            state.wantsToWrite = true
            watch(&state)
            return state.takeEvent()
        }
    }

    /// Continues after the socket has become ready.
    func socketReady(readable: Bool, writable: Bool) -> Event {
        let (completion, event) = state.withLock { state in
            state.socketReady(readable: readable)
            watch(&state)
            return (state.takeCompletion(), state.takeEvent())
        }
        completion?.deliver()
        return event
    }

    /// Ends what has exceeded its deadline.
    ///
    /// - Returns: the next deadline, and what came of it.
    func checkDeadline(now: Moment) -> (next: Moment, event: Event) {
        let (completion, next, event) = state.withLock { state in
            if let deadline = state.deadline, deadline <= now { state.expire() }
            return (state.takeCompletion(), state.deadline ?? .never, state.takeEvent())
        }
        completion?.deliver()
        return (next, event)
    }

    /// Tells the system what the socket is waited for.
    private func watch(_ state: inout State) {
        guard state.needsWatch, let handle = state.handle else { return }
        state.needsWatch = false
        let isWatched = loop.watch(
            handle.socket,
            id: id,
            readable: state.wantsToRead,
            writable: state.wantsToWrite
        )
        if !isWatched {
            state.close(PostgresError(.connectionUnavailable, "the connection's socket cannot be watched"))
        }
    }
}
