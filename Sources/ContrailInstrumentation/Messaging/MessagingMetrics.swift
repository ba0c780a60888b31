internal import Observability

/// The conventions' metrics of whoever publishes.
struct PublishMetrics: Sendable {
    private let operation: MetricFamily<HistogramMetric>
    private let sent: MetricFamily<CounterMetric>

    init(registry: MetricsRegistry) {
        operation = registry.messagingOperation()
        sent = registry.counter(
            "messaging_client_sent_messages_total",
            help: "Messages that a publish was attempted for.",
            labels: ["messaging_system", "messaging_operation_name", "messaging_destination_name", "error_type"]
        )
    }

    /// The span of a publish is never the current one, so it is named as the exemplar.
    func published(to subject: String, seconds: Double, errorType: String, span: SpanContext) {
        operation.labels("nats", "publish", "send", subject, errorType).observe(seconds, exemplar: span)
        sent.labels("nats", "publish", subject, errorType).increment(exemplar: span)
    }
}

/// The conventions' metrics of whoever consumes.
struct ConsumeMetrics: Sendable {
    private let operation: MetricFamily<HistogramMetric>
    private let process: MetricFamily<HistogramMetric>
    private let consumed: MetricFamily<CounterMetric>
    private let stalls: MetricFamily<CounterMetric>

    init(registry: MetricsRegistry) {
        operation = registry.messagingOperation()
        process = registry.histogram(
            "messaging_process_duration_seconds",
            help: "Duration of handling one delivery.",
            unit: .seconds,
            labels: [
                "messaging_system", "messaging_operation_name", "messaging_destination_name",
                "messaging_consumer_group_name", "error_type",
            ],
            buckets: .rpcSeconds
        )
        consumed = registry.counter(
            "messaging_client_consumed_messages_total",
            help: "Deliveries that arrived, redeliveries included.",
            labels: [
                "messaging_system", "messaging_operation_name", "messaging_destination_name",
                "messaging_consumer_group_name",
            ]
        )
        stalls = registry.counter(
            "jetstream_consumer_stalls_total",
            help: "Subscriptions that were recreated because events were pending and none came.",
            labels: ["stream", "consumer"]
        )
    }

    /// Makes the series of a consumer, which is 0 as long as all is well.
    func watches(_ consumer: TracedConsumer.Configuration) {
        _ = stalls.labels(consumer.stream, consumer.consumer)
    }

    func stalled(_ consumer: TracedConsumer.Configuration) {
        stalls.labels(consumer.stream, consumer.consumer).increment()
    }

    func settled(_ name: String, subject: String, seconds: Double, errorType: String) {
        operation.labels("nats", name, "settle", subject, errorType).observe(seconds)
    }

    func consumed(from subject: String, consumer: String) {
        consumed.labels("nats", "process", subject, consumer).increment()
    }

    /// The span is no longer the current one when its duration is known, so it is named as the exemplar.
    func processed(from subject: String, consumer: String, seconds: Double, errorType: String, span: SpanContext) {
        process.labels("nats", "process", subject, consumer, errorType).observe(seconds, exemplar: span)
    }
}

extension MetricsRegistry {
    /// The duration of both sides' requests to the broker.
    fileprivate func messagingOperation() -> MetricFamily<HistogramMetric> {
        histogram(
            "messaging_client_operation_duration_seconds",
            help: "Duration of publishing and acknowledging.",
            unit: .seconds,
            labels: [
                "messaging_system", "messaging_operation_name", "messaging_operation_type",
                "messaging_destination_name", "error_type",
            ],
            buckets: .rpcSeconds
        )
    }
}
