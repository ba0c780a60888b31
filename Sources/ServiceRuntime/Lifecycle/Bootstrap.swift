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
    ///   - tailKeep: How traces that the sampler dropped are kept when they turn out to matter; `nil` for not at all.
    ///   - makeLogger: Makes the process's logger from the service's name.
    public init(
        _ name: String,
        environment: [String: String],
        tailKeep: TailKeep.Configuration? = nil,
        makeLogger: (String) -> Logger
    ) {
        self.init(name, environment: environment, tailKeep: tailKeep) { _, resource, _ in
            Loggers(makeLogger(resource.serviceName))
        }
    }

    /// Makes the telemetry of a process whose log goes where `OTEL_LOGS_EXPORTER` says.
    ///
    /// - Parameters:
    ///   - name: The service's name, unless `OTEL_SERVICE_NAME` says otherwise.
    ///   - environment: The variables.
    ///   - logging: How the process's loggers write.
    ///   - tailKeep: How traces that the sampler dropped are kept when they turn out to matter; `nil` for not at all.
    public init(
        _ name: String,
        environment: [String: String],
        logging: StructuredLogHandler.Configuration,
        tailKeep: TailKeep.Configuration? = nil
    ) {
        self.init(name, environment: environment, tailKeep: tailKeep) { configuration, resource, problems in
            Loggers(logging, configuration, resource: resource, environment: environment, problems: &problems)
        }
    }

    private init(
        _ name: String,
        environment: [String: String],
        tailKeep: TailKeep.Configuration? = nil,
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
        let metrics = MetricsRegistry(exemplarFilter: configuration.exemplarFilter)
        if configuration.isTracingEnabled {
            processor = Self.makeProcessor(
                configuration,
                resource: resource,
                environment: environment,
                metrics: metrics,
                logger: loggers.telemetry,
                problems: &problems
            )
        } else {
            processor = nil
        }
        metrics.setProblemHandler { problem in
            logger.warning("metric is wrong", metadata: ["problem": "\(problem)"])
        }
        metrics.registerTargetInfo(resource)
        metrics.registerProcessMetrics()
        metrics.registerSelfMetrics(logWriter: loggers.writer)
        metrics.registerBuildInfo(version: BuildInfo.version)
        if let logProcessor { metrics.registerLogMetrics(of: logProcessor) }
        // Who turns sampling off altogether wants no traces, whatever happens.
        let tailKeep = configuration.sampler == .alwaysOff ? nil : tailKeep
        let provider = TracerProvider(
            resource: resource,
            sampler: configuration.sampler,
            tailKeep: processor == nil ? nil : tailKeep.map { TailKeep($0) },
            baggageAllowList: configuration.baggageAllowList,
            limits: configuration.limits,
            processor: processor ?? NoOpSpanProcessor(),
            isEnabled: processor != nil
        )
        metrics.registerSDKMetrics(of: provider, processor)
        telemetry = Telemetry(
            provider: provider,
            metrics: metrics,
            logger: logger,
            propagators: configuration.propagators
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
        metrics: MetricsRegistry,
        logger: Logger,
        problems: inout [String]
    ) -> BatchSpanProcessor? {
        var exporter: (any SpanExporter)?
        if configuration.tracesExporters.contains(.otlp) {
            do {
                exporter = try OTLPHTTPSpanExporter(
                    configuration: OTLPExporterConfiguration(environment: environment, problems: &problems),
                    metrics: metrics,
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
