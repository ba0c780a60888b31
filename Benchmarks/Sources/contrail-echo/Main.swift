internal import ContrailInstrumentation
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import Logging
internal import OTLPExporter
internal import Observability
internal import Tracing

/// Row T7: a unary gRPC service, bare or with everything that our services record.
///
///     contrail-echo --port N --telemetry off|interceptor|record|export [--endpoint URL] [--series N --scrape-ms N]
///
/// `off` is grpc-swift alone; `interceptor` adds one that does nothing but take its place, to see what that costs.
/// `record` is the traced server with eight spans in each request and the call's histogram,
/// with an exporter that discards; `export` sends them to the endpoint. With `--scrape-ms`, a thread of its own renders
/// a registry of so many series again and again, as a scrape does.
@main
enum Main {
    static func main() async throws {
        let options = Options(CommandLine.arguments)
        guard let port = options["port"].flatMap(Int.init) else { throw UsageError.port }
        let registry = MetricsRegistry(seriesLimit: 200_000)
        if let series = options["series"].flatMap(Int.init) {
            let family = registry.counter("bench_series", help: "Series to render.", labels: ["method", "path"])
            for index in 0..<series { family.labels("GET", "/orders/\(index)").increment() }
        }
        if let period = options["scrape-ms"].flatMap(UInt32.init) {
            let thread = Thread {
                while true {
                    usleep(period * 1000)
                    registry.withExposition(.prometheusText) { precondition($0.count > 0) }
                }
            }
            thread.start()
        }
        switch options["telemetry"] {
        case "record":
            try await serveTraced(port, makeTelemetry(DiscardingExporter(), registry))
        case "export":
            var configuration = OTLPExporterConfiguration()
            if let endpoint = options["endpoint"] { configuration.endpoint = endpoint }
            let exporter = try OTLPHTTPSpanExporter(configuration: configuration, logger: Logger(label: "bench"))
            try await serveTraced(port, makeTelemetry(exporter, registry))
        case "interceptor":
            try await serveBare(port, interceptors: [PlaceTaker()])
        default:
            try await serveBare(port)
        }
    }

    private static func makeTelemetry(_ exporter: any SpanExporter, _ registry: MetricsRegistry) -> Telemetry {
        let resource = Resource(serviceName: "bench", serviceVersion: "1", instanceID: "1")
        var batches = BatchSpanProcessor.Configuration()
        batches.maximumQueueSize = 65536
        let processor = BatchSpanProcessor(exporter: exporter, resource: resource, configuration: batches)
        let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        return Telemetry(
            provider: TracerProvider(resource: resource, processor: processor),
            metrics: registry,
            logger: quiet
        )
    }

    private static func serveTraced(_ port: Int, _ telemetry: Telemetry) async throws {
        let server = TracedGRPCServer(
            address: NetworkAddress(host: "127.0.0.1", port: port),
            services: [EchoService(tracer: telemetry.tracer("bench"))],
            telemetry: telemetry
        )
        try await server.run()
    }

    /// The transport is configured as ``TracedGRPCServer`` configures its own.
    private static func serveBare(_ port: Int, interceptors: [any ServerInterceptor] = []) async throws {
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: port),
            transportSecurity: .plaintext,
            config: .defaults { config in
                config.http2.maxConcurrentStreams = 256
                config.rpc.maxRequestPayloadSize = 256 * 1024
                config.connection.keepalive.time = .seconds(60)
                config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(10)
            }
        )
        try await GRPCServer(
            transport: transport,
            services: [EchoService(tracer: nil)],
            interceptors: interceptors
        ).serve()
    }
}

/// Wraps the handler and its producer as any interceptor must that wants to see a call's end.
private struct PlaceTaker: ServerInterceptor {
    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @Sendable (
                _ request: StreamingServerRequest<Input>,
                _ context: ServerContext
            ) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        var response = try await next(request, context)
        if case .success(var contents) = response.accepted {
            let producer = contents.producer
            contents.producer = { writer in try await producer(writer) }
            response.accepted = .success(contents)
        }
        return response
    }
}

/// The command line as names and values.
private struct Options {
    private var values: [String: String] = [:]

    init(_ arguments: [String]) {
        var rest = arguments.dropFirst()[...]
        while let name = rest.popFirst() {
            values[String(name.trimmingPrefix("--"))] = rest.popFirst() ?? ""
        }
    }

    subscript(name: String) -> String? { values[name] }
}

private enum UsageError: Error {
    case port
}

private struct DiscardingExporter: SpanExporter {
    func export(_ batch: [FinishedSpan], resource: Resource, deadline: ContinuousClock.Instant) -> SpanExportResult {
        SpanExportResult(exported: batch.count)
    }

    func shutdown(deadline: ContinuousClock.Instant) {}
}
