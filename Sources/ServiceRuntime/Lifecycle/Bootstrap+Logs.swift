internal import Logging
internal import OTLPExporter
internal import Observability

extension Bootstrap {
    /// A process's loggers and what exports their lines.
    struct Loggers {
        /// The process's own.
        let process: Logger
        /// The exporters': nothing of it is exported, so that a failing export does not feed itself.
        let telemetry: Logger
        let processor: BatchLogRecordProcessor?
        /// What writes the process's lines, if lines are written.
        let writer: LogWriter?

        /// Makes both of one logger whose lines are not exported.
        init(_ logger: Logger) {
            process = logger
            telemetry = logger
            processor = nil
            writer = nil
        }

        /// Makes them as `OTEL_LOGS_EXPORTER` says.
        init(
            _ logging: StructuredLogHandler.Configuration,
            _ configuration: OTelConfiguration,
            resource: Resource,
            environment: [String: String],
            problems: inout [String]
        ) {
            var lines = logging
            lines.serviceName = resource.serviceName
            lines.baggageAllowList = configuration.baggageAllowList
            if configuration.logsExporters.isEmpty { lines.writer = nil }
            telemetry = Self.makeLogger(lines, level: configuration.logLevel)
            processor =
                configuration.exportsLogs
                ? Self.makeProcessor(
                    configuration,
                    resource: resource,
                    environment: environment,
                    logger: telemetry,
                    problems: &problems
                ) : nil
            lines.processor = processor
            // Whom no export takes the lines from keeps them on the console.
            if processor != nil, !configuration.logsExporters.contains(.console) { lines.writer = nil }
            writer = lines.writer
            process = Self.makeLogger(lines, level: logging.level)
        }

        private static func makeLogger(
            _ configuration: StructuredLogHandler.Configuration,
            level: Logger.Level
        ) -> Logger {
            var configuration = configuration
            configuration.level = level
            let settings = configuration
            return Logger(label: settings.serviceName) { label in
                StructuredLogHandler(label: label, configuration: settings)
            }
        }

        /// Makes the exporting side. Telemetry that cannot work must not keep the service from working.
        private static func makeProcessor(
            _ configuration: OTelConfiguration,
            resource: Resource,
            environment: [String: String],
            logger: Logger,
            problems: inout [String]
        ) -> BatchLogRecordProcessor? {
            let exporterConfiguration = OTLPExporterConfiguration(
                environment: environment,
                signal: .logs,
                problems: &problems
            )
            do {
                return BatchLogRecordProcessor(
                    exporter: try OTLPHTTPLogExporter(configuration: exporterConfiguration, logger: logger),
                    resource: resource,
                    configuration: configuration.logBatch,
                    limits: configuration.logLimits
                )
            } catch {
                problems.append("logs are not exported: \(error)")
                return nil
            }
        }
    }
}

extension MetricsRegistry {
    /// Shows what becomes of exported log records: the SDK's own metrics of OpenTelemetry 1.44.
    func registerLogMetrics(of processor: BatchLogRecordProcessor) {
        gauge("otel_sdk_processor_log_queue_size", help: "Log records that wait for their export.") {
            [weak processor] in
            processor.map { Double($0.statistics.queued) }
        }
        gauge("otel_sdk_processor_log_queue_capacity", help: "Log records that may wait.") { [weak processor] in
            processor.map { Double($0.queueCapacity) }
        }
        counter(
            "otel_sdk_processor_log_processed_total",
            help: "Log records that left the processor, by why they were dropped.",
            labels: ["error_type"]
        ) { [weak processor] in
            guard let statistics = processor?.statistics else { return [] }
            let lost = statistics.droppedQueueFull + statistics.droppedAfterShutdown
            return [
                ObservedValue(Double(statistics.received - lost - statistics.queued), ""),
                ObservedValue(Double(statistics.droppedQueueFull), "queue_full"),
                ObservedValue(Double(statistics.droppedAfterShutdown), "already_shutdown"),
            ]
        }
        counter(
            "otel_sdk_exporter_log_exported_total",
            help: "Log records whose export has ended, by why it failed.",
            labels: ["error_type"]
        ) { [weak processor] in
            guard let statistics = processor?.statistics else { return [] }
            let failed = statistics.failed.map { ObservedValue(Double($0.value), $0.key) }
            return [ObservedValue(Double(statistics.exported), "")] + failed
        }
    }
}
