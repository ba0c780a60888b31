import Observability
import Testing

/// Points of the metric conventions and of the Prometheus exporter that no other suite happens to prove.
@Suite("Conformance of metrics")
struct ConformanceMetricsTests {
    private func text(_ registry: MetricsRegistry, _ format: ExpositionFormat = .prometheusText) -> String {
        registry.withExposition(format) { String(decoding: $0, as: UTF8.self) }
    }

    @Test("the bounds of the conventions' advice are these")
    func advice() {
        #expect(
            HistogramBuckets.rpcSeconds.bounds
                == [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
        )
        #expect(HistogramBuckets.databaseSeconds.bounds == [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])
    }

    @Test("a series stays in every exposition, unchanged ones too, without a timestamp")
    func everyScrape() {
        let registry = MetricsRegistry()
        registry.counter("jobs", help: "Jobs.", labels: ["kind"]).labels("a").increment()
        registry.gauge("depth", help: "Depth.").set(2)
        let first = text(registry)
        #expect(first.contains("\njobs_total{kind=\"a\"} 1\n"))
        #expect(first.contains("\ndepth 2\n"))
        for _ in 0..<3 { #expect(text(registry) == first) }
        let open = text(registry, .openMetrics)
        #expect(open.contains("\njobs_total{kind=\"a\"} 1\n") && open.contains("\ndepth 2\n"))
    }

    @Test("metrics without labels are there from their registration, at zero")
    func zero() {
        let registry = MetricsRegistry()
        _ = registry.counter("jobs", help: "Jobs.")
        _ = registry.histogram("work", help: "Work.", unit: .seconds, buckets: [1])
        let text = text(registry)
        #expect(text.contains("\njobs_total 0\n"))
        #expect(text.contains("\nwork_seconds_bucket{le=\"+Inf\"} 0\n") && text.contains("\nwork_seconds_count 0\n"))
    }

    @Test("a value that is not known is left out instead of being NaN, also when it is asked for at the scrape")
    func notANumber() {
        let registry = MetricsRegistry()
        registry.counter("observed", help: "Observed.") { .nan }
        registry.gauge("absent", help: "Absent.") { nil }
        registry.counter("jobs", help: "Jobs.").increment(by: .nan)
        let text = text(registry)
        #expect(!text.contains("NaN") && !text.contains("absent") && !text.contains("observed"))
        #expect(text.contains("\njobs_total 0\n"))
    }
}
