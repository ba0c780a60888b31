public import GRPCCore
public import GRPCNIOTransportHTTP2Posix

/// A gRPC channel to one service whose calls are traced and measured.
///
/// Generated clients wrap ``client``. The channel connects in the background while ``run()`` runs, and again whenever
/// the connection is lost.
public final class TracedGRPCClient: Sendable {
    /// What generated clients wrap.
    public let client: GRPCClient<HTTP2ClientTransport.Posix>

    /// Creates a channel, which connects once it runs.
    ///
    /// - Parameters:
    ///   - target: The service.
    ///   - timeout: The deadline of calls that set none.
    ///   - telemetry: Where to record.
    /// - Throws: `RuntimeError` for a target that cannot be resolved at all.
    public init(target: NetworkAddress, timeout: Duration, telemetry: Telemetry) throws {
        var config = HTTP2ClientTransport.Posix.Config.defaults
        config.backoff.initial = .milliseconds(100)
        config.backoff.max = .seconds(5)
        config.connection.keepalive = .init(time: .seconds(30), timeout: .seconds(5), allowWithoutCalls: false)
        // Every method: a call without a deadline can hang for ever on a peer that went silent.
        let defaults = MethodConfig(names: [MethodConfig.Name(service: "")], waitForReady: false, timeout: timeout)
        client = GRPCClient(
            transport: try .http2NIOPosix(
                target: .dns(host: target.host, port: target.port),
                transportSecurity: .plaintext,
                config: config,
                serviceConfig: ServiceConfig(methodConfig: [defaults])
            ),
            interceptors: [
                TracingClientInterceptor(telemetry: telemetry, host: target.host, port: target.port)
            ]
        )
    }

    /// Keeps the channel connected until the shutdown has finished or the task is cancelled.
    ///
    /// - Throws: `RuntimeError` when it runs already.
    public func run() async throws {
        try await client.runConnections()
    }

    /// Refuses new calls and lets those that run finish; ``run()`` returns after the last.
    public func beginGracefulShutdown() {
        client.beginGracefulShutdown()
    }
}
