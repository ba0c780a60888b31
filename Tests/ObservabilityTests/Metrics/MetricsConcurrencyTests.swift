import Synchronization
import Testing

@testable import Observability

@Suite("Metrics under concurrency")
struct MetricsConcurrencyTests {
    private final class Flag: Sendable {
        private let value = Atomic(false)

        var isSet: Bool { value.load(ordering: .relaxed) }

        func set() { value.store(true, ordering: .relaxed) }
    }

    private static let tasks = 8
    private static let rounds = 100_000

    @Test("loses no increment and no observation")
    func exact() async throws {
        let registry = MetricsRegistry()
        let counter = registry.counter("c", help: "C.")
        let gauge = registry.gauge("g", help: "G.")
        let histogram = registry.histogram("h", help: "H.", buckets: [1, 2, 3])
        await withTaskGroup { group in
            for task in 0..<Self.tasks {
                group.addTask {
                    for round in 0..<Self.rounds {
                        counter.increment()
                        counter.increment(by: 0.5)
                        gauge.increment(by: 2)
                        gauge.decrement()
                        histogram.observe(Double((task + round) % 4) + 0.5)
                    }
                }
            }
        }
        let total = Self.tasks * Self.rounds
        #expect(counter.value == Double(total) * 1.5)
        #expect(gauge.value == Double(total))
        let quarter = UInt64(total / 4)
        #expect(histogram.snapshot.bucketCounts == [quarter, quarter, quarter, quarter])
        #expect(histogram.snapshot.sum == Double(total) * 2)
        let families = try ExpositionParser.parse(PrometheusText.render(registry))
        #expect(families["c_total"]?.value() == Double(total) * 1.5)
    }

    @Test("keeps every exposition consistent and monotonic while values are observed")
    func scrapeDuringObservation() async throws {
        let registry = MetricsRegistry()
        let family = registry.histogram("h", help: "H.", labels: ["task"], buckets: .rpcSeconds)
        let shared = registry.histogram("shared", help: "H.", buckets: [1])
        let done = Flag()
        try await withThrowingTaskGroup { group in
            for task in 0..<4 {
                group.addTask {
                    let own = family.labels("\(task)")
                    while !done.isSet {
                        for round in 0..<1000 {
                            own.observe(Double(round) / 100)
                            shared.observe(1)
                        }
                        await Task.yield()
                    }
                }
            }
            group.addTask {
                defer { done.set() }
                var last: Double = 0
                // Until the values of many scrapes differed, which proves that they were taken meanwhile.
                for _ in 0..<20 {
                    var count = last
                    while count == last {
                        // The parser checks that buckets rise to the count.
                        let families = try ExpositionParser.parse(PrometheusText.render(registry))
                        count = families["shared"]?.value(suffix: "_count") ?? 0
                        // All values are 1: a sum above the count would hold an observation that no bucket has.
                        #expect(families["shared"]?.value(suffix: "_sum") ?? 0 <= count)
                        #expect(count >= last)
                        await Task.yield()
                    }
                    last = count
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("registers and labels the same series from many tasks once")
    func registration() async throws {
        let registry = MetricsRegistry()
        await withTaskGroup { group in
            for _ in 0..<Self.tasks {
                group.addTask {
                    for round in 0..<1000 {
                        registry.counter("m\(round % 10)", help: "M.", labels: ["l"]).labels("\(round % 50)")
                            .increment()
                    }
                }
            }
        }
        let families = try ExpositionParser.parse(PrometheusText.render(registry))
        #expect(families.count == 10)
        let sum = families.values.flatMap(\.samples).reduce(0) { $0 + $1.value }
        #expect(sum == Double(Self.tasks * 1000))
        #expect(registry.statistics.problems == [:])
    }
}
