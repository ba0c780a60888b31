internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Synchronization

/// An HTTP server on one address that can say which port it got.
final class HTTPListener: Sendable {
    /// A run is one way: idle → listening → ended.
    private enum State {
        case idle(waiting: [Int: CheckedContinuation<Int, any Error>], nextWaiter: Int)
        case listening(port: Int)
        case ended
    }

    private let host: String
    private let requestedPort: Int
    private let logger: Logger
    private let respond: @Sendable (Request) async -> Response
    private let state = Mutex(State.idle(waiting: [:], nextWaiter: 0))

    init(host: String, port: Int, logger: Logger, respond: @escaping @Sendable (Request) async -> Response) {
        self.host = host
        self.requestedPort = port
        self.logger = logger
        self.respond = respond
    }

    /// Serves until the task is cancelled or a graceful shutdown is asked for.
    func run() async throws {
        // The web server tells each connection at `info`; for a development tool that is noise.
        var quiet = logger
        if quiet.logLevel < .warning { quiet.logLevel = .warning }
        let respond = respond
        let application = Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in await respond(request) },
            configuration: ApplicationConfiguration(address: .hostname(host, port: requestedPort)),
            onServerRunning: { [self] channel in listening(on: channel.localAddress?.port ?? requestedPort) },
            logger: quiet
        )
        defer { end() }
        do {
            try await application.run()
        } catch is CancellationError {
            // Being cancelled is how a run ends.
        }
    }

    /// Returns the port when the server listens.
    ///
    /// - Throws: ``TraceBackendError`` with the code `notListening` when the server ended before; `CancellationError`.
    func port() async throws -> Int {
        let id = state.withLock { state -> Int? in
            guard case .idle(let waiting, let next) = state else { return nil }
            state = .idle(waiting: waiting, nextWaiter: next + 1)
            return next
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<Int, any Error>? = state.withLock { state in
                    switch state {
                    case .listening(let port): return .success(port)
                    case .ended: return .failure(Self.notListening)
                    case .idle(var waiting, let next):
                        guard !Task.isCancelled, let id else { return .failure(CancellationError()) }
                        waiting[id] = continuation
                        state = .idle(waiting: waiting, nextWaiter: next)
                        return nil
                    }
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Int, any Error>? in
                guard let id, case .idle(var waiting, let next) = state else { return nil }
                let waiter = waiting.removeValue(forKey: id)
                state = .idle(waiting: waiting, nextWaiter: next)
                return waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    private static var notListening: TraceBackendError {
        TraceBackendError(.notListening, "the server ended before it listened; its `run()` tells why")
    }

    private func listening(on port: Int) {
        let waiting = state.withLock { state -> [CheckedContinuation<Int, any Error>] in
            guard case .idle(let waiting, _) = state else { return [] }
            state = .listening(port: port)
            return Array(waiting.values)
        }
        logger.debug("listening", metadata: ["host": "\(host)", "port": "\(port)"])
        for waiter in waiting { waiter.resume(returning: port) }
    }

    private func end() {
        let waiting = state.withLock { state -> [CheckedContinuation<Int, any Error>] in
            defer { state = .ended }
            guard case .idle(let waiting, _) = state else { return [] }
            return Array(waiting.values)
        }
        for waiter in waiting { waiter.resume(throwing: Self.notListening) }
    }
}
