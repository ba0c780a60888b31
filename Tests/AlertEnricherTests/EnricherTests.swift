import Foundation
import Synchronization
import Testing

@testable import AlertEnricher

@Suite("What is behind an alert")
struct EnricherTests {
    private static let now = Date(timeIntervalSince1970: 1_795_269_600.25)

    /// Answers queries, and remembers them.
    private final class Prometheus: Sendable {
        struct State {
            var asked: [PrometheusQuery] = []
            var running = 0
            var mostRunning = 0
        }

        let state = Mutex(State())
        let answer: @Sendable (PrometheusQuery) async throws(PrometheusFailure) -> (status: Int, body: [UInt8])

        init(
            _ answer:
                @escaping @Sendable (PrometheusQuery) async throws(PrometheusFailure) -> (
                    status: Int, body: [UInt8]
                ) = { query in
                    if case .value = query { return (200, Bodies.vector([(#""cause":"deliver""#, "1")])) }
                    return (200, Bodies.exemplars([Bodies.exemplar(1, "2")]))
                }
        ) {
            self.answer = answer
        }

        func enricher(_ settings: Enricher.Settings = .init()) -> Enricher {
            Enricher(settings: settings) { query, _ throws(PrometheusFailure) in
                self.state.withLock {
                    $0.asked.append(query)
                    $0.running += 1
                    $0.mostRunning = max($0.mostRunning, $0.running)
                }
                defer { self.state.withLock { $0.running -= 1 } }
                return try await self.answer(query)
            }
        }
    }

    private func alerts(_ alerts: String...) throws -> [AlertNotification.Alert] {
        try AlertNotification(Bodies.notification(alerts)).alerts
    }

    @Test("Is looked up in the window before it began, until now")
    func window() async throws {
        let prometheus = Prometheus()
        var settings = Enricher.Settings()
        settings.window = .seconds(600)
        let found = await prometheus.enricher(settings).enrichments(of: try alerts(Bodies.alert()), now: Self.now)
        #expect(
            Set(prometheus.state.withLock { $0.asked.map(\.target) }) == [
                "/api/v1/query_exemplars?query=x_seconds_bucket&start=1795265405.000&end=1795269600.250",
                "/api/v1/query?query=causes&time=1795269600.250",
            ]
        )
        let enrichment = try #require(found.first ?? nil)
        #expect(enrichment.traces?.map(\.id) == [Bodies.traceID(1)])
        #expect(enrichment.cause == "deliver")
        #expect(enrichment.result == .enriched)
    }

    @Test("An expression is encoded as a part of a URL")
    func encoding() {
        let query = PrometheusQuery.value(#"sum(a{b=~"c+&d"}) / 2 # é"#, at: Self.now)
        #expect(
            query.target
                == "/api/v1/query?query=sum%28a%7Bb%3D~%22c%2B%26d%22%7D%29%20%2F%202%20%23%20%C3%A9&time=1795269600.250"
        )
    }

    @Test("An alert without queries, or that has ended, asks nothing")
    func unasked() async throws {
        let prometheus = Prometheus()
        let found = await prometheus.enricher().enrichments(
            of: try alerts(
                Bodies.alert(annotations: #""summary":"late""#),
                Bodies.alert(annotations: #""exemplar_query":"","cause_query":"""#),
                Bodies.alert(status: "resolved")
            )
        )
        #expect(found.map { $0?.result } == [.unasked, .unasked, nil])
        #expect(prometheus.state.withLock { $0.asked.isEmpty })
    }

    @Test("Alerts with the same query share the answer")
    func shared() async throws {
        let prometheus = Prometheus()
        let later = Bodies.alert(startsAt: "2026-11-21T13:00:05.9Z")
        let found = await prometheus.enricher().enrichments(of: try alerts(Bodies.alert(), Bodies.alert(), later))
        #expect(found.allSatisfy { $0?.result == .enriched })
        #expect(prometheus.state.withLock { $0.asked.count } == 2)
    }

    @Test("A storm of alerts is not one of queries")
    func storm() async throws {
        let prometheus = Prometheus { _ throws(PrometheusFailure) in
            try? await Task.sleep(for: .milliseconds(5))
            return (200, Bodies.exemplars([]))
        }
        let storm = (0..<40).map { Bodies.alert(annotations: #""exemplar_query":"x\#($0)""#) }
        let alerts = try AlertNotification(Bodies.notification(storm)).alerts
        let found = await prometheus.enricher().enrichments(of: alerts)
        #expect(found.count { $0?.result == .empty } == 40)
        #expect(prometheus.state.withLock { $0.asked.count } == 40)
        #expect((1...4).contains(prometheus.state.withLock { $0.mostRunning }))
    }

    @Test("One that does not answer holds nothing up for longer than the time-out, whatever the client does")
    func silence() async throws {
        let prometheus = Prometheus { query throws(PrometheusFailure) in
            if case .value = query { return (200, Bodies.vector([(#""cause":"deliver""#, "1")])) }
            try? await Task.sleep(for: .seconds(60))
            throw PrometheusFailure(description: "never seen")
        }
        var settings = Enricher.Settings()
        settings.timeout = .milliseconds(200)
        let begin = ContinuousClock.now
        let many = (0..<10).map {
            Bodies.alert(annotations: #""exemplar_query":"x\#($0)","cause_query":"causes""#)
        }
        let alerts = try AlertNotification(Bodies.notification(many)).alerts
        let found = await prometheus.enricher(settings).enrichments(of: alerts)
        #expect(.now - begin < .seconds(10))
        for enrichment in found {
            #expect(enrichment?.result == .failed)
            #expect(enrichment?.problems.first == "exemplar_query: Prometheus did not answer within 200 ms")
        }
    }

    @Test("What can be found is told, and what cannot is explained")
    func half() async throws {
        let prometheus = Prometheus { query throws(PrometheusFailure) in
            if case .value = query { throw PrometheusFailure(description: "no") }
            return (200, Bodies.exemplars([Bodies.exemplar(1, "61"), Bodies.exemplar(2, "2")]))
        }
        let alerts = try alerts(Bodies.alert())
        let found = await prometheus.enricher().enrichments(of: alerts)
        let additions = try #require(found.first ?? nil).annotations(of: alerts[0], settings: .init())
        #expect(additions.map(\.name) == ["trace_ids", "worst_traces", "enrichment_error"])
        let link = "2026-11-21T13:00:00Z: http://localhost:16686/trace/"
        #expect(
            additions.map(\.text) == [
                "\(Bodies.traceID(1)),\(Bodies.traceID(2))",
                "1 min 1 s at \(link)\(Bodies.traceID(1))\n2 s at \(link)\(Bodies.traceID(2))", "cause_query: no",
            ]
        )
    }

    @Test("That there is no trace is told")
    func nothing() async throws {
        let prometheus = Prometheus { query throws(PrometheusFailure) in
            if case .value = query { return (200, Bodies.vector([])) }
            return (200, Bodies.exemplars([]))
        }
        let alerts = try alerts(Bodies.alert())
        let enrichment = try #require(await prometheus.enricher().enrichments(of: alerts).first ?? nil)
        #expect(enrichment.result == .empty)
        let additions = enrichment.annotations(of: alerts[0], settings: .init())
        #expect(additions.map(\.name) == ["enrichment_error"])
        #expect(
            additions.first?.text
                == "exemplar_query: there is no exemplar of a sampled trace since 2026-11-21T12:00:05Z"
        )
    }

    @Test(
        "The address of a runbook that is a path becomes whole",
        arguments: [
            ("runbooks/n.md#Late", "http://docs/base/runbooks/n.md#Late"), ("/n.md#Late", "http://docs/base/n.md#Late"),
            ("https://other/n.md", nil), ("//other/n.md", nil), ("", nil),
        ] as [(String, String?)]
    )
    func runbook(reference: String, expected: String?) throws {
        let alert = try alerts(Bodies.alert(annotations: #""runbook_url":"\#(reference)""#))[0]
        var settings = Enricher.Settings()
        #expect(Enrichment().annotations(of: alert, settings: settings).isEmpty)
        settings.runbooks = "http://docs/base"
        #expect(Enrichment().annotations(of: alert, settings: settings).first?.text == expected)
    }
}
