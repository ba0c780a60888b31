public import Logging
public import Observability
internal import Synchronization

/// Sends log records to a backend as OTLP/HTTP with protobuf bodies.
///
/// Works like ``OTLPHTTPSpanExporter``: on the thread that calls it, one batch at a time over one kept connection, with
/// repetitions until the deadline. What it has to say itself goes to its own logger, which must not lead back here.
/// Implements the OTLP 1.11 and OpenTelemetry "OTLP Exporter" specifications for `http/protobuf`.
public final class OTLPHTTPLogExporter: LogRecordExporter {
    private let shutdown: ExportShutdown
    /// Held during an export. Nobody else waits for it: the processor exports one batch at a time.
    private let worker: Mutex<Worker>

    /// What belongs to the exporting thread.
    private struct Worker {
        let encoder = OTLPLogEncoder()
        var sender: OTLPSender
    }

    /// Creates an exporter. Nothing is sent before the first batch.
    ///
    /// - Parameters:
    ///   - configuration: Where to and how, for ``OTLPSignal/logs``.
    ///   - logger: Hears of lost records at warning, at most once in 30 seconds; without this exporter behind it.
    /// - Throws: ``OTLPExporterError`` when the configuration cannot be used or libcurl cannot be started.
    public init(configuration: OTLPExporterConfiguration, logger: Logger) throws(OTLPExporterError) {
        try configuration.validate()
        let shutdown = try ExportShutdown()
        self.shutdown = shutdown
        worker = Mutex(
            Worker(sender: try OTLPSender(.logs, configuration: configuration, shutdown: shutdown, logger: logger))
        )
    }

    /// Sends a batch and waits for the outcome, retries included.
    ///
    /// - Parameters:
    ///   - batch: The records.
    ///   - resource: The process that made them.
    ///   - deadline: When to give up at the latest.
    /// - Returns: What became of the records; the error type is that of most of the lost ones.
    public func export(
        _ batch: [LogRecord],
        resource: Resource,
        deadline: ContinuousClock.Instant
    ) -> LogExportResult {
        // Empty envelopes are not to be sent.
        guard !batch.isEmpty else { return LogExportResult(exported: 0) }
        let result = worker.withLock { worker in
            let encoder = worker.encoder
            return worker.sender.export(batch[...], deadline: deadline) { records, limit, send in
                encoder.encode(records, resource: resource, limit: limit, send)
            }
        }
        return LogExportResult(exported: result.delivered, errorType: result.errorType)
    }

    /// Makes a running export return by the deadline, also out of a backoff or a transfer, and later ones fail at once.
    ///
    /// - Parameter deadline: Until when records may still be sent. A second call can only make it earlier.
    public func shutdown(deadline: ContinuousClock.Instant) {
        shutdown.begin(deadline: deadline)
    }
}
