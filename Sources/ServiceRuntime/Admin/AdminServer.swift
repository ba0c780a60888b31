internal import ContrailInstrumentation
internal import Hummingbird
internal import Logging
internal import Observability
internal import ServiceLifecycle

/// Serves `/metrics`, `/livez` and `/readyz`.
///
/// Meant for Prometheus and the orchestrator on a port of its own, which nobody else should reach.
struct AdminServer: Service, CustomStringConvertible {
    let address: NetworkAddress
    /// `nil` when no metrics are to be served.
    let metrics: MetricsRegistry?
    let readiness: Readiness
    let logger: Logger

    var description: String { "admin endpoint" }

    func run() async throws {
        let router = Router()
        if let metrics {
            let endpoint = MetricsEndpoint(metrics: metrics)
            router.get("/metrics") { request, _ in
                await endpoint.respond(to: request)
            }
        }
        router.get("/livez") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: "ok\n"))
            )
        }
        router.get("/readyz") { _, _ in
            let report = await readiness.report()
            return Response(
                status: report.isReady ? .ok : .serviceUnavailable,
                headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(string: report.json))
            )
        }
        // Hummingbird logs each start, which ours says already, and as errors what it notices when it is cancelled. What
        // keeps it from serving it throws.
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            router: router,
            configuration: .init(address: .hostname(address.host, port: address.port), serverName: nil),
            onServerRunning: { channel in
                logger.info(
                    "admin endpoint listens",
                    metadata: ["address": "\(address.host):\(channel.localAddress?.port ?? address.port)"]
                )
            },
            logger: quiet
        )
        try await application.run()
    }
}
