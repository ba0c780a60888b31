import Contracts
import ContrailCLI
import Foundation
import LocalStack
import TestKit
import Testing
import TraceBackend

extension EndToEnd {
    @Suite(
        "Alerts that carry their traces",
        .python,
        .peer(.mailSink),
        .stack { _ in
            [
                "CONTRAIL_NOTIFICATION_PROVIDER": "smtp",
                "CONTRAIL_SMTP_URL": "smtp://127.0.0.1:\(Peer.running[.mailSink]?.port ?? 0)",
                "CONTRAIL_NOTIFICATION_LATE_AFTER": "1s",
            ]
        }
    )
    struct AlertTraceTests {
        private static let alert = "NotificationsOnTimeBudgetBurn"

        /// The committed rules of the objective, in a world that is faster: an hour is half a minute, late is after a second,
        /// and two are too many.
        private static func rules() throws -> String {
            let path = URL(fileURLWithPath: #filePath)
                .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
                .appendingPathComponent("observability/prometheus/rules/slo-notifications.yml").path
            var text = try String(contentsOfFile: path, encoding: .utf8)
            for (slow, quick) in [
                ("interval: 30s", "interval: 1s"), ("offset 30s", "offset 2s"), ("[5m]", "[10s]"), ("[1h]", "[30s]"),
                (#"le=~"10([.]0)?""#, #"le=~"1([.]0)?""#), ("[30s]) * 30 >= 5", "[30s]) * 1 >= 2"),
            ] {
                try #require(text.contains(slow), "\(path) has no \(slow)")
                text = text.replacing(slow, with: quick)
            }
            return text
        }

        @Test("The alert about an injected delay names traces that open and are late, and the injected cause")
        func injectedDelay() async throws {
            let stack = try Stack.required()
            let port = try FreePort.reserve()
            try await AlertChain.run(
                prometheus: "http://127.0.0.1:\(port)",
                jaeger: stack.configuration.queryURL,
                options: ["--runbooks", "https://docs.example.com/contrail/"]
            ) { chain in
                try await PrometheusServer.run(
                    stack,
                    port: port,
                    rules: try Self.rules(),
                    alertmanager: chain.alertmanager.port
                ) { prometheus in
                    #expect(try await prometheus.value("up", until: 3) == 3)
                    let alert = try await delayNotifications(stack) {
                        try chain.webhooks().flatMap(\.body.alerts)
                            .first {
                                $0.status == "firing" && $0.labels["severity"] == "page"
                                    && $0.annotations["trace_ids"] != nil
                            }
                    }
                    let told = "\(chain.receiver.text("webhooks.jsonl")) \(chain.enricher.text("log"))"
                    try await expectTraces(of: try #require(alert, "\(told)"), stack)
                    let metrics = try await Admin.get(chain.enricher.url + "/metrics").body
                    let enriched = Exposition.value("alert_enricher_alerts_total", [#"result="enriched""#], in: metrics)
                    #expect((enriched ?? 0) >= 1)
                }
            }
        }

        /// Lets some notifications be quick, and then some be late because the mail server refuses them twice, until there is
        /// an alert.
        private func delayNotifications(
            _ stack: Stack,
            until alert: @Sendable () throws -> AlertChain.Webhook.Alert?
        ) async throws -> AlertChain.Webhook.Alert? {
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser()
                for _ in 0..<5 {
                    let order = try await shop.createOrder(user: user.id)
                    _ = try await shop.completedNotification(ofOrder: order.id, event: "order.created")
                }
                let busy = try await shop.createUser(email: "busy-\(UUID().uuidString.lowercased())@example.com")
                // One after the other, so that Prometheus sees the count of late ones rise.
                for _ in 0..<40 {
                    let order = try await shop.createOrder(user: busy.id)
                    let row = try await shop.completedNotification(ofOrder: order.id, event: "order.created")
                    // The fault happened.
                    #expect(row.cause == "redelivery_wait" && row.causeReason == "smtp_451" || !row.late)
                    if let alert = try alert() { return alert }
                }
                return nil
            }
        }

        private func expectTraces(of alert: AlertChain.Webhook.Alert, _ stack: Stack) async throws {
            let annotations = alert.annotations
            #expect(annotations["dominant_cause"] == "redelivery_wait (smtp_451)")
            #expect(annotations["enrichment_error"] == nil)
            // What Alertmanager sent is still there.
            #expect(alert.labels["alertname"] == Self.alert && alert.labels["slo"] == "on-time")
            #expect(annotations["summary"] == "notifications on-time: the error budget burns too fast.")
            #expect(annotations["description"]?.contains("of the latest events are bad") == true)
            #expect(alert.generatorURL.contains("sli_error"))
            let runbook = "https://docs.example.com/contrail/observability/runbooks/slo.md#\(Self.alert.lowercased())"
            #expect(annotations["runbook_url"] == runbook)

            let ids = try #require(annotations["trace_ids"]).split(separator: ",").map(String.init)
            let lines = try #require(annotations["worst_traces"]).split(separator: "\n")
            #expect((1...3).contains(ids.count) && Set(ids).count == ids.count && lines.count == ids.count)
            for (id, line) in zip(ids, lines) {
                #expect(line.hasSuffix(": \(stack.configuration.queryURL)/trace/\(id)"))
                let opens = try await eventually {
                    try await Admin.get("\(stack.configuration.queryURL)/api/v3/traces/\(id)").status == 200
                }
                #expect(opens, "trace \(id) does not open")
            }
            // There are quick ones, too, but the worst is a late one.
            let worst = try #require(ids.first)
            let isLate = await eventually {
                stack.traces.trace(worst)?.spans.contains { span in
                    span.name.hasPrefix("process ")
                        && span.attributes["contrail.notification.late"] == .bool(true)
                        && span.attributes["contrail.notification.cause"]?.stringValue == "redelivery_wait"
                } == true
            }
            #expect(isLate, "trace \(worst) is not of a late notification")
        }
    }
}
