/// A kind of telemetry that has an endpoint of its own.
///
/// Implements OTLP 1.11, "OTLP/HTTP Request", and the names in the "OTLP Exporter" specification.
public enum OTLPSignal: Sendable, Hashable {
    /// Spans.
    case traces
    /// Log records.
    case logs

    /// The path below a collector's base URL.
    var path: String {
        switch self {
        case .traces: "v1/traces"
        case .logs: "v1/logs"
        }
    }

    /// What stands in the signal's own variables, as in `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`.
    var variableInfix: String {
        switch self {
        case .traces: "TRACES"
        case .logs: "LOGS"
        }
    }

    /// The specification's endpoint.
    var defaultEndpoint: String { "http://localhost:4318/" + path }

    /// What the exporter of the signal is called in the SDK's own metrics.
    var componentType: String {
        switch self {
        case .traces: "otlp_http_span_exporter"
        case .logs: "otlp_http_log_exporter"
        }
    }

    /// One of what the signal sends, for messages.
    var item: String {
        switch self {
        case .traces: "span"
        case .logs: "log record"
        }
    }
}
