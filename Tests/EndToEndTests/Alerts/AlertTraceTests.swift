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
                "CONTRAIL_NOTIFICATION_LATE_AFTER": "700ms",
            ]
        }
    )
    struct AlertTraceTests {
        private static let series = "notification_end_to_end_duration_seconds_bucket"

        private static let rules = """
            groups:
              - name: notifications
                rules:
                  - alert: NotificationsLate
                    expr: sum(increase(notification_late_total[1m])) > 0
                    labels: {severity: page, service: notifications}
                    annotations:
                      summary: Customers are told too late.
                      runbook_url: observability/runbooks/notifications.md#NotificationsLate
                      exemplar_query: \(series)
                      cause_query: topk(1, sum by (cause, reason) (increase(notification_late_total[5m])))

            """

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
                    rules: Self.rules,
                    alertmanager: chain.alertmanager.port
                ) { prometheus in
                    #expect(try await prometheus.value("up", until: 3) == 3)
                    try await delayNotifications(stack)
                    var alert: AlertChain.Webhook.Alert?
                    let isTold = try await eventually(within: .seconds(60)) {
                        alert = try chain.webhooks().flatMap(\.body.alerts)
                            .first { $0.status == "firing" && $0.annotations["trace_ids"] != nil }
                        return alert != nil
                    }
                    #expect(isTold, "\(chain.receiver.text("webhooks.jsonl")) \(chain.enricher.text("log"))")
                    try await expectTraces(of: try #require(alert), stack)
                    let metrics = try await Admin.get(chain.enricher.url + "/metrics").body
                    let enriched = Exposition.value("alert_enricher_alerts_total", [#"result="enriched""#], in: metrics)
                    #expect((enriched ?? 0) >= 1)
                }
            }
        }

        /// Lets some notifications be quick, and then some be late because the mail server refuses them twice.
        private func delayNotifications(_ stack: Stack) async throws {
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser()
                for _ in 0..<5 {
                    let order = try await shop.createOrder(user: user.id)
                    _ = try await shop.completedNotification(ofOrder: order.id, event: "order.created")
                }
                let busy = try await shop.createUser(email: "busy-\(UUID().uuidString.lowercased())@example.com")
                // One after the other, so that Prometheus sees the count of late ones rise.
                for _ in 0..<3 {
                    let order = try await shop.createOrder(user: busy.id)
                    let row = try await shop.completedNotification(ofOrder: order.id, event: "order.created")
                    // The fault happened.
                    #expect(row.late && row.cause == "redelivery_wait" && row.causeReason == "smtp_451")
                }
            }
        }

        private func expectTraces(of alert: AlertChain.Webhook.Alert, _ stack: Stack) async throws {
            let annotations = alert.annotations
            #expect(annotations["dominant_cause"] == "redelivery_wait (smtp_451)")
            #expect(annotations["enrichment_error"] == nil)
            // What Alertmanager sent is still there.
            #expect(alert.labels["alertname"] == "NotificationsLate" && alert.labels["severity"] == "page")
            #expect(annotations["summary"] == "Customers are told too late.")
            #expect(alert.generatorURL.contains("notification_late_total"))
            let runbook = "https://docs.example.com/contrail/observability/runbooks/notifications.md#NotificationsLate"
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
