import TestKit
import Testing

@testable import Observability

@Suite("OpenMetrics text")
struct OpenMetricsTextTests {
    private static let context = SpanContext(
        traceID: TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736),
        spanID: SpanID(0xf067_aa0b_a902_b7),
        flags: .sampled
    )

    private func text(_ registry: MetricsRegistry) -> String {
        String(decoding: OpenMetricsText.render(registry), as: UTF8.self)
    }

    private func resource(_ attributes: Attributes) -> Resource { Resource(attributes: attributes) }

    @Test("renders every type as OpenMetrics 1.0 asks for, target_info first, and ends with EOF")
    func golden() {
        let registry = MetricsRegistry(clock: { 1_700_000_000_123_456_789 })
        // From now on exemplars are collected.
        #expect(text(registry) == "# EOF\n")
        let latency = registry.histogram(
            "call_duration",
            help: "Time of a \"call\".",
            unit: .seconds,
            labels: ["method"],
            buckets: [0.005, 1, 10]
        )
        let calls = latency.labels("a\"\\\n\u{e9}")
        calls.observe(0.004)
        calls.observe(0.75, exemplar: Self.context)
        calls.observe(11.25, exemplar: Self.context)
        let orders = registry.counter("orders", help: "Orders that were accepted.", labels: ["channel"])
        orders.labels("web").increment(by: 3, exemplar: Self.context)
        orders.labels("app").increment(by: 0.5)
        registry.counter("sent", help: "Sent.", unit: .bytes).increment(by: 7)
        registry.gauge("outbox_depth", help: "Rows that wait.").set(-1.5)
        registry.gauge("seconds", help: "Is all unit.", unit: .seconds).set(1)
        registry.gauge("breaker_state", help: "", labels: ["target"]) { [ObservedValue(2, "users")] }
        registry.info("contrail_build", help: "What is running.", facts: ["version": "1.0.0"])
        registry.registerTargetInfo(
            resource(["service.name": "orders", "service-name": "x", "n": 4, "list": .array(["a\"", true, 1.5])])
        )

        #expect(
            text(registry) == #"""
                # TYPE target info
                # HELP target Attributes of the process that is scraped.
                target_info{list="[\"a\\\"\",true,1.5]",n="4",service_name="x;orders"} 1
                # TYPE breaker_state gauge
                breaker_state{target="users"} 2
                # TYPE call_duration_seconds histogram
                # UNIT call_duration_seconds seconds
                # HELP call_duration_seconds Time of a \"call\".
                call_duration_seconds_bucket{method="a\"\\\né",le="0.005"} 1
                call_duration_seconds_bucket{method="a\"\\\né",le="1.0"} 2 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736",span_id="00f067aa0ba902b7"} 0.75 1700000000.123
                call_duration_seconds_bucket{method="a\"\\\né",le="10.0"} 2
                call_duration_seconds_bucket{method="a\"\\\né",le="+Inf"} 3 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736",span_id="00f067aa0ba902b7"} 11.25 1700000000.123
                call_duration_seconds_sum{method="a\"\\\né"} 12.004
                call_duration_seconds_count{method="a\"\\\né"} 3
                # TYPE contrail_build info
                # HELP contrail_build What is running.
                contrail_build_info{version="1.0.0"} 1
                # TYPE orders counter
                # HELP orders Orders that were accepted.
                orders_total{channel="app"} 0.5
                orders_total{channel="web"} 3 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736",span_id="00f067aa0ba902b7"} 3 1700000000.123
                # TYPE outbox_depth gauge
                # HELP outbox_depth Rows that wait.
                outbox_depth -1.5
                # TYPE seconds gauge
                # HELP seconds Is all unit.
                seconds 1
                # TYPE sent_bytes counter
                # UNIT sent_bytes bytes
                # HELP sent_bytes Sent.
                sent_bytes_total 7
                # EOF

                """#
        )
    }

    @Test("target_info is a gauge in text 0.0.4, comes first there too, and its names are taken")
    func targetInfo() {
        let registry = MetricsRegistry()
        registry.gauge("a", help: "").set(1)
        registry.registerTargetInfo(resource(["service.name": "orders"]))
        registry.registerTargetInfo(resource(["service.name": "orders"]))
        registry.gauge("target", help: "").set(1)
        registry.registerTargetInfo(resource(["other": "x"]))
        #expect(registry.statistics.problems == [.conflictingRegistration: 2])
        #expect(
            String(decoding: PrometheusText.render(registry), as: UTF8.self) == """
                # HELP target_info Attributes of the process that is scraped.
                # TYPE target_info gauge
                target_info{service_name="orders"} 1
                # TYPE a gauge
                a 1

                """
        )
    }

    @Test("leaves out sum and count of a histogram of values that may be negative")
    func negativeValues() {
        let registry = MetricsRegistry()
        registry.histogram("bounds", help: "", buckets: [-1, 1]).observe(3)
        let values = registry.histogram("values", help: "", buckets: [1])
        values.observe(2)
        #expect(text(registry).contains("\nvalues_sum 2\nvalues_count 1\n"))
        values.observe(-2)
        #expect(!text(registry).contains("_sum") && !text(registry).contains("_count"))
        #expect(text(registry).contains("values_bucket{le=\"+Inf\"} 2\n"))
        #expect(String(decoding: PrometheusText.render(registry), as: UTF8.self).contains("values_sum 0\n"))
    }

    @Test("never lets a metric take a name that another one's samples have in either format")
    func clashes() {
        let registry = MetricsRegistry()
        registry.counter("c", help: "").increment()
        _ = registry.histogram("h", help: "", buckets: [])
        registry.info("i", help: "", facts: ["a": "b"])
        for name in ["c", "c_total", "c_created", "h_bucket", "h_count", "h_sum", "h_created", "i", "i_info"] {
            registry.gauge(name, help: "").set(1)
        }
        #expect(registry.statistics.problems == [.conflictingRegistration: 9])
    }

    @Test("describes what is registered, with and without series")
    func descriptions() {
        let registry = MetricsRegistry()
        _ = registry.histogram("h", help: "H.", unit: .seconds, labels: ["a.b"], buckets: [2, 1])
        registry.counter("c", help: "C.") { 1 }
        registry.registerTargetInfo(resource(["x": "y"]))
        let descriptions = registry.descriptions
        #expect(descriptions.map(\.name) == ["target_info", "c_total", "h_seconds"])
        #expect(descriptions.map(\.familyName) == ["target", "c", "h_seconds"])
        #expect(descriptions.map(\.kind) == [.info, .counter, .histogram])
        #expect(descriptions.map(\.labelNames) == [["x"], [], ["a_b"]])
        #expect(descriptions[2].bucketBounds == [1, 2])
        #expect(descriptions[2].unit == .seconds && descriptions[2].help == "H.")
    }
}
