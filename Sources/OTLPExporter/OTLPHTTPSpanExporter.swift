public import Logging
public import Observability
internal import Synchronization

/// Sends spans to a trace backend as OTLP/HTTP with protobuf bodies.
///
/// Works on the thread that calls ``export(_:resource:deadline:)``, which the batch processor owns, one batch at a
/// time, over one kept connection. Retries what may succeed later, with backoff, until the deadline. Implements the OTLP 1.11
/// and OpenTelemetry "OTLP Exporter" specifications for `http/protobuf`.
public final class OTLPHTTPSpanExporter: SpanExporter {
    /// What the exporter calls itself in `User-Agent`.
    public static let userAgent = "OTel-OTLP-Exporter-Swift/0.1.0"

    /// The endpoint's host and port.
    public let server: ExportServer?

    private let shutdown: ExportShutdown
    /// Held during an export. Nobody else waits for it: the processor exports one batch at a time.
    private let worker: Mutex<Worker>

    /// What belongs to the exporting thread.
    private struct Worker {
        let encoder = OTLPEncoder()
        var sender: OTLPSender
    }

    /// Creates an exporter. Nothing is sent before the first batch.
    ///
    /// - Parameters:
    ///   - configuration: Where to and how.
    ///   - metrics: Shows how long exports take, as `otel_sdk_exporter_operation_duration_seconds`.
    ///   - logger: Hears of lost spans at warning, at most once in 30 seconds.
    /// - Throws: ``OTLPExporterError`` when the configuration cannot be used or libcurl cannot be started.
    public init(
        configuration: OTLPExporterConfiguration,
        metrics: MetricsRegistry? = nil,
        logger: Logger
    ) throws(OTLPExporterError) {
        try configuration.validate()
        let shutdown = try ExportShutdown()
        let sender = try OTLPSender(
            .traces,
            configuration: configuration,
            shutdown: shutdown,
            metrics: metrics,
            logger: logger
        )
        self.shutdown = shutdown
        server = EndpointURL(configuration.endpoint).map { ExportServer(address: $0.host, port: $0.port) }
        worker = Mutex(Worker(sender: sender))
    }

    /// Sends a batch and waits for the outcome, retries included.
    ///
    /// - Parameters:
    ///   - batch: The spans.
    ///   - resource: The process that made them.
    ///   - deadline: When to give up at the latest.
    /// - Returns: What became of the spans; the error type is that of most of the lost ones.
    public func export(
        _ batch: [FinishedSpan],
        resource: Resource,
        deadline: ContinuousClock.Instant
    ) -> SpanExportResult {
        // Empty envelopes are not to be sent.
        guard !batch.isEmpty else { return SpanExportResult(exported: 0) }
        let result = worker.withLock { worker in
            let encoder = worker.encoder
            return worker.sender.export(batch[...], deadline: deadline) { spans, limit, send in
                encoder.encode(spans, resource: resource, limit: limit, send)
            }
        }
        return SpanExportResult(exported: result.delivered, failed: result.lost, errorType: result.errorType)
    }

    /// Makes a running export return by the deadline, also out of a backoff or a transfer, and later ones fail at once.
    ///
    /// - Parameter deadline: Until when spans may still be sent. A second call can only make it earlier.
    public func shutdown(deadline: ContinuousClock.Instant) {
        shutdown.begin(deadline: deadline)
    }
}
