import ContrailCLI
import Foundation
import LocalStack
import TestKit
import Testing

extension EndToEnd {
    @Suite("Alerts reach their receiver whatever happens", .python)
    struct AlertDeliveryTests {
        private static let annotations = [
            "summary": "late", "exemplar_query": "notification_end_to_end_duration_seconds_bucket",
        ]

        /// Waits until the receiver has taken something.
        private func taken(_ chain: AlertChain) async throws -> AlertChain.Webhook {
            var taken: AlertChain.Webhook?
            _ = try await eventually {
                taken = try chain.webhooks().first { $0.status == 200 }
                return taken != nil
            }
            return try #require(taken, "\(chain.enricher.text("log"))\n\(chain.alertmanager.text("log"))")
        }

        @Test("When Prometheus is down, an alert arrives without traces and says why")
        func prometheusDown() async throws {
            let port = try FreePort.reserve()
            try await AlertChain.run(prometheus: "http://127.0.0.1:\(port)") { chain in
                try await chain.fire("NotificationsLate", annotations: Self.annotations)
                let webhook = try await taken(chain)
                let alert = try #require(webhook.body.alerts.first)
                #expect(webhook.body.version == "4" && webhook.body.receiver == "enricher")
                #expect(webhook.headers["content-type"] == "application/json")
                #expect(alert.annotations["summary"] == "late" && alert.annotations["trace_ids"] == nil)
                #expect(alert.annotations["enrichment_error"]?.hasPrefix("exemplar_query: Prometheus cannot") == true)
                #expect(webhook.body.commonAnnotations == alert.annotations)
            }
        }

        @Test("When Prometheus is silent, an alert arrives after the time-out")
        func prometheusSilent() async throws {
            try await Peer.python("webhook_receiver.py").lend { silent in
                let proxy = try await TCPProxy(to: silent.port)
                proxy.mode = .blackHole
                try await AlertChain.run(
                    prometheus: "http://127.0.0.1:\(proxy.port)",
                    options: ["--timeout", "500ms"]
                ) { chain in
                    let begin = ContinuousClock.now
                    try await chain.fire("NotificationsLate", annotations: Self.annotations)
                    let error = try await taken(chain).body.alerts.first?.annotations["enrichment_error"]
                    #expect(error == "exemplar_query: Prometheus did not answer within 500 ms")
                    #expect(.now - begin < .seconds(10))
                }
                // The fault happened.
                #expect(proxy.statistics.accepted > 0)
                await proxy.stop()
            }
        }

        @Test("A receiver that fails twice gets the alert at the third time")
        func receiverFails() async throws {
            let port = try FreePort.reserve()
            try await AlertChain.run(prometheus: "http://127.0.0.1:\(port)") { chain in
                try "500 503".write(toFile: chain.receiver.folder + "/answers", atomically: true, encoding: .utf8)
                try await chain.fire("NotificationsLate", annotations: Self.annotations)
                _ = try await taken(chain)
                #expect(try chain.webhooks().map(\.status) == [500, 503, 200])
            }
        }

        @Test("What is under way when the enricher is told to stop is brought to its end")
        func stop() async throws {
            try await Peer.python("webhook_receiver.py").lend { receiver in
                let hold = receiver.folder + "/hold"
                try Data().write(to: URL(fileURLWithPath: hold))
                let options = ["--prometheus", "http://127.0.0.1:9", "--forward", receiver.url]
                try await AlertChain.startEnricher(options).lend { enricher in
                    let body = #"{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"A"}}]}"#
                    try await withThrowingTaskGroup(of: Int.self) { group in
                        group.addTask { try await AlertChain.post(enricher.url + "/alerts", Array(body.utf8)) }
                        #expect(await eventually { receiver.text("arrivals.jsonl").hasSuffix("\n") })
                        enricher.process.kill(SIGTERM)
                        // It takes nothing new, but goes on with what it has.
                        #expect(await eventually { (try? await Admin.get(enricher.url + "/livez")) == nil })
                        #expect(enricher.process.isRunning)
                        try FileManager.default.removeItem(atPath: hold)
                        #expect(try await group.next() == 200)
                    }
                    #expect(await enricher.process.waitForExit(timeout: .seconds(20)) == .exited(0))
                    #expect(receiver.text("webhooks.jsonl").contains(#""status": 200"#))
                }
            }
        }

        @Test(
            "Wrong usage is told before anything starts",
            arguments: [
                (["--listen", "9094"], "is no address"), (["--prometheus", "prometheus:9090"], "http://host:port"),
                (["--forward", "http://user:hunter2@host"], "end up in logs"), (["--window", "1 hour"], "--window"),
                (["--traces", "0"], "1 to 20"), (["--timeout", "2m"], "at most a minute"),
                (["--forward-token-file", "/t"], "needs --forward"), (["surplus"], "surplus"),
            ]
        )
        func usage(options: [String], reason: String) async throws {
            let (status, output) = try await Tool.run("contrail", ["alert-enricher"] + options)
            #expect(status == .exited(64))
            #expect(output.contains(reason))
            #expect(!output.contains("hunter2"))
        }

        @Test("A port that is taken, or a token that cannot be read, ends the start with the reason")
        func start() async throws {
            try await Peer.python("webhook_receiver.py").lend { other in
                let (status, output) = try await Tool.run(
                    "contrail",
                    ["alert-enricher", "--listen", "127.0.0.1:\(other.port)"]
                )
                #expect(status == .exited(1))
                #expect(output.contains("cannot listen on 127.0.0.1:\(other.port)"))
            }
            let (status, output) = try await Tool.run(
                "contrail",
                ["alert-enricher", "--forward", "http://host", "--forward-token-file", "/no/such/file"]
            )
            #expect(status == .exited(1))
            #expect(output.contains("/no/such/file cannot be read"))
        }
    }
}
