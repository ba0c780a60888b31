internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix

/// A gRPC channel to one service whose calls are traced and measured, and no more: a tool's. Services use
/// ``GuardedClient``.
///
/// The channel connects in the background while ``run()`` runs, and again whenever the connection is lost.
public final class TracedGRPCClient: Sendable {
    /// What generated clients wrap: one for each connection.
    let connections: [GRPCConnection]

    /// What a tool's generated client wraps. Calls through it are not protected, so no other package gets it, and
    /// `dev/check-architecture` keeps the services away from it.
    package var client: GRPCConnection { connections[0] }

    /// Creates a channel, which connects once it runs.
    ///
    /// - Parameters:
    ///   - target: The service.
    ///   - timeout: The deadline of calls that set none.
    ///   - connections: How many connections there are, at least one.
    ///   - telemetry: Where to record.
    /// - Throws: `RuntimeError` for a target that cannot be resolved at all.
    public init(target: NetworkAddress, timeout: Duration, connections: Int = 1, telemetry: Telemetry) throws {
        var config = HTTP2ClientTransport.Posix.Config.defaults
        config.backoff.initial = .milliseconds(100)
        config.backoff.max = .seconds(5)
        config.connection.keepalive = .init(time: .seconds(30), timeout: .seconds(5), allowWithoutCalls: false)
        // Every method: a call without a deadline can hang for ever on a peer that went silent.
        let defaults = MethodConfig(names: [MethodConfig.Name(service: "")], waitForReady: false, timeout: timeout)
        let interceptor = TracingClientInterceptor(telemetry: telemetry, host: target.host, port: target.port)
        self.connections = try (0..<max(1, connections)).map { _ in
            GRPCClient(
                transport: TracedClientTransport(
                    try .http2NIOPosix(
                        target: .dns(host: target.host, port: target.port),
                        transportSecurity: .plaintext,
                        config: config,
                        serviceConfig: ServiceConfig(methodConfig: [defaults])
                    ),
                    interceptor: interceptor
                ),
                interceptors: [interceptor]
            )
        }
    }

    /// Keeps the channel connected until the shutdown has finished or the task is cancelled.
    ///
    /// - Throws: `RuntimeError` when it runs already.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for connection in connections { group.addTask { try await connection.runConnections() } }
            try await group.waitForAll()
        }
    }

    /// Refuses new calls and lets those that run finish; ``run()`` returns after the last.
    public func beginGracefulShutdown() {
        for connection in connections { connection.beginGracefulShutdown() }
    }
}
