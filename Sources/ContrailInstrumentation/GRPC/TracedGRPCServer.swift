public import GRPCCore
private import GRPCNIOTransportCore
private import GRPCNIOTransportHTTP2Posix
public import Observability

/// A gRPC server whose calls are traced and measured.
public final class TracedGRPCServer: Sendable {
    private let server: GRPCServer<HTTP2ServerTransport.Posix>
    private let drain: CallDrain

    /// Creates a server, which listens once it runs.
    ///
    /// - Parameters:
    ///   - address: Where to listen; port 0 takes any free one.
    ///   - services: What to serve.
    ///   - telemetry: Where to record.
    ///   - callers: What becomes of the trace context that callers send.
    ///   - callTimeout: How long the calls together may take that a handler makes whose caller does not say.
    ///   - interceptors: What runs inside the span, for instance the translation of errors.
    public init(
        address: NetworkAddress,
        services: [any RegistrableRPCService],
        telemetry: Telemetry,
        callers: RemoteParentPolicy = RemoteParentPolicy(.trust),
        callTimeout: Duration = .seconds(30),
        interceptors: [any ServerInterceptor] = []
    ) {
        let transport = HTTP2ServerTransport.Posix(
            address: address.host.contains(":")
                ? .ipv6(host: address.host, port: address.port) : .ipv4(host: address.host, port: address.port),
            transportSecurity: .plaintext,
            config: .defaults { config in
                // grpc-swift's default is no limit at all; one client must not take the whole server.
                config.http2.maxConcurrentStreams = 256
                // Larger requests than any of ours are a mistake or an attack.
                config.rpc.maxRequestPayloadSize = 256 * 1024
                config.connection.keepalive.time = .seconds(60)
                config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(10)
            }
        )
        let drain = CallDrain()
        self.drain = drain
        server = GRPCServer(
            transport: transport,
            services: services,
            interceptors: [
                TracingServerInterceptor(telemetry: telemetry, callers: callers), drain,
                ServerDeadline(fallback: callTimeout, telemetry: telemetry),
            ] + interceptors
        )
    }

    /// Serves until the shutdown has finished or the task is cancelled.
    ///
    /// - Throws: `RuntimeError` when the address cannot be listened on.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [server] in try await server.serve() }
            group.addTask { [server, drain] in
                try await drain.waitUntilDrained()
                // The last answers have been handed to the transport; this is their time to reach the clients.
                try await Task.sleep(for: .milliseconds(50))
                server.beginGracefulShutdown()
                // The group ends with the server, not with this.
                try await Task.sleep(for: .seconds(86400))
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Waits until the server listens.
    ///
    /// - Returns: The address, with the port that was taken.
    /// - Throws: `RuntimeError` when the address cannot be listened on.
    public func listeningAddress() async throws -> NetworkAddress {
        let address = try await server.transport.listeningAddress
        if let ipv4 = address.ipv4 { return NetworkAddress(host: ipv4.host, port: ipv4.port) }
        if let ipv6 = address.ipv6 { return NetworkAddress(host: ipv6.host, port: ipv6.port) }
        return NetworkAddress(host: "", port: 0)
    }

    /// Refuses new calls and lets those that run finish; ``run()`` returns after the last.
    public func beginGracefulShutdown() {
        drain.begin()
    }
}
