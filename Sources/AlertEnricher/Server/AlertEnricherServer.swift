internal import Hummingbird
public import Logging
internal import NIOCore
public import Observability
public import ServiceLifecycle
internal import Synchronization

/// A webhook between Alertmanager and its receiver, which adds to alerts the traces and the cause behind them.
///
/// - `POST /alerts` takes Alertmanager's webhook (data format 4), and passes it on with further annotations. The
///   receiver's answer decides: 200 when it is 2xx, otherwise 502, after which Alertmanager sends the alerts again.
/// - `GET /livez` and `GET /metrics` are for the orchestrator and for Prometheus.
///
/// An alert is passed on whatever happens to the rest: when Prometheus is away, slow or wrong, without traces and with an
/// annotation that says why.
public struct AlertEnricherServer: Service, CustomStringConvertible {
    /// Alertmanager keeps connections for five minutes; who is quiet for longer has gone.
    private static let idleTimeout = TimeAmount.minutes(6)
    private static let maximumConnections = 64

    private let configuration: AlertEnricherConfiguration
    private let metrics: MetricsRegistry
    private let logger: Logger
    private let output: @Sendable ([UInt8]) -> Void
    private let onListening: @Sendable (Int) -> Void

    /// Creates a server, which listens when it runs.
    ///
    /// - Parameters:
    ///   - configuration: What it listens on, asks, and passes alerts on to.
    ///   - metrics: Where it counts, and what `/metrics` serves.
    ///   - logger: Gets a line for each notification.
    ///   - output: Gets the enriched notifications when there is no receiver, as JSON on one line.
    ///   - onListening: Is told the port as soon as the server listens.
    /// - Throws: ``AlertEnricherError`` when a setting cannot be used.
    public init(
        configuration: AlertEnricherConfiguration,
        metrics: MetricsRegistry,
        logger: Logger,
        output: @escaping @Sendable ([UInt8]) -> Void = { _ in },
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws(AlertEnricherError) {
        try configuration.validate()
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        self.output = output
        self.onListening = onListening
    }

    /// What log lines of the service group call it.
    public var description: String { "alert enricher" }

    /// How long the requests that are under way may take after a graceful shutdown has begun.
    public var longestRequest: Duration { configuration.timeout + configuration.forwardTimeout }

    /// Serves until the task is cancelled, or until a graceful shutdown is asked for and what is under way has ended.
    ///
    /// - Throws: ``AlertEnricherError`` with the code `cannotListen`, for example when the port is taken.
    public func run() async throws {
        let http = try OutgoingHTTP()
        let result: Result<Void, any Error>
        do {
            result = .success(try await serve(http))
        } catch {
            result = .failure(error)
        }
        await http.shutdown()
        try result.get()
    }

    private func serve(_ http: OutgoingHTTP) async throws {
        let endpoint = AlertEndpoint(handler: handler(http), metrics: metrics)
        // Hummingbird logs each start, which ours says already, and as errors what it notices when it is cancelled.
        var quiet = logger
        quiet.logLevel = .critical
        let hasListened = Mutex(false)
        let application = Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in await endpoint.respond(to: request) },
            server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                availableConnectionsDelegate: .maximum(Self.maximumConnections, logger: quiet)
            ),
            onServerRunning: { [configuration, logger, onListening] channel in
                hasListened.withLock { $0 = true }
                let port = channel.localAddress?.port ?? configuration.port
                logger.info(
                    "listening",
                    metadata: [
                        "address": "\(configuration.host):\(port)", "prometheus": "\(configuration.prometheusBase)",
                        "receiver": "\(configuration.receiverHost ?? "none, alerts are printed")",
                    ]
                )
                onListening(port)
            },
            logger: quiet
        )
        do {
            try await application.run()
        } catch is CancellationError {
            // Being cancelled is how a run ends.
        } catch {
            guard !hasListened.withLock({ $0 }) else { throw error }
            throw AlertEnricherError(
                .cannotListen,
                "cannot listen on \(configuration.host):\(configuration.port): \(error); choose another address",
                cause: error
            )
        }
    }

    private func handler(_ http: OutgoingHTTP) -> AlertHandler {
        let prometheus = Prometheus(url: configuration.prometheusBase, http: http, patience: configuration.timeout)
        let enricher = Enricher(settings: configuration.enricher) { query, timeout throws(PrometheusFailure) in
            try await prometheus.ask(query, timeout: timeout)
        }
        let forward: AlertHandler.Forward
        if let receiver = configuration.receiver {
            forward = { body throws(Receiver.Failure) in try await receiver.take(body, by: http) }
        } else {
            forward = { [output] body in output(body) }
        }
        return AlertHandler(enricher: enricher, forward: forward, metrics: EnricherMetrics(metrics), logger: logger)
    }
}
