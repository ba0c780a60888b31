import TestKit
import Testing

@testable import Observability

@Suite("Prometheus text")
struct PrometheusTextTests {
    private func text(_ registry: MetricsRegistry) -> String {
        String(decoding: PrometheusText.render(registry), as: UTF8.self)
    }

    @Test("renders every type as the format 0.0.4 asks for, in a stable order")
    func golden() {
        let registry = MetricsRegistry()
        let latency = registry.histogram(
            "rpc_server_call_duration",
            help: "Time of a call.",
            unit: .seconds,
            labels: ["rpc_method"],
            buckets: [0.005, 1, 10]
        )
        let calls = latency.labels("contrail.OrderService/CreateOrder")
        for value in [0.004, 0.005, 0.5, 11.25] { calls.observe(value) }
        let created = registry.counter("orders_created", help: "Orders that were accepted.", labels: ["channel"])
        created.labels("web").increment(by: 41)
        created.labels("web").increment()
        created.labels("app").increment(by: 0.5)
        registry.gauge("outbox_depth", help: "Rows that wait.").set(-1.5)
        registry.gauge("breaker_state", help: "0 closed, 1 half open, 2 open.", labels: ["target"]) {
            [ObservedValue(2, "users"), ObservedValue(0, "mail"), ObservedValue(.nan, "unknown")]
        }
        registry.info("contrail_build", help: "What is running.", facts: ["version": "1.0.0", "swift": "6.3"])
        registry.counter("consumer_redeliveries_total", help: "Messages that came again.").increment(by: 0)

        #expect(
            text(registry) == """
                # HELP breaker_state 0 closed, 1 half open, 2 open.
                # TYPE breaker_state gauge
                breaker_state{target="mail"} 0
                breaker_state{target="users"} 2
                # HELP consumer_redeliveries_total Messages that came again.
                # TYPE consumer_redeliveries_total counter
                consumer_redeliveries_total 0
                # HELP contrail_build_info What is running.
                # TYPE contrail_build_info gauge
                contrail_build_info{version="1.0.0",swift="6.3"} 1
                # HELP orders_created_total Orders that were accepted.
                # TYPE orders_created_total counter
                orders_created_total{channel="app"} 0.5
                orders_created_total{channel="web"} 42
                # HELP outbox_depth Rows that wait.
                # TYPE outbox_depth gauge
                outbox_depth -1.5
                # HELP rpc_server_call_duration_seconds Time of a call.
                # TYPE rpc_server_call_duration_seconds histogram
                rpc_server_call_duration_seconds_bucket{rpc_method="contrail.OrderService/CreateOrder",le="0.005"} 2
                rpc_server_call_duration_seconds_bucket{rpc_method="contrail.OrderService/CreateOrder",le="1.0"} 3
                rpc_server_call_duration_seconds_bucket{rpc_method="contrail.OrderService/CreateOrder",le="10.0"} 3
                rpc_server_call_duration_seconds_bucket{rpc_method="contrail.OrderService/CreateOrder",le="+Inf"} 4
                rpc_server_call_duration_seconds_sum{rpc_method="contrail.OrderService/CreateOrder"} 11.759
                rpc_server_call_duration_seconds_count{rpc_method="contrail.OrderService/CreateOrder"} 4

                """
        )
    }

    @Test("escapes help and label values")
    func escaping() {
        let registry = MetricsRegistry()
        registry.gauge("g", help: "a \"quote\",\na \\ and \u{e9}", labels: ["l"]).labels("a \"quote\",\n\\ \u{e9}").set(
            1
        )
        #expect(
            text(registry) == """
                # HELP g a "quote",\\na \\\\ and \u{e9}
                # TYPE g gauge
                g{l="a \\"quote\\",\\n\\\\ \u{e9}"} 1

                """
        )
    }

    @Test("leaves out families without series and renders an empty registry as nothing")
    func empty() {
        let registry = MetricsRegistry()
        #expect(text(registry) == "")
        _ = registry.counter("a", help: "Counts.", labels: ["b"])
        registry.gauge("c", help: "Measures.") { nil }
        #expect(text(registry) == "")
    }

    @Test(
        "writes bounds in the canonical form that both formats share",
        arguments: [
            (0.0, "0.0"), (0.005, "0.005"), (0.05, "0.05"), (1.0, "1.0"), (2.5, "2.5"), (10, "10.0"), (3600, "3600.0"),
            (123_456, "123456.0"), (0.0001, "0.0001"), (0.00001, "1e-05"), (0.000012, "1.2e-05"), (1e6, "1e+06"),
            (1_234_567, "1.234567e+06"), (1e22, "1e+22"), (1e100, "1e+100"), (.leastNonzeroMagnitude, "5e-324"),
            (-0.25, "-0.25"),
            (-10, "-10.0"), (100.125, "100.125"), (.infinity, "+Inf"),
        ]
    )
    func bounds(bound: Double, text: String) {
        let buffer = ExpositionBuffer()
        buffer.appendBound(bound)
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == text)
    }

    @Test(
        "writes values that read back as the same number",
        arguments: [
            (0.0, "0"), (-0.0, "0"), (1, "1"), (-3, "-3"), (0.1, "0.1"), (9_007_199_254_740_991, "9007199254740991"),
            (1e16, "1e+16"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (1.5e-7, "1.5e-07"),
        ]
    )
    func values(value: Double, text: String) {
        let buffer = ExpositionBuffer()
        buffer.append(value)
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == text)
    }

    @Test("reads back what any set of metrics holds", arguments: 0..<40)
    func roundTrip(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let registry = MetricsRegistry()
        var expected: [ExpositionParser.Sample] = []
        for number in 0..<Int.random(in: 1...12, using: &random) {
            addFamily(number, to: registry, &expected, &random)
        }
        let families = try ExpositionParser.parse(PrometheusText.render(registry))
        let samples = Set(families.values.flatMap(\.samples))
        #expect(samples.isSuperset(of: expected))
        #expect(samples.count == expected.count)
    }

    private func addFamily(
        _ number: Int,
        to registry: MetricsRegistry,
        _ expected: inout [ExpositionParser.Sample],
        _ random: inout SeededGenerator
    ) {
        let name = "m\(number)"
        let keys = (0..<Int.random(in: 0...3, using: &random)).map { "k\($0)" }
        let kind = Int.random(in: 0..<3, using: &random)
        let buckets = HistogramBuckets(
            (0..<Int.random(in: 0...20, using: &random)).map { _ in
                Double(Int.random(in: -50...50, using: &random)) * pow10(Int.random(in: -6...6, using: &random))
            }
        )
        var seen: Set<[String]> = []
        for _ in 0..<(keys.isEmpty ? 1 : Int.random(in: 1...20, using: &random)) {
            let values = keys.map { _ in randomText(&random) }
            guard seen.insert(values).inserted else { continue }
            let labels = Dictionary(uniqueKeysWithValues: zip(keys, values))
            let help = randomText(&random)
            let measurements = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                Double(Int.random(in: 0...1 << 30, using: &random)) / 1024
            }
            switch kind {
            case 0:
                let counter = registry.counter(name, help: help, labels: keys).instrument(values: values)
                for measurement in measurements { counter.increment(by: measurement) }
                expected.append(.init(name: name + "_total", labels: labels, value: measurements.reduce(0, +)))
            case 1:
                let gauge = registry.gauge(name, help: help, labels: keys).instrument(values: values)
                for measurement in measurements { gauge.set(-measurement) }
                expected.append(.init(name: name, labels: labels, value: measurements.last.map { -$0 } ?? 0))
            default:
                let histogram = registry.histogram(name, help: help, labels: keys, buckets: buckets)
                    .instrument(values: values)
                for measurement in measurements { histogram.observe(measurement) }
                for (bound, end) in zip(buckets.bounds + [.infinity], histogram.layout.lineEnds) {
                    var withBound = labels
                    withBound["le"] = String(decoding: end.dropLast(3), as: UTF8.self)
                    let count = measurements.count { $0 <= bound }
                    expected.append(.init(name: name + "_bucket", labels: withBound, value: Double(count)))
                }
                expected.append(.init(name: name + "_sum", labels: labels, value: measurements.reduce(0, +)))
                expected.append(.init(name: name + "_count", labels: labels, value: Double(measurements.count)))
            }
        }
    }

    private func pow10(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? 1 }

    private func randomText(_ random: inout SeededGenerator) -> String {
        let alphabet: [Unicode.Scalar] = [
            "a", "B", "0", " ", "\"", "\\", "\n", "\r", "\t", "{", "}", ",", "=", "#", "n", "\u{0}", "\u{301}",
            "\u{e9}", "\u{2028}", "\u{1F6E9}",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            text.append(alphabet.randomElement(using: &random) ?? "a")
        }
        return String(text)
    }
}
