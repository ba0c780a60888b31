import Synchronization
import Testing

@testable import Observability

@Suite("Metrics registry")
struct MetricsRegistryTests {
    private final class Problems: Sendable {
        private let list = Mutex<[MetricsProblem]>([])

        init(_ registry: MetricsRegistry) {
            registry.setProblemHandler { problem in self.list.withLock { $0.append(problem) } }
        }

        var all: [MetricsProblem] { list.withLock { $0 } }
    }

    private func parse(_ registry: MetricsRegistry) throws -> [String: ExpositionParser.Family] {
        try ExpositionParser.parse(PrometheusText.render(registry))
    }

    @Test("returns the same instrument to whoever registers the same metric")
    func identicalRegistration() throws {
        let registry = MetricsRegistry()
        let problems = Problems(registry)
        let first = registry.counter("jobs_total", help: "Jobs.", labels: ["kind"])
        let second = registry.counter("jobs", help: "Other words.", labels: ["kind"])
        #expect(first === second)
        #expect(first.labels("a") === second.labels("a"))
        #expect(first.labels("a") !== first.labels("b"))
        #expect(registry.gauge("g", help: "") === registry.gauge("g", help: ""))
        let histogram = registry.histogram("h", help: "", labels: [], buckets: [1, 2])
        #expect(registry.histogram("h", help: "", labels: [], buckets: [2, 1]) === histogram)
        #expect(problems.all == [])
        #expect(try parse(registry)["jobs_total"]?.help == "Jobs.")
    }

    @Test("reports a conflicting registration once and keeps the first metric")
    func conflicts() throws {
        let registry = MetricsRegistry()
        let problems = Problems(registry)
        let counter = registry.counter("a_total", help: "A.", labels: ["x"])
        counter.labels("1").increment()
        for _ in 0..<3 { registry.counter("a_total", help: "A.", labels: ["y"]).labels("1").increment(by: 100) }
        registry.gauge("a_total", help: "A.").set(100)
        registry.gauge("a_total", help: "A.") { 100 }
        _ = registry.histogram("h", help: "H.", buckets: [1])
        registry.histogram("h", help: "H.", buckets: [2]).observe(1)
        // Names that samples of another metric have, or that its family has in OpenMetrics.
        registry.gauge("h_sum", help: "").set(1)
        registry.gauge("a", help: "").set(1)

        #expect(problems.all.map(\.code).allSatisfy { $0 == .conflictingRegistration })
        #expect(problems.all.map(\.metric) == ["a_total", "h", "h_sum", "a"])
        #expect(registry.statistics.problems == [.conflictingRegistration: 8])
        #expect(problems.all[0].message.contains("a counter by y"))
        let families = try parse(registry)
        #expect(families.keys.sorted() == ["a_total", "h"])
        #expect(families["a_total"]?.value(["x": "1"]) == 1)
        #expect(families["h"]?.value(suffix: "_count") == 0)
    }

    @Test("counts what is above the series limit in the overflow series")
    func overflow() throws {
        let registry = MetricsRegistry(seriesLimit: 10)
        let problems = Problems(registry)
        let family = registry.counter("users_total", help: "Users.", labels: ["id"])
        for id in 0..<100 { family.labels("\(id)").increment() }
        let samples = try #require(parse(registry)["users_total"]?.samples)
        #expect(samples.count == 10)
        #expect(samples.reduce(0) { $0 + $1.value } == 100)
        #expect(samples.last?.labels == ["otel_metric_overflow": "true"])
        #expect(samples.last?.value == 91)
        #expect(family.labels("3").value == 1)
        #expect(problems.all.map(\.code) == [.seriesLimit])
    }

    @Test("does not expose a series with the wrong number of label values, and says so")
    func labelMismatch() throws {
        let registry = MetricsRegistry()
        let problems = Problems(registry)
        let family = registry.gauge("g", help: "G.", labels: ["a", "b"])
        family.labels("1").set(1)
        family.labels("1", "2", "3").set(1)
        registry.gauge("o", help: "O.", labels: ["a"]) { [ObservedValue(1), ObservedValue(2, "x")] }
        #expect(try parse(registry).mapValues { $0.samples.map(\.value) } == ["o": [2]])
        #expect(problems.all.map(\.code) == [.labelMismatch, .labelMismatch])
    }

    @Test(
        "makes any name legal",
        arguments: [
            ("http.requests", nil, "http_requests_total"), ("a_total", nil, "a_total"),
            ("9 lives", nil, "_9_lives_total"),
            ("", nil, "unnamed_total"), ("???", nil, "unnamed_total"), ("a::b", nil, "a_b_total"),
            ("cpu", .seconds, "cpu_seconds_total"), ("cpu_seconds_total", .seconds, "cpu_seconds_total"),
            ("gr\u{f6}\u{df}e", nil, "gr_e_total"), ("sent", .bytes, "sent_bytes_total"),
        ] as [(String, MetricUnit?, String)]
    )
    func names(name: String, unit: MetricUnit?, expected: String) throws {
        let registry = MetricsRegistry()
        registry.counter(name, help: "Counts.", unit: unit).increment()
        #expect(try parse(registry).keys.sorted() == [expected])
    }

