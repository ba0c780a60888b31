internal import Observability

/// What the enricher counts about itself.
struct EnricherMetrics: Sendable {
    private let alerts: [Enrichment.Result: CounterMetric]
    private let duration: HistogramMetric
    private let delivered: CounterMetric
    private let failed: CounterMetric

    init(_ registry: MetricsRegistry) {
        let alerts = registry.counter(
            "alert_enricher_alerts_total",
            help: "Alerts by what became of them: enriched, empty (nothing was found), failed, unasked, resolved.",
            labels: ["result"]
        )
        self.alerts = Dictionary(
            uniqueKeysWithValues: Enrichment.Result.allCases.map { ($0, alerts.labels($0.rawValue)) }
        )
        duration = registry.histogram(
            "alert_enricher_enrichment_duration_seconds",
            help: "How long notifications were held to find out what is behind them.",
            unit: .seconds,
            buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        )
        let forwards = registry.counter(
            "alert_enricher_forwards_total",
            help: "Notifications that were passed on, by whether the receiver took them.",
            labels: ["result"]
        )
        delivered = forwards.labels("delivered")
        failed = forwards.labels("failed")
    }

    func count(_ result: Enrichment.Result) {
        alerts[result]?.increment()
    }

    func held(_ duration: Duration) {
        self.duration.observe(duration)
    }

    func forwarded(isTaken: Bool) {
        (isTaken ? delivered : failed).increment()
    }
}
