internal import GRPCCore
internal import Observability

/// The conventions' duration histogram of calls: counts, errors and latencies by method and status.
struct RPCMetrics: Sendable {
    enum Side: Sendable {
        case client, server
    }

    private let duration: MetricFamily<HistogramMetric>

    init(registry: MetricsRegistry, side: Side) {
        let name = side == .server ? "rpc_server_call_duration_seconds" : "rpc_client_call_duration_seconds"
        let help = side == .server ? "Duration of calls that were served." : "Duration of calls that were made."
        duration = registry.histogram(
            name,
            help: help,
            unit: .seconds,
            labels: ["rpc_system_name", "rpc_method", "rpc_response_status_code", "error_type"],
            buckets: .rpcSeconds
        )
    }

    func record(seconds: Double, method: String, status: String, isFailure: Bool, span: SpanContext?) {
        duration.labels("grpc", method, status, isFailure ? status : "").observe(seconds, exemplar: span)
    }
}
