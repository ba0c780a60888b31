import Synchronization
import TestKit
import Testing

@testable import Observability

@Suite("Exemplars")
struct ExemplarTests {
    private func context(_ number: UInt64, isSampled: Bool = true) -> SpanContext {
        SpanContext(
            traceID: TraceID(high: 1, low: number),
            spanID: SpanID(number),
            flags: isSampled ? .sampled : []
        )
    }

    /// What follows ` # ` in the lines that have an exemplar, by what precedes it.
    private func exemplars(_ registry: MetricsRegistry) -> [String: String] {
        var found: [String: String] = [:]
        for line in String(decoding: OpenMetricsText.render(registry), as: UTF8.self).split(separator: "\n") {
            guard let mark = line.firstRange(of: " # ") else { continue }
            found[String(line[..<mark.lowerBound])] = String(line[mark.upperBound...])
        }
        return found
    }

    private func labels(_ number: UInt64) -> String {
        "{trace_id=\"0000000000000001\(number.lowerHex)\",span_id=\"\(number.lowerHex)\"}"
    }

    @Test("are taken from the current sampled span, one per bucket and scrape, into the value's own bucket")
    func currentSpan() async {
        let time = Mutex<UInt64>(1_000_000_000)
        let registry = MetricsRegistry(clock: { time.withLock { $0 } })
        let histogram = registry.histogram("h", help: "", buckets: [1, 2])
        let counter = registry.counter("c", help: "")
        await ActiveContext(spanContext: context(1)).run {
            histogram.observe(0.5)
            #expect(exemplars(registry) == [:], "nobody had asked before")
            histogram.observe(1)
            histogram.observe(0.25)
            histogram.observe(1.5)
            counter.increment()
            counter.increment(by: 2.5)
        }
        let first = exemplars(registry)
        #expect(
            first == [
                "h_bucket{le=\"1.0\"} 3": labels(1) + " 1 1.000",
                "h_bucket{le=\"2.0\"} 4": labels(1) + " 1.5 1.000",
                "c_total 3.5": labels(1) + " 1 1.000",
            ]
        )
        time.withLock { $0 = 2_500_000_000 }
        await ActiveContext(spanContext: context(2)).run { histogram.observe(7) }
        // Those that are there stay until there are newer ones.
        #expect(exemplars(registry).count == 4)
        #expect(exemplars(registry)["h_bucket{le=\"+Inf\"} 5"] == labels(2) + " 7 2.500")
        await ActiveContext(spanContext: context(3)).run { histogram.observe(1.75) }
        #expect(exemplars(registry)["h_bucket{le=\"2.0\"} 5"] == labels(3) + " 1.75 2.500")
        #expect(!String(decoding: PrometheusText.render(registry), as: UTF8.self).contains(" # {"))
    }

    @Test("are not taken outside of spans or in unsampled ones, which are looked at ever more rarely")
    func unsampled() async {
        let registry = MetricsRegistry()
        #expect(exemplars(registry) == [:])
        let histogram = registry.histogram("h", help: "", buckets: [])
        let counter = registry.counter("c", help: "")
        for _ in 0..<500 { histogram.observe(1) }
        await ActiveContext(spanContext: context(1, isSampled: false)).run {
            for _ in 0..<500 { histogram.observe(1) }
            counter.increment()
        }
        histogram.observe(1, exemplar: nil)
        histogram.observe(1, exemplar: context(1, isSampled: false))
        #expect(exemplars(registry) == [:])
        await ActiveContext(spanContext: context(2)).run {
            // The longest patience.
            for _ in 0..<32 { histogram.observe(2) }
        }
        #expect(exemplars(registry).keys.sorted() == ["h_bucket{le=\"+Inf\"} 1034"])
    }

    @Test("of a span that the caller has at hand need no patience")
    func explicit() {
        let registry = MetricsRegistry(clock: { 1_000_000 })
        #expect(exemplars(registry) == [:])
        let histogram = registry.histogram("h", help: "", buckets: [])
        for _ in 0..<100 { histogram.observe(1) }
        histogram.observe(3, exemplar: context(5))
        #expect(exemplars(registry) == ["h_bucket{le=\"+Inf\"} 101": labels(5) + " 3 0.001"])
    }

    @Test("follow the filter of OTEL_METRICS_EXEMPLAR_FILTER")
    func filter() {
        #expect(ExemplarFilter(rawValue: "trace_based") == .traceBased)
        #expect(ExemplarFilter(rawValue: "always_on") == .alwaysOn)
        #expect(ExemplarFilter(rawValue: "always_off") == .alwaysOff)
        #expect(ExemplarFilter(rawValue: "sometimes") == nil)
        let off = MetricsRegistry(exemplarFilter: .alwaysOff)
        let on = MetricsRegistry(exemplarFilter: .alwaysOn, clock: { 1_000_000_000 })
        for registry in [off, on] {
            #expect(exemplars(registry) == [:])
            registry.counter("a", help: "").increment()
            registry.counter("b", help: "").increment(exemplar: context(7, isSampled: false))
            registry.counter("c", help: "").increment(exemplar: context(8))
        }
        #expect(exemplars(off) == [:])
        #expect(
            exemplars(on) == [
                "a_total 1": "{} 1 1.000", "b_total 1": labels(7) + " 1 1.000", "c_total 1": labels(8) + " 1 1.000",
            ]
        )
    }

    @Test("fit into histograms of more buckets than bits")
    func manyBuckets() {
        let registry = MetricsRegistry(exemplarFilter: .alwaysOn)
        let histogram = registry.histogram("h", help: "", buckets: HistogramBuckets((1...100).map(Double.init)))
        #expect(exemplars(registry) == [:])
        for value in [1.0, 63, 64, 65, 100, 101] {
            histogram.observe(value)
            _ = exemplars(registry)
        }
        let found = exemplars(registry)
        #expect(found.count == 6)
        #expect(found["h_bucket{le=\"65.0\"} 4"]?.hasPrefix("{} 65 ") == true)
        #expect(found["h_bucket{le=\"+Inf\"} 6"]?.hasPrefix("{} 101 ") == true)
    }

    @Test("are whole and in their bucket while many tasks observe and scrape")
    func concurrency() async throws {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("h", help: "", buckets: [1, 2, 3])
        _ = exemplars(registry)
        await withTaskGroup { group in
            for task in 0..<4 {
                group.addTask {
                    for round in 0..<20_000 {
                        // The value tells the span.
                        let value = Double((task * 31 + round) % 4) + 0.5
                        histogram.observe(value, exemplar: context(UInt64(value * 2)))
                    }
                }
            }
            group.addTask {
                for _ in 0..<200 {
                    for (line, exemplar) in exemplars(registry) {
                        let value = exemplar.split(separator: " ")[1]
                        let bound = ["0.5": "1.0", "1.5": "2.0", "2.5": "3.0", "3.5": "+Inf"][String(value)] ?? "none"
                        #expect(line.hasPrefix("h_bucket{le=\"\(bound)\"} "))
                        #expect(exemplar.hasPrefix(labels(UInt64((Double(value) ?? 0) * 2))))
                    }
                    await Task.yield()
                }
            }
        }
        #expect(histogram.snapshot.count == 80_000)
        #expect(exemplars(registry).count == 4)
    }
}
