import Contracts
import ContrailCLI
import ContrailInstrumentation
import Foundation
import JetStream
import LocalStack
import Logging
import SwiftProtobuf
import TestKit
import Testing
import TraceBackend

extension EndToEnd {
    @Suite("Dead letters and explanations by the contrail command", .stack)
    struct DeadLetterTests {
        private func contrail(_ arguments: [String]) async throws -> (status: ManagedProcess.ExitStatus, output: String)
        {
            let configuration = try Stack.required().configuration
            return try await Tool.run(
                "contrail",
                arguments,
                environment: [
                    "CONTRAIL_NOTIFICATIONS_TARGET": "127.0.0.1:\(configuration.ports.notifications.grpc)",
                    "OTEL_EXPORTER_OTLP_ENDPOINT": configuration.otlpEndpoint,
                    "CONTRAIL_TRACE_QUERY_URL": "", "COLUMNS": "100",
                ]
            )
        }

        private func contrail(_ arguments: String...) async throws -> (
            status: ManagedProcess.ExitStatus, output: String
        ) {
            try await contrail(arguments)
        }

        /// The result, without what was told of the progress before it.
        private func json(_ output: String) throws -> [String: Any] {
            let result = output.drop { $0 != "{" }
            return try #require(
                try JSONSerialization.jsonObject(with: Data(result.utf8)) as? [String: Any],
                "\(output)"
            )
        }

