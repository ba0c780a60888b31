internal import ContrailInstrumentation
internal import Observability

/// What the notifications service counts and measures of notifications.
struct NotificationMetrics: Sendable {
    private let delivered: MetricFamily<CounterMetric>
    private let stage: MetricFamily<HistogramMetric>
    private let endToEnd: HistogramMetric
    private let late: MetricFamily<CounterMetric>
    private let deadLettered: MetricFamily<CounterMetric>

    init(registry: MetricsRegistry) {
        delivered = registry.counter(
            "notification_delivered_total",
            help: "Notifications that were delivered and recorded.",
            labels: ["notification_channel"]
        )
        stage = registry.histogram(
            "notification_stage_duration_seconds",
            help: "Time that a notification spent in a stage of its journey. The sums add up to the end-to-end time.",
            unit: .seconds,
            labels: ["stage"],
            buckets: .notificationSeconds
        )
        endToEnd =
            registry.histogram(
                "notification_end_to_end_duration_seconds",
                help: "Time from the call that caused a notification until it was handled.",
                unit: .seconds,
                labels: [],
                buckets: .notificationSeconds
            ).labels()
        late = registry.counter(
            "notification_late_total",
            help: "Notifications that took longer than they may, by the longest stage.",
            labels: ["cause", "reason"]
        )
        // From the start, here and below: Prometheus sees no increase in a series that begins with its first event.
        for stage in Stage.allCases { _ = late.labels(stage.rawValue, "") }
        deadLettered = registry.counter(
            "notification_dead_lettered_total",
            help: "Events that were given up.",
            labels: ["reason"]
        )
        for reason in Self.reasons { _ = deadLettered.labels(reason) }
    }

    /// Why events are given up. A reason that is not among them is counted all the same, from its first event on.
    private static let reasons = [
        "maximum_attempts", "refused_by_provider", "undecodable", "unknown_type", "unknown_user",
    ]

    func delivered(by channel: String) {
        delivered.labels(channel).increment()
    }

    /// Measures a journey, with the span that shows it as the exemplar.
    func completed(_ journey: CompletedJourney, span: SpanContext?) {
        for (stage, nanoseconds) in journey.stages {
            self.stage.labels(stage.rawValue).observe(Double(nanoseconds) / 1e9, exemplar: span)
        }
        endToEnd.observe(Double(journey.total) / 1e9, exemplar: span)
        if let cause = journey.cause {
            late.labels(cause.rawValue, journey.causeReason ?? "").increment(exemplar: span)
        }
    }

    /// Counts an event that was given up, with the span of its last attempt as the exemplar.
    ///
    /// There are few of them, and each is worth finding: the counter does not look for the span by itself, which it does
    /// less and less often while there is none.
    func deadLettered(because reason: String, span: SpanContext?) {
        deadLettered.labels(reason).increment(exemplar: span)
    }
}
