public import Logging

/// What the standard `OTEL_*` variables say about the telemetry of this process.
///
/// Every variable has a property, so that the same can be said in code. Implements the OpenTelemetry environment variable
/// specification: empty is unset, names ignore case, and a wrong value is reported once and the default is used. The
/// variables of an exporter, `OTEL_EXPORTER_OTLP_…`, are read by the exporter.
public struct OTelConfiguration: Sendable, Hashable {
    /// Whether the SDK is off: `OTEL_SDK_DISABLED`. No spans are made and no logs exported; propagation stays on.
    public var isDisabled = false

    /// Where spans go: `OTEL_TRACES_EXPORTER`; nowhere when empty.
    public var tracesExporters: Set<TracesExporter> = [.otlp]
    /// How metrics are offered: `OTEL_METRICS_EXPORTER`; not at all when empty.
    public var metricsExporters: Set<MetricsExporter> = [.prometheus]
    /// Where log records go: `OTEL_LOGS_EXPORTER`; nowhere when empty.
    public var logsExporters: Set<LogsExporter> = [.console]
    /// Which measurements become exemplars: `OTEL_METRICS_EXEMPLAR_FILTER`.
    public var exemplarFilter = ExemplarFilter.traceBased

    /// What carries the trace from process to process: `OTEL_PROPAGATORS`.
    public var propagators = Propagators.all
    /// Which members of the baggage are copied to spans and log lines: `OTEL_SWIFT_BAGGAGE_ALLOW_LIST`.
    public var baggageAllowList = BaggageAllowList()

    /// `OTEL_TRACES_SAMPLER` with `OTEL_TRACES_SAMPLER_ARG`.
    public var sampler = Sampler.parentBased(root: .alwaysOn)
    /// `OTEL_BSP_*`.
    public var batch = BatchSpanProcessor.Configuration()
    /// `OTEL_SPAN_*_LIMIT`, `OTEL_EVENT_*_LIMIT`, `OTEL_LINK_*_LIMIT`, and `OTEL_ATTRIBUTE_*_LIMIT` where there is none.
    public var limits = SpanLimits()
    /// `OTEL_BLRP_*`.
    public var logBatch = BatchLogRecordProcessor.Configuration()
    /// `OTEL_LOGRECORD_*_LIMIT`, and `OTEL_ATTRIBUTE_*_LIMIT` where there is none.
    public var logLimits = LogRecordLimits()

    /// `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`.
    public var resourceAttributes = Attributes()
    /// The least severe lines that the telemetry writes about itself: `OTEL_LOG_LEVEL`.
    public var logLevel = Logger.Level.info

    /// What was wrong with the environment: the variable, its value, and what is used instead.
    public internal(set) var problems: [String] = []

    /// Creates the defaults.
    public init() {}

    /// Whether spans are made at all. Otherwise a caller's trace context is passed on as it came.
    public var isTracingEnabled: Bool { !isDisabled && !tracesExporters.isEmpty }

    /// Whether log records are sent as OTLP.
    public var exportsLogs: Bool { !isDisabled && logsExporters.contains(.otlp) }

    /// The service's name, when the environment gives one.
    public var serviceName: String? { resourceText(SemanticConventions.serviceName) }

    /// The identity of this process among those of its service, when the environment gives one.
    public var serviceInstanceID: String? { resourceText(SemanticConventions.serviceInstanceID) }

    private func resourceText(_ key: String) -> String? {
        guard case .string(let text)? = resourceAttributes[key], !text.isEmpty else { return nil }
        return text
    }
}

extension OTelConfiguration {
    /// Where spans can go.
    public enum TracesExporter: String, Sendable, Hashable, CaseIterable {
        /// To a backend, as OTLP.
        case otlp
        /// To standard output, as JSON lines.
        case console
    }

    /// How metrics can be offered.
    public enum MetricsExporter: String, Sendable, Hashable, CaseIterable {
        /// They are scraped from the admin endpoint.
        case prometheus
    }

    /// Where log records can go.
    public enum LogsExporter: String, Sendable, Hashable, CaseIterable {
        /// To a backend, as OTLP.
        case otlp
        /// To standard output, as lines; the default.
        case console
    }
}
