internal import GRPCCore
private import Synchronization

/// Counts the calls that run, and lets a server stop between calls instead of within them.
///
/// grpc-swift's own shutdown announces the end of each connection. A client that opens a stream before it has read that
/// has the stream refused, and with grpc-swift-nio-transport 2.9.2 this closes the connection under the calls that
/// still run on it: their effects are committed and their answers lost. So new calls are refused here first, and the
/// transport is stopped when none runs.
struct CallDrain: ServerInterceptor {
    private final class Count: Sendable {
        struct State {
            var running = 0
            var isDraining = false
        }

        let state = Mutex(State())
        let isEmpty = Gate()

        /// - Returns: Whether the call may run.
        func callStarted() -> Bool {
            state.withLock { state in
                if !state.isDraining { state.running += 1 }
                return !state.isDraining
            }
        }

        func callEnded() {
            let isLast = state.withLock { state in
                state.running -= 1
                return state.isDraining && state.running == 0
            }
            if isLast { isEmpty.open() }
        }
    }

    /// Ends a call's count when the last reference goes, also when its response is never produced.
    private final class Running: Sendable {
        let count: Count

        init(_ count: Count) {
            self.count = count
        }

        deinit {
            count.callEnded()
        }
    }

    private let count = Count()

    /// Refuses new calls from now on.
    func begin() {
        let isEmpty = count.state.withLock { state in
            state.isDraining = true
            return state.running == 0
        }
        if isEmpty { count.isEmpty.open() }
    }

    /// Waits until calls are refused and none runs.
    ///
    /// - Throws: `CancellationError`.
    func waitUntilDrained() async throws {
        try await count.isEmpty.wait()
    }

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @Sendable (
                _ request: StreamingServerRequest<Input>,
                _ context: ServerContext
            ) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        // Health is asked until the end, and a watch would never let the drain finish.
        guard context.descriptor.isTraced else { return try await next(request, context) }
        guard count.callStarted() else {
            return StreamingServerResponse(
                error: RPCError(code: .unavailable, message: "the server is stopping; the call did not start")
            )
        }
        let running = Running(count)
        var response = try await next(request, context)
        if case .success(var contents) = response.accepted {
            let producer = contents.producer
            contents.producer = { writer in
                defer { withExtendedLifetime(running) {} }
                return try await producer(writer)
            }
            response.accepted = .success(contents)
        }
        return response
    }
}
