import TestKit
import Testing

@testable import Observability

@Suite("Metric family")
struct MetricFamilyTests {
    @Test("finds a series by one to six values, whichever way it is asked")
    func lookups() {
        let registry = MetricsRegistry()
        func family(_ count: Int) -> MetricFamily<CounterMetric> {
            registry.counter("c\(count)", help: "", labels: (0..<count).map { "l\($0)" })
        }
        for _ in 0..<2 {
            family(1).labels("a").increment()
            family(2).labels("a", "b").increment()
            family(3).labels("a", "b", "c").increment()
            family(4).labels("a", "b", "c", "d").increment()
            family(5).labels("a", "b", "c", "d", "e").increment()
            family(6).labels("a", "b", "c", "d", "e", "f").increment()
        }
        for count in 1...6 {
            let values = ["a", "b", "c", "d", "e", "f"].prefix(count)
            #expect(family(count).instrument(values: Array(values)).value == 2)
        }
        let gauges = registry.gauge("g", help: "", labels: ["a", "b"])
        #expect(gauges.labels("x", "y") === gauges.labels("x", "y"))
        let histograms = registry.histogram("h", help: "", labels: ["a", "b", "c"], buckets: [])
        #expect(histograms.labels("x", "y", "") === histograms.instrument(values: ["x", "y", ""]))
        #expect(registry.statistics.problems == [:])
    }

    @Test("tells values apart by their bytes and boundaries")
    func distinct() {
        let family = MetricsRegistry(seriesLimit: 5000).counter("c", help: "", labels: ["a", "b"])
        #expect(family.labels("ab", "c") !== family.labels("a", "bc"))
        #expect(family.labels("", "a") !== family.labels("a", ""))
        #expect(family.labels("\u{e9}", "") !== family.labels("e\u{301}", ""))
        let long = String(repeating: "x", count: 1000)
        #expect(family.labels(long, "") !== family.labels(long + "x", ""))
        for number in 0..<4000 { family.labels("\(number)", "v").increment(by: number) }
        for number in 0..<4000 { #expect(family.labels("\(number)", "v").value == Double(number)) }
    }

    @Test("counts everything once, in its series or in the overflow, while many tasks go over the limit")
    func overflow() async throws {
        let registry = MetricsRegistry(seriesLimit: 100)
        let family = registry.counter("c", help: "", labels: ["id"])
        let histograms = registry.histogram("h", help: "", labels: ["id"], buckets: [1])
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<2000 {
                        family.labels("\((task * 7 + round) % 400)").increment()
                        histograms.labels("\((task * 7 + round) % 400)").observe(1)
                    }
                }
            }
        }
        let families = try ExpositionParser.parse(PrometheusText.render(registry))
        let samples = try #require(families["c_total"]?.samples)
        #expect(samples.count == 100)
        #expect(samples.reduce(0) { $0 + $1.value } == 16_000)
        #expect(samples.last?.labels == ["otel_metric_overflow": "true"])
        // Each id was counted 40 times, and those that have a series there every time.
        #expect(samples.dropLast().allSatisfy { $0.value == 40 })
        let counts = try #require(families["h"]?.samples.filter { $0.name == "h_count" })
        #expect(counts.count == 100 && counts.reduce(0) { $0 + $1.value } == 16_000)
    }

    @Test("gives many tasks that ask for new series at the same time the same instruments")
    func concurrentInsertion() async {
        let family = MetricsRegistry().counter("c", help: "", labels: ["a", "b"])
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for number in 0..<1500 { family.labels("\(number)", "x").increment() }
                }
            }
        }
        #expect(family.snapshot.instruments.count == 1500)
        #expect(family.snapshot.instruments.allSatisfy { $0.value == 8 })
    }

    @Test("writes numbers that read back the same", arguments: 0..<100)
    func numbers(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<200 {
            let digits = Double(UInt64.random(in: 0...1 << UInt64.random(in: 0...62, using: &random), using: &random))
            let decimal = digits / [1, 1e3, 1e6, 1e9, 1e12][Int.random(in: 0...4, using: &random)]
            for value in [decimal, -decimal, Double(bitPattern: random.next())] where !value.isNaN {
                let buffer = ExpositionBuffer()
                buffer.append(value)
                let text = String(decoding: buffer.bytes, as: UTF8.self)
                #expect(Double(text) == value, "\(text)")
                // Never more digits than the shortest text has.
                #expect(text.utf8.count <= value.description.utf8.count + 1, "\(text) for \(value)")
            }
            let whole = random.next() >> UInt64.random(in: 0...63, using: &random)
            let buffer = ExpositionBuffer()
            buffer.append(whole)
            #expect(String(decoding: buffer.bytes, as: UTF8.self) == "\(whole)")
        }
    }
}
