internal import Observability

/// What an exporter says of itself: how long its exports take.
///
/// Implements `otel.sdk.exporter.operation.duration` of the OpenTelemetry 1.44 "SDK metrics" conventions, with one
/// bucket, as they advise.
struct ExportMetrics {
    private let family: MetricFamily<HistogramMetric>
    private let serverAddress: String
    private let serverPort: String
    private let componentType: String

    init(_ registry: MetricsRegistry, signal: OTLPSignal, endpoint: EndpointURL?) {
        family = registry.histogram(
            "otel_sdk_exporter_operation_duration",
            help: "How long exports took, repetitions included.",
            unit: .seconds,
            labels: [
                "http_response_status_code", "error_type", "server_address", "server_port", "otel_component_type",
                "otel_component_name",
            ],
            buckets: []
        )
        serverAddress = endpoint?.host ?? ""
        serverPort = endpoint?.port ?? ""
        componentType = signal.componentType
    }

    /// Records the end of an export.
    ///
    /// - Parameters:
    ///   - duration: How long it took.
    ///   - status: Of the last response, if there was one.
    ///   - errorType: Why something was lost, if it was.
    func record(_ duration: Duration, status: Int?, errorType: String?) {
        // A process has one exporter of a kind, whose number is zero.
        family.labels(
            status.map { String($0) } ?? "",
            errorType ?? "",
            serverAddress,
            serverPort,
            componentType,
            componentType + "/0"
        ).observe(duration)
    }
}