    @Test("makes label names legal, unique and not reserved")
    func labelNames() throws {
        let registry = MetricsRegistry()
        registry.histogram(
            "h",
            help: "",
            labels: ["le", "rpc.method", "rpc-method", "__name__", "1st", ""],
            buckets: []
        )
        .labels("1", "2", "3", "4", "5", "6").observe(1)
        let labels = try #require(parse(registry)["h"]?.samples.last?.labels)
        #expect(
            labels == [
                "exported_le": "1", "rpc_method": "2", "rpc_method_2": "3", "name_": "4", "key_1st": "5", "label": "6",
            ]
        )
    }

    @Test("ignores and counts measurements that would spoil a series")
    func rejectedMeasurements() {
        let registry = MetricsRegistry()
        let counter = registry.counter("c", help: "C.")
        counter.increment(by: -1)
        counter.increment(by: -0.5)
        counter.increment(by: .nan)
        counter.increment(by: .infinity)
        let histogram = registry.histogram("h", help: "H.", buckets: [1])
        histogram.observe(.nan)
        histogram.observe(-.infinity)
        #expect(counter.value == 0)
        #expect(histogram.snapshot == HistogramSnapshot(bucketCounts: [0, 0], sum: 0))
        #expect(registry.statistics.rejectedMeasurements == 6)
    }

    @Test("puts a value that equals a bound into its bucket")
    func bucketBounds() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("h", help: "H.", buckets: [2, 1, .nan, 2, .infinity])
        for value in [-1, 1, 1.5, 2, 2.5] { histogram.observe(value) }
        histogram.observe(.milliseconds(500))
        #expect(histogram.snapshot.bucketCounts == [3, 2, 1])
        #expect(histogram.snapshot.sum == 6.5)
        #expect(histogram.snapshot.count == 6)
    }

    @Test("has the buckets that the conventions advise")
    func adviceBuckets() {
        #expect(HistogramBuckets.rpcSeconds.bounds.count == 14)
        #expect(HistogramBuckets.databaseSeconds.bounds.count == 9)
        #expect(HistogramBuckets.notificationSeconds.bounds.contains(30))
        #expect(HistogramBuckets.notificationSeconds.bounds.last == 3600)
    }

    @Test("reads observed values at scrape time, the latest callback winning")
    func observed() throws {
        let registry = MetricsRegistry()
        let depth = Atomic<Int>(3)
        registry.gauge("depth", help: "D.") { Double(depth.load(ordering: .relaxed)) }
        registry.gauge("state", help: "S.", labels: ["of"]) { [ObservedValue(1, "a"), ObservedValue(1, "b")] }
        let second = registry.gauge("state", help: "S.", labels: ["of"]) { [ObservedValue(2, "b")] }
        registry.counter("seen", help: "S.") { -1 }
        depth.store(4, ordering: .relaxed)
        var families = try parse(registry)
        #expect(families["depth"]?.value() == 4)
        #expect(families["state"]?.value(["of": "a"]) == 1)
        #expect(families["state"]?.value(["of": "b"]) == 2)
        #expect(families["seen_total"] == nil)

        second.cancel()
        registry.gauge("depth", help: "D.") { 7 }
        families = try parse(registry)
        #expect(families["state"]?.value(["of": "b"]) == 1)
        #expect(families["depth"]?.value() == 7)
    }

    @Test("sums observed series above the limit in the overflow series, and lets none that was shown jump there")
    func observedOverflow() throws {
        let registry = MetricsRegistry(seriesLimit: 10)
        let problems = Problems(registry)
        let ids = Mutex<[Int]>(Array(50..<59))
        registry.counter("users_total", help: "Users.", labels: ["id"]) {
            ids.withLock { $0.map { ObservedValue(Double($0), "\($0)") } }
        }
        var samples = try #require(parse(registry)["users_total"]?.samples)
        #expect(samples.compactMap { $0.labels["id"] } == (50..<59).map { "\($0)" })
        #expect(problems.all.isEmpty)
        ids.withLock { $0 += 59..<62 }
        for more in [[], [10, 11]] {
            ids.withLock { $0 += more }
            samples = try #require(parse(registry)["users_total"]?.samples)
            #expect(samples.count == 10)
            #expect(samples.compactMap { $0.labels["id"] } == (50..<59).map { "\($0)" })
            #expect(samples.last?.labels == ["otel_metric_overflow": "true"])
            #expect(samples.last?.value == Double(more.reduce(59 + 60 + 61, +)))
        }
        // Who leaves makes room for another.
        ids.withLock { $0.removeAll { $0 == 53 } }
        samples = try #require(parse(registry)["users_total"]?.samples)
        #expect(samples.contains { $0.labels["id"] == "10" } && !samples.contains { $0.labels["id"] == "53" })
        #expect(samples.last?.value == 191.0)
        #expect(problems.all.map(\.code) == [.seriesLimit])
    }

    @Test("lets a callback register metrics while it is scraped")
    func reentrantCallback() throws {
        let registry = MetricsRegistry()
        registry.gauge("outer", help: "O.") { [weak registry] in
            registry?.counter("inner", help: "I.").increment()
            return 1
        }
        _ = PrometheusText.render(registry)
        #expect(try parse(registry)["inner_total"]?.value() == 1)
    }

    @Test("exposes its own losses")
    func selfMetrics() throws {
        let registry = MetricsRegistry()
        registry.registerSelfMetrics(logWriter: LogWriter { _ in })
        registry.counter("c", help: "C.").increment(by: -1)
        _ = registry.gauge("c", help: "C.")
        let families = try parse(registry)
        #expect(families["contrail_metrics_rejected_measurements_total"]?.value() == 1)
        let problems = families["contrail_metrics_problems_total"]
        #expect(problems?.value(["problem": "conflicting_registration"]) == 1)
        #expect(families["contrail_log_lines_dropped_total"]?.value() == 0)
    }
}