        /// Publishes messages as another producer would, each in a trace of its own; returns the traces.
        private func publish(
            _ shop: Shop,
            _ messages: [(id: String, payload: [UInt8])],
            redriven: String? = nil
        ) async throws -> [String] {
            let connection = try await NATSConnection.connect(
                try NATSConfiguration(environment: ["NATS_URL": shop.stack.nats.url]),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let stream = JetStreamContext(connection)
            var traces: [String] = []
            for message in messages {
                let (_, traceID) = try await shop.traced("poison") {
                    var headers: NATSHeaders = [
                        "ce-id": message.id, "ce-type": "order.shipped", "ce-source": "/test",
                        "authorization": "Bearer hidden",
                    ]
                    for (name, value) in TraceHeaders.current() { headers.set(name, to: value) }
                    if let redriven { headers.set("Contrail-Redriven-From", to: redriven) }
                    _ = try await stream.publish(
                        subject: "order.shipped",
                        headers: headers,
                        payload: message.payload,
                        messageID: message.id + (redriven ?? "")
                    )
                }
                traces.append(traceID)
            }
            await connection.shutdown()
            return traces
        }

        private func letters(_ arguments: String...) async throws -> [[String: Any]] {
            let listed = try await contrail(["dead-letters", "list", "--json"] + arguments)
            #expect(listed.status == .exited(0), "\(listed.output)")
            return try json(listed.output)["deadLetters"] as? [[String: Any]] ?? []
        }

        @Test(
            "Poison is listed and shown, and redriven in its old trace once its cause is gone; repeating changes nothing"
        )
        func redrive() async throws {
            try await Shop.open { shop in
                // The customer is not there yet: the event is given up.
                let order = UUID().uuidString.lowercased()
                let stranger = UUID().uuidString.lowercased()
                let id = "stranger-\(order)"
                let payload =
                    try Contrail_Events_V1_OrderShipped.with {
                        ($0.orderID, $0.userID, $0.trackingNumber) = (order, stranger, "secret-tracking")
                    }.serializedBytes() as [UInt8]
                let unreadable = "unreadable-\(order)"
                let traces = try await publish(shop, [(id, payload), (unreadable, [10, 255, 1])])
                let areDead = try await eventually {
                    try await letters().filter { ($0["eventId"] as? String)?.hasSuffix(order) == true }.count == 2
                }
                #expect(areDead)
                let found = try await letters("--reason", "unknown_user")
                let letter = try #require(found.first { $0["eventId"] as? String == id })
                #expect(found.allSatisfy { $0["reason"] as? String == "unknown_user" })
                #expect(letter["traceId"] as? String == traces[0])
                let sequence = try #require(letter["sequence"] as? String)
                let table = try await contrail("dead-letters", "list")
                #expect(table.output.contains("unknown_user") && table.output.contains("undecodable"))
                #expect(table.output.contains("dead letters"))
                #expect(try await contrail("dead-letters", "list", "--type", "no.such").output.contains("none of "))

                let shown = try await contrail("dead-letters", "show", sequence)
                #expect(shown.status == .exited(0))
                for text in [id, order, "ORDERS number", "Contrail-Dead-Reason", traces[0]] {
                    #expect(shown.output.contains(text), "\(text)")
                }
                #expect(!shown.output.contains("secret-tracking") && !shown.output.contains("hidden"))
                let report = try json(try await contrail("dead-letters", "show", sequence, "--json").output)
                #expect((report["payload"] as? [String: Any])?["orderId"] as? String == order)

                // Nothing is done by a dry run.
                let dry = try await contrail("dead-letters", "redrive", sequence, "--dry-run")
                #expect(dry.status == .exited(0) && dry.output.contains("1 would be redriven"))
                #expect(try await letters("--reason", "unknown_user").count == found.count)

                // The cause goes: the customer is there now.
                try await shop.stack.sql(
                    "users",
                    """
                    INSERT INTO users (id, email, display_name)
                    VALUES ('\(stranger)', '\(stranger)@example.com', 'Late')
                    """
                )
                let redriven = try await contrail("dead-letters", "redrive", sequence)
                #expect(redriven.status == .exited(0), "\(redriven.output)")
                #expect(redriven.output.contains("1 redriven"))
                let notification = try await shop.notification(ofOrder: order, event: "order.shipped")
                #expect(notification.traceID == traces[0])
                #expect(notification.eventID == id)
                let isInOldTrace = await eventually {
                    guard let trace = shop.stack.traces.trace(traces[0]) else { return false }
                    let names = trace.spans.map(\.name)
                    return names.count { $0 == "process order.shipped" } >= 2
                        && names.count { $0 == "publish order.shipped" } == 1 && names.contains("ack order.shipped")
                        && names.contains("advisory terminated")
                }
                #expect(isInOldTrace, "\(shop.stack.traces.trace(traces[0])?.spans.map(\.name) ?? [])")

                // Again, and by everybody at once: the letter is gone, and the customer hears of it once.
                let again = try await contrail("dead-letters", "redrive", sequence)
                #expect(again.status == .exited(0) && again.output.contains("not there"))
                #expect(try await shop.notifications(ofOrder: order).count == 1)
                // Long after, when the inbox has forgotten the event: nobody is told twice.
                try await shop.stack.sql("notifications", "DELETE FROM inbox WHERE event_id = '\(id)'")
                let late = try await publish(shop, [(id, payload)], redriven: sequence)
                let isKnown = await eventually {
                    shop.stack.traces.trace(late[0])?.spans.contains {
                        $0.attributes["contrail.outcome"]?.stringValue == "duplicate"
                    } == true
                }
                #expect(isKnown, "\(shop.stack.traces.trace(late[0])?.spans.map(\.name) ?? [])")
                #expect(try shop.told(user: stranger, "is on its way").count == 1)

                // What cannot be healed is given up again, as a new letter of the same trace.
                let all = try await contrail("dead-letters", "redrive", "--all", "--reason", "undecodable", "--json")
                #expect(all.status == .exited(0), "\(all.output)")
                let results = try #require(try json(all.output)["results"] as? [[String: Any]])
                #expect(results.contains { $0["eventId"] as? String == unreadable })
                #expect(results.allSatisfy { $0["outcome"] as? String == "REDRIVEN" })
                let isBack = try await eventually {
                    try await letters("--reason", "undecodable").contains { $0["traceId"] as? String == traces[1] }
                }
                #expect(isBack)
                let metrics = try await Admin(shop.stack).get("notifications", "/metrics").body
                #expect(metrics.contains(#"jetstream_advisories_total{kind="terminated",stream="ORDERS""#))
            }
        }

        @Test("A message that is on its way again names its dead letter")
        func header() async throws {
            try await Shop.open { shop in
                let id = "named-\(UUID().uuidString.lowercased())"
                _ = try await publish(shop, [(id, [10, 255, 1])])
                let isDead = try await eventually {
                    try await letters("--type", "order.shipped").contains { $0["eventId"] as? String == id }
                }
                #expect(isDead)
                let letter = try #require(try await letters().first { $0["eventId"] as? String == id })
                let sequence = try #require(letter["sequence"] as? String)
                // The service takes the message out of the stream at once: a subscriber of the subject sees it too.
                let connection = try await NATSConnection.connect(
                    try NATSConfiguration(environment: ["NATS_URL": shop.stack.nats.url]),
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                )
                let messages = try connection.subscribe(to: "order.shipped")
                try await connection.flush()
                #expect(try await contrail("dead-letters", "redrive", sequence).status == .exited(0))
                for try await message in messages where message.headers["ce-id"] == id {
                    #expect(message.headers["Contrail-Redriven-From"] == sequence)
                    #expect(message.headers["Contrail-Dead-Reason"] == nil)
                    #expect(message.headers["Nats-Msg-Id"] == "\(id):redrive:\(sequence)")
                    break
                }
                await connection.shutdown()
            }
        }

        @Test("Many are listed page by page and redriven in batches")
        func many() async throws {
            try await Shop.open { shop in
                let mark = UUID().uuidString.lowercased()
                let count = 1200
                _ = try await publish(shop, (0..<count).map { ("\(mark)-\($0)", [10, 255, 1]) })
                let areDead = try await eventually(within: .seconds(90)) {
                    try await letters("--limit", "100000").count {
                        ($0["eventId"] as? String)?.hasPrefix(mark) == true
                    } == count
                }
                #expect(areDead)
                #expect(try await letters("--limit", "700").count == 700)
                let dry = try await contrail("dead-letters", "redrive", "--all", "--dry-run", "--json")
                let results = try #require(try json(dry.output)["results"] as? [[String: Any]])
                #expect(results.count { ($0["eventId"] as? String)?.hasPrefix(mark) == true } == count)
                #expect(Set(results.compactMap { $0["sequence"] as? String }).count == results.count)
            }
        }

        @Test("An order's notifications are explained: stages, the longest, and JSON that adds up")
        func explain() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let order = try await shop.createOrder(user: user.id)
                _ = try await shop.orders.payOrder(.with { ($0.orderID, $0.paymentReference) = (order.id, "p") })
                let created = try await shop.notification(ofOrder: order.id, event: "order.created")
                _ = try await shop.notification(ofOrder: order.id, event: "order.paid")
                let areComplete = try await eventually {
                    try await shop.notifications(ofOrder: order.id).allSatisfy(\.hasCompletedAt)
                }
                #expect(areComplete)
                let both = try await contrail("explain", order.id)
                #expect(both.status == .exited(0), "\(both.output)")
                #expect(both.output.contains("order.created  ") && both.output.contains("order.paid  "))
                #expect(both.output.count { $0 == "▶" } == 2)
                #expect(both.output.contains("in time") && both.output.contains(created.traceID))
                let one = try json(try await contrail("explain", created.id, "--json").output)
                let found = try #require((one["notifications"] as? [[String: Any]])?.first)
                let notification = try #require(found["notification"] as? [String: Any])
                let stages = try #require(notification["stages"] as? [[String: Any]])
                #expect(stages.count == 8)
                let seconds = stages.compactMap { ($0["duration"] as? String)?.dropLast() }.compactMap { Double($0) }
                let total = Double((notification["endToEnd"] as? String)?.dropLast() ?? "") ?? 0
                let sum = seconds.reduce(0.0) { $0 + $1 }
                #expect(abs(sum - total) < 0.000_001 && total > 0)
                #expect(found["longestStage"] is String)

                let nobody = try await contrail("explain", UUID().uuidString.lowercased())
                #expect(nobody.status == .exited(1))
                #expect(nobody.output.contains("there is no notification"))
                #expect(try await contrail("explain", "nonsense").status == .exited(1))
            }
        }

        @Test("Wrong usage is told before anything is asked")
        func usage() async throws {
            for arguments in [
                ["redrive"], ["redrive", "1", "--all"], ["redrive", "1", "--reason", "x"], ["list", "--limit", "0"],
                ["show"], ["show", "x"],
            ] {
                #expect(try await contrail(["dead-letters"] + arguments).status == .exited(64), "\(arguments)")
            }
            #expect(try await contrail("dead-letters", "show", "999999999").status == .exited(1))
            let gone = try await contrail("dead-letters", "redrive", "999999999")
            #expect(gone.status == .exited(0) && gone.output.contains("not there"))
        }
    }
}
