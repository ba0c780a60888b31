import CoreMetrics
import Testing

@testable import Observability

@Suite("Prometheus metrics factory")
struct PrometheusMetricsFactoryTests {
    private let registry = MetricsRegistry()
    private var factory: PrometheusMetricsFactory { PrometheusMetricsFactory(registry: registry) }

    private func parse() throws -> [String: ExpositionParser.Family] {
        try ExpositionParser.parse(PrometheusText.render(registry))
    }

    @Test("maps every instrument of swift-metrics to a metric")
    func mapping() throws {
        let dimensions = [("http.method", "GET")]
        let labels = ["http_method": "GET"]
        Counter(label: "hb.requests", dimensions: dimensions, factory: factory).increment(by: 3)
        FloatingPointCounter(label: "bytes.sent", dimensions: dimensions, factory: factory).increment(by: 2.5)
        let meter = Meter(label: "queue.depth", dimensions: dimensions, factory: factory)
        meter.set(5)
        meter.decrement()
        Gauge(label: "temperature", dimensions: dimensions, factory: factory).record(-4)
        Recorder(label: "body.size", dimensions: dimensions, aggregate: true, factory: factory).record(60)
        Timer(label: "hb.request.duration", dimensions: dimensions, factory: factory).recordMilliseconds(20)

        let families = try parse()
        #expect(families["hb_requests_total"]?.value(labels) == 3)
        #expect(families["bytes_sent_total"]?.value(labels) == 2.5)
        #expect(families["queue_depth"]?.value(labels) == 4)
        #expect(families["temperature"]?.value(labels) == -4)
        #expect(families["body_size"]?.value(labels, suffix: "_sum") == 60)
        #expect(families["hb_request_duration_seconds"]?.value(labels, suffix: "_sum") == 0.02)
        #expect(
            families["hb_request_duration_seconds"]?
                .value(["http_method": "GET", "le": "0.025"], suffix: "_bucket") == 1
        )
        #expect(registry.statistics.problems == [:])
    }

    @Test("takes help, unit and buckets of single instruments from advice")
    func advice() throws {
        let factory = PrometheusMetricsFactory(
            registry: registry,
            advice: [
                "hb.requests.size": InstrumentAdvice(help: "Sizes.", unit: .bytes, buckets: [100, 200]),
                "hb.wait": InstrumentAdvice(buckets: [0.5]), "hb.sent": InstrumentAdvice(unit: .bytes),
            ]
        )
        Recorder(label: "hb.requests.size", factory: factory).record(150)
        Timer(label: "hb.wait", factory: factory).recordMilliseconds(20)
        Counter(label: "hb.sent", factory: factory).increment()
        let families = try parse()
        #expect(families["hb_requests_size_bytes"]?.help == "Sizes.")
        #expect(families["hb_requests_size_bytes"]?.value(["le": "200.0"], suffix: "_bucket") == 1)
        #expect(families["hb_wait_seconds"]?.samples.count == 4)
        #expect(families["hb_sent_bytes_total"]?.value() == 1)
    }

    @Test("lets instruments of one name have different dimensions")
    func differentDimensions() throws {
        Counter(label: "errors", dimensions: [], factory: factory).increment()
        Counter(label: "errors", dimensions: [("b", "1"), ("a", "2")], factory: factory).increment()
        Counter(label: "errors", dimensions: [("a", "2"), ("b", "1")], factory: factory).increment()
        Counter(label: "errors", dimensions: [("le", "x"), ("empty", "")], factory: factory).increment()
        Counter(label: "errors", dimensions: [("x.y", "1"), ("x-y", "2")], factory: factory).increment()
        let family = try #require(parse()["errors_total"])
        #expect(family.value() == 1)
        #expect(family.value(["a": "2", "b": "1"]) == 2)
        #expect(family.value(["le": "x"]) == 1)
        #expect(family.value(["x_y": "2;1"]) == 1)
        #expect(family.samples.count == 4)
    }

    @Test("survives a conflict with a metric of the registry")
    func conflict() throws {
        _ = registry.gauge("depth", help: "D.")
        Recorder(label: "depth", dimensions: [], aggregate: true, factory: factory).record(1)
        Meter(label: "depth", factory: factory).set(3)
        #expect(try parse()["depth"]?.value() == 0)
        #expect(registry.statistics.problems == [.conflictingRegistration: 2])
    }

    @Test("removes a series when its instrument is destroyed, and resets a counter")
    func destroy() throws {
        let meter = Meter(label: "connection.age", dimensions: [("id", "1")], factory: factory)
        Meter(label: "connection.age", dimensions: [("id", "2")], factory: factory).set(1)
        meter.destroy()
        let counter = Counter(label: "c", factory: factory)
        counter.increment(by: 5)
        counter.reset()
        let families = try parse()
        #expect(families["connection_age"]?.samples.map(\.labels) == [["id": "2"]])
        #expect(families["c_total"]?.value() == 0)
    }
}
