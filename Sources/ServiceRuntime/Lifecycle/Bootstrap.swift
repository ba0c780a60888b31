public import ContrailInstrumentation
internal import Foundation
public import Logging
internal import OTLPExporter
public import Observability

/// Telemetry of one process, made from the environment.
public struct Bootstrap: Sendable {
    /// Where everything records.
    public let telemetry: Telemetry
    /// What was wrong with the standard variables, and what is used instead.
    public let problems: [String]
    /// Whether metrics are to be served: not with `OTEL_METRICS_EXPORTER=none`.
    public let servesMetrics: Bool

    private let processor: BatchSpanProcessor?
    private let logProcessor: BatchLogRecordProcessor?

    /// Makes the telemetry of a process that exports no log: a command, or a test.
    ///
    /// - Parameters:
    ///   - name: The service's name, unless `OTEL_SERVICE_NAME` says otherwise.
    ///   - environment: The variables.
    ///   - makeLogger: Makes the process's logger from the service's name.
    public init(_ name: String, environment: [String: String], makeLogger: (String) -> Logger) {
        self.init(name, environment: environment) { _, resource, _ in
            Loggers(makeLogger(resource.serviceName))
        }
    }

    /// Makes the telemetry of a process whose log goes where `OTEL_LOGS_EXPORTER` says.
    ///
    /// - Parameters:
    ///   - name: The service's name, unless `OTEL_SERVICE_NAME` says otherwise.
    ///   - environment: The variables.
    ///   - logging: How the process's loggers write.
    public init(_ name: String, environment: [String: String], logging: StructuredLogHandler.Configuration) {
        self.init(name, environment: environment) { configuration, resource, problems in
            Loggers(logging, configuration, resource: resource, environment: environment, problems: &problems)
        }
    }

    private init(
        _ name: String,
        environment: [String: String],
        _ makeLoggers: (OTelConfiguration, Resource, inout [String]) -> Loggers
    ) {
        let configuration = OTelConfiguration(environment: environment)
        var problems = configuration.problems
        let resource = Resource(
            serviceName: configuration.serviceName ?? name,
            serviceVersion: BuildInfo.version,
            instanceID: configuration.serviceInstanceID ?? UUID().uuidString.lowercased(),
            additional: ResourceDetector.detect().merging(configuration.resourceAttributes)
        )
        servesMetrics = !configuration.metricsExporters.isEmpty
        let loggers = makeLoggers(configuration, resource, &problems)
        let logger = loggers.process
        logProcessor = loggers.processor
        let metrics = MetricsRegistry()
        if configuration.isTracingEnabled {
            processor = Self.makeProcessor(
                configuration,
                resource: resource,
                environment: environment,
                logger: loggers.telemetry,
                problems: &problems
            )
        } else {
            processor = nil
        }
        metrics.setProblemHandler { problem in
            logger.warning("metric is wrong", metadata: ["problem": "\(problem)"])
        }
        metrics.registerProcessMetrics()
        metrics.registerBuildInfo(version: BuildInfo.version)
        if let processor { metrics.registerSpanMetrics(of: processor) }
        if let logProcessor { metrics.registerLogMetrics(of: logProcessor) }
        telemetry = Telemetry(
            provider: TracerProvider(
                resource: resource,
                sampler: configuration.sampler,
                limits: configuration.limits,
                processor: processor ?? NoOpSpanProcessor(),
                isEnabled: processor != nil
            ),
            metrics: metrics,
            logger: logger
        )
        self.problems = problems
    }

    /// Sends what was recorded.
    ///
    /// - Parameter timeout: How long it may take; never longer, whatever the backend does.
    /// - Returns: Whether the backend took everything.
    @discardableResult
    public func shutdown(timeout: Duration) async -> Bool {
        await telemetry.provider.shutdown(timeout: timeout)
    }

    /// Sends the log lines that were written; the last thing that a process does.
    ///
    /// - Parameter timeout: How long it may take; never longer, whatever the backend does.
    /// - Returns: Whether the backend took everything, or no log is exported.
    @discardableResult
    public func shutdownLog(timeout: Duration) async -> Bool {
        await logProcessor?.shutdown(timeout: timeout) ?? true
    }

    /// Makes the exporting side. Telemetry that cannot work must not keep the service from working.
    private static func makeProcessor(
        _ configuration: OTelConfiguration,
        resource: Resource,
        environment: [String: String],
        logger: Logger,
        problems: inout [String]
    ) -> BatchSpanProcessor? {
        var exporter: (any SpanExporter)?
        if configuration.tracesExporters.contains(.otlp) {
            do {
                exporter = try OTLPHTTPSpanExporter(
                    configuration: OTLPExporterConfiguration(environment: environment, problems: &problems),
                    logger: logger
                )
            } catch {
                problems.append("traces are not exported: \(error)")
            }
        }
        if configuration.tracesExporters.contains(.console) { exporter = ConsoleSpanExporter(next: exporter) }
        return exporter.map {
            BatchSpanProcessor(exporter: $0, resource: resource, configuration: configuration.batch)
        }
    }
}

extension MetricsRegistry {
    /// Shows what becomes of spans: the SDK's own metrics of OpenTelemetry 1.44.
    fileprivate func registerSpanMetrics(of processor: BatchSpanProcessor) {
        gauge("otel_sdk_processor_span_queue_size", help: "Spans that wait for their export.") { [weak processor] in
            processor.map { Double($0.statistics.queued) }
        }
        gauge("otel_sdk_processor_span_queue_capacity", help: "Spans that may wait.") { [weak processor] in
            processor.map { Double($0.queueCapacity) }
        }
        counter(
            "otel_sdk_processor_span_processed_total",
            help: "Spans that left the processor, by why they were dropped.",
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
            "otel_sdk_exporter_span_exported_total",
            help: "Spans whose export has ended, by why it failed.",
            labels: ["error_type"]
        ) { [weak processor] in
            guard let statistics = processor?.statistics else { return [] }
            let failed = statistics.failed.map { ObservedValue(Double($0.value), $0.key) }
            return [ObservedValue(Double(statistics.exported), "")] + failed
        }
    }
}
