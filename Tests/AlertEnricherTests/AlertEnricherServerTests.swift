import AlertEnricher
import Foundation
import HTTPTransport
import Logging
import Observability
import TestKit
import Testing

@Suite("The alert enricher")
struct AlertEnricherServerTests {
    private static let prometheus: Stub.Answer = { asked in
        asked.target.hasPrefix("/prefix/api/v1/query_exemplars?")
            ? (200, Bodies.exemplars([Bodies.exemplar(10, "4.5"), Bodies.exemplar(11, "12")]))
            : (200, Bodies.vector([(#""cause":"deliver""#, "2")]))
    }

    /// An enricher between two stubs.
    private func run(
        prometheus: @escaping Stub.Answer = prometheus,
        receiver: @escaping Stub.Answer = { _ in (200, []) },
        configure: @escaping @Sendable (inout AlertEnricherConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (RunningEnricher, _ prometheus: Stub, _ receiver: Stub) async throws -> Void
    ) async throws {
        try await Stub.run(prometheus) { prometheus in
            try await Stub.run(receiver) { receiver in
                var configuration = AlertEnricherConfiguration()
                configuration.prometheus = prometheus.url + "/prefix/"
                configuration.jaeger = "http://jaeger:16686/"
                configuration.forward = receiver.url + "/hook?a=b"
                configure(&configuration)
                try await RunningEnricher.run(configuration) { try await body($0, prometheus, receiver) }
            }
        }
    }

    @Test("Passes alerts on with their traces and cause, and with everything that they had")
    func enriched() async throws {
        try await run { enricher, prometheus, receiver in
            let alerts = [Bodies.alert(), Bodies.alert("Over", status: "resolved")]
            #expect(try await enricher.post(Bodies.notification(alerts)).status == 200)
            let asked = try #require(receiver.asked.first)
            #expect(receiver.asked.count == 1)
            #expect(asked.method == "POST" && asked.target == "/hook?a=b")
            #expect(asked.contentType == "application/json")
            #expect(asked.authorization == nil)
            let link = "2026-11-21T13:00:00Z: http://jaeger:16686/trace/"
            let annotations =
                #""summary":"late","exemplar_query":"x_seconds_bucket","cause_query":"causes","#
                + #""trace_ids":"\#(Bodies.traceID(11)),\#(Bodies.traceID(10))","#
                + #""worst_traces":"12 s at \#(link)\#(Bodies.traceID(11))\n4.5 s at \#(link)\#(Bodies.traceID(10))","#
                + #""dominant_cause":"deliver""#
            let expected = Bodies.notification([Bodies.alert(annotations: annotations), alerts[1]])
            #expect(asked.text == String(decoding: expected, as: UTF8.self))
            #expect(prometheus.asked.count == 2)
            #expect(try await enricher.metric(#"alert_enricher_alerts_total{result="enriched"}"#) == 1)
            #expect(try await enricher.metric(#"alert_enricher_alerts_total{result="resolved"}"#) == 1)
            #expect(try await enricher.metric(#"alert_enricher_forwards_total{result="delivered"}"#) == 1)
            #expect(try await enricher.metric("alert_enricher_enrichment_duration_seconds_count") == 1)
        }
    }

    @Test("Prints alerts when there is no receiver")
    func printed() async throws {
        try await run(configure: {
            $0.forward = nil
        }) { enricher, _, receiver in
            #expect(try await enricher.post(Bodies.notification([Bodies.alert()])).status == 200)
            let line = try #require(enricher.printed().first)
            #expect(line.contains(#""dominant_cause":"deliver""#) && !line.contains("\n"))
            #expect(receiver.asked.isEmpty)
        }
    }

    @Test(
        "A receiver that does not take alerts makes Alertmanager send them again",
        arguments: [500, 503, 404, 400, 302]
    )
    func notTaken(status: Int) async throws {
        try await run(receiver: { _ in (status, []) }) { enricher, _, receiver in
            let answer = try await enricher.post(Bodies.notification([Bodies.alert()]))
            #expect(answer.status == 502)
            #expect(answer.text == "the receiver answered with status \(status)\n")
            // A redirect is not followed: the receiver's address was wrong.
            #expect(receiver.asked.count == 1)
            #expect(try await enricher.metric(#"alert_enricher_forwards_total{result="failed"}"#) == 1)
        }
    }

    @Test("A receiver may answer with any success", arguments: [200, 202, 204])
    func taken(status: Int) async throws {
        try await run(receiver: { _ in (status, []) }) { enricher, _, _ in
            let answer = try await enricher.post(Bodies.notification([Bodies.alert()]))
            #expect(answer.status == 200)
        }
    }

    @Test("A receiver that is away or silent makes Alertmanager send alerts again")
    func receiverAway() async throws {
        try await run(configure: {
            $0.forward = "http://127.0.0.1:9/hook"
        }) { enricher, _, _ in
            let answer = try await enricher.post(Bodies.notification([Bodies.alert()]))
            #expect(answer.status == 502)
            #expect(answer.text.hasPrefix("the receiver cannot be reached: "))
        }
        try await run(
            receiver: { _ in
                try? await Task.sleep(for: .seconds(60))
                return (200, [])
            },
            configure: {
                $0.forwardTimeout = .milliseconds(200)
            }
        ) { enricher, _, _ in
            let answer = try await enricher.post(Bodies.notification([Bodies.alert()]))
            #expect(answer.status == 502)
            #expect(answer.text == "the receiver did not answer within 200 ms\n")
        }
    }

    @Test("When Prometheus is away, alerts go without traces and say why")
    func prometheusAway() async throws {
        try await run(configure: {
            $0.prometheus = "http://127.0.0.1:9"
        }) { enricher, _, receiver in
            #expect(try await enricher.post(Bodies.notification([Bodies.alert()])).status == 200)
            let error = try #require(try Self.annotations(receiver)["enrichment_error"])
            #expect(error.hasPrefix("exemplar_query: Prometheus cannot be asked: "))
            #expect(error.contains("; cause_query: Prometheus cannot be asked: "))
            #expect(try await enricher.metric(#"alert_enricher_alerts_total{result="failed"}"#) == 1)
        }
    }

    @Test("A silent Prometheus does not hold alerts for longer than the time-out")
    func prometheusSilent() async throws {
        try await run(
            prometheus: { _ in
                try? await Task.sleep(for: .seconds(60))
                return (200, [])
            },
            configure: {
                $0.timeout = .milliseconds(300)
            }
        ) { enricher, prometheus, receiver in
            let begin = ContinuousClock.now
            #expect(try await enricher.post(Bodies.notification([Bodies.alert()])).status == 200)
            #expect(.now - begin < .seconds(5))
            let error = try Self.annotations(receiver)["enrichment_error"]
            let reason = "Prometheus did not answer within 300 ms"
            #expect(error == "exemplar_query: \(reason); cause_query: \(reason)")
            #expect(prometheus.asked.count == 2)
        }
    }

    @Test(
        "Nonsense of Prometheus does not keep an alert",
        arguments: [
            (200, Array("<html>".utf8), "the answer of Prometheus is not understood"),
            (200, [], "the answer of Prometheus is not understood"),
            (502, Array("Bad Gateway".utf8), "Prometheus answered with status 502"),
            (
                422, Array(#"{"status":"error","error":"too\nmuch"}"#.utf8),
                "Prometheus answered with status 422: too much"
            ),
            (302, [], "Prometheus answered with status 302"),
            (
                200, Array(repeating: UInt8(ascii: " "), count: 5 << 20),
                "Prometheus cannot be asked: the response is longer than the request allows"
            ),
        ]
    )
    func nonsense(status: Int, body: [UInt8], reason: String) async throws {
        try await run(prometheus: { _ in (status, body) }) { enricher, _, receiver in
            #expect(try await enricher.post(Bodies.notification([Bodies.alert()])).status == 200)
            let error = try Self.annotations(receiver)["enrichment_error"]
            #expect(error == "exemplar_query: \(reason); cause_query: \(reason)")
        }
    }

    @Test(
        "What is no notification is refused with the reason, and passed on to nobody",
        arguments: [
            ("POST", "/alerts", "{", 400, "the body is not JSON: there is no name of a member at byte 1"),
            ("POST", "/alerts", "[]", 400, "the body is not a JSON object"),
            ("GET", "/alerts", "", 405, "alerts are sent with POST"),
            ("PUT", "/alerts", "{}", 405, "alerts are sent with POST"),
            ("POST", "/livez", "{}", 405, "only GET is served"), ("POST", "/metrics", "{}", 405, "only GET is served"),
            ("POST", "/", "{}", 404, "no such path; Alertmanager's webhook is /alerts"),
            ("GET", "/alerts/", "", 404, "no such path; Alertmanager's webhook is /alerts"),
        ]
    )
    func refused(method: String, path: String, body: String, status: Int, reason: String) async throws {
        try await run { enricher, _, receiver in
            let answer = try await enricher.send(method, path, Array(body.utf8))
            #expect(answer.status == status)
            #expect(answer.text == reason + "\n")
            let allowed = status == 405 ? path == "/alerts" ? "POST" : "GET" : nil
            #expect(answer.headers["allow"] == allowed)
            #expect(receiver.asked.isEmpty)
        }
    }

    @Test("A notification may have a megabyte, and not more")
    func size() async throws {
        try await run { enricher, _, receiver in
            let empty = Bodies.notification([Bodies.alert(annotations: #""a":"""#)]).count
            let padding = { String(repeating: "x", count: (1 << 20) - empty + $0) }
            let largest = Bodies.notification([Bodies.alert(annotations: #""a":"\#(padding(0))""#)])
            #expect(largest.count == 1 << 20)
            #expect(try await enricher.post(largest).status == 200)
            let answer = try await enricher.post(
                Bodies.notification([Bodies.alert(annotations: #""a":"\#(padding(1))""#)])
            )
            #expect(answer.status == 413)
            #expect(answer.text.contains("max_alerts"))
            #expect(receiver.asked.count == 1)
        }
    }

    @Test("Is alive, and serves its metrics in both formats")
    func admin() async throws {
        try await run { enricher, _, _ in
            let answer = try await enricher.send("GET", "/livez")
            #expect(answer.status == 200 && answer.text == "ok\n")
            let metrics = try await enricher.send("GET", "/metrics")
            #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(metrics.text.contains("# TYPE alert_enricher_alerts_total counter"))
        }
    }

    @Test("A token reaches the receiver and nobody else, and the receiver's path is in no log")
    func secrets() async throws {
        let canary = Canary()
        try await run(
            receiver: { _ in (500, Array(canary.secret.utf8)) },
            configure: {
                $0.forward? += "&key=\(canary.secret)"
                $0.forwardToken = canary.secret
            }
        ) { enricher, prometheus, receiver in
            let answer = try await enricher.post(Bodies.notification([Bodies.alert()]))
            #expect(answer.status == 502)
            #expect(receiver.asked.first?.authorization == "Bearer \(canary.secret)")
            #expect(prometheus.asked.allSatisfy { $0.authorization == nil })
            #expect(enricher.log().contains("Alertmanager will send them again"))
            #expect(canary.leaks(in: enricher.log().utf8) == [])
            #expect(canary.leaks(in: answer.text.utf8) == [])
        }
    }

    @Test("A port that is taken is said")
    func taken() async throws {
        try await Stub.run({ _ in (200, []) }) { stub in
            var configuration = AlertEnricherConfiguration()
            configuration.port = stub.port
            let server = try AlertEnricherServer(
                configuration: configuration,
                metrics: MetricsRegistry(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            await #expect { try await server.run() } throws: { error in
                let error = error as? AlertEnricherError
                return error?.code == .cannotListen
                    && error?.message.contains("127.0.0.1:\(configuration.port)") == true
            }
        }
    }

    @Test(
        "Settings that cannot be used are refused, and secrets in them are not shown",
        arguments: [
            { $0.prometheus = "prometheus:9090" }, { $0.prometheus = "ftp://prometheus" },
            { $0.prometheus = "http://" },
            { $0.jaeger = "http://user:hunter2@jaeger" }, { $0.forward = "http://user:hunter2@receiver" },
            { $0.forward = "hunter2" }, { $0.forwardToken = "hunter2" },
            { ($0.forward, $0.forwardToken) = ("http://receiver", "hunter2 hunter2") },
            { ($0.forward, $0.forwardToken) = ("http://receiver", "") }, { $0.runbooks = "docs" }, { $0.traces = 0 },
            { $0.traces = 21 }, { $0.window = .zero }, { $0.window = .seconds(32 * 86_400) }, { $0.timeout = .zero },
            { $0.timeout = .seconds(61) }, { $0.forwardTimeout = .zero }, { $0.port = 65_536 },
            { $0.prometheus = "http://prometheus?a=b" }, { $0.jaeger = "http://jaeger#a" },
        ] as [@Sendable (inout AlertEnricherConfiguration) -> Void]
    )
    func settings(change: @Sendable (inout AlertEnricherConfiguration) -> Void) {
        var configuration = AlertEnricherConfiguration()
        #expect(throws: Never.self) { try configuration.validate() }
        change(&configuration)
        #expect { try configuration.validate() } throws: { error in
            (error as? AlertEnricherError)?.code == .invalidSetting && !"\(error)".contains("hunter2")
        }
    }

    /// The annotations of the first alert that reached the receiver.
    private static func annotations(_ receiver: Stub) throws -> [String: String] {
        struct Body: Decodable {
            struct Alert: Decodable {
                let annotations: [String: String]
            }
            let alerts: [Alert]
        }
        let asked = try #require(receiver.asked.first)
        return try #require(try JSONDecoder().decode(Body.self, from: Data(asked.body)).alerts.first).annotations
    }
}
