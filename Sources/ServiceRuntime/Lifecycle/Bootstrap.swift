public import ContrailInstrumentation
internal import Foundation
public import Logging
internal import OTLPExporter
internal import Observability

/// Telemetry of one process, made from the environment.
public struct Bootstrap: Sendable {
    /// Where everything records.
    public let telemetry: Telemetry
    /// What was wrong with the standard variables, and what is used instead.
    public let problems: [String]

    private let processor: BatchSpanProcessor?

    /// Makes the telemetry of a process.
    ///
    /// - Parameters:
    ///   - name: The service's name, unless `OTEL_SERVICE_NAME` says otherwise.
    ///   - environment: The variables.
    ///   - logger: Writes the process's log.
    public init(_ name: String, environment: [String: String], makeLogger: (String) -> Logger) {
        let configuration = OTelConfiguration(environment: environment)
        var problems = configuration.problems
        let resource = Resource(
            serviceName: configuration.serviceName ?? name,
            serviceVersion: BuildInfo.version,
            instanceID: UUID().uuidString.lowercased(),
            additional: configuration.resourceAttributes
        )
        let logger = makeLogger(resource.serviceName)
        let metrics = MetricsRegistry()
        if configuration.isTracingEnabled {
            processor = Self.makeProcessor(
                configuration.batch,
                resource: resource,
                environment: environment,
                logger: logger,
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

    /// Makes the exporting side. Telemetry that cannot work must not keep the service from working.
    private static func makeProcessor(
        _ batch: BatchSpanProcessor.Configuration,
        resource: Resource,
        environment: [String: String],
        logger: Logger,
        problems: inout [String]
    ) -> BatchSpanProcessor? {
        do {
            let exporter = try OTLPHTTPSpanExporter(
                configuration: OTLPExporterConfiguration(environment: environment, problems: &problems),
                logger: logger
            )
            return BatchSpanProcessor(exporter: exporter, resource: resource, configuration: batch)
        } catch {
            problems.append("traces are not exported: \(error)")
            return nil
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
