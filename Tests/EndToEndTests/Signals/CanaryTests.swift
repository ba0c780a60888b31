import Contracts
import ContrailCLI
import Foundation
import GRPCCore
import JetStream
import LocalStack
import Logging
import SwiftProtobuf
import TestKit
import Testing

extension EndToEnd {
    @Suite(
        "Secrets and personal data stay out of telemetry",
        .python,
        .peer(.mailSink),
        .peer(.otlpSink),
        .stack { _ in
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT": Peer.running[.otlpSink]?.url ?? "",
                "OTEL_EXPORTER_OTLP_HEADERS": "x-backend-key=canary-backend",
                "OTEL_LOGS_EXPORTER": "console,otlp",
                "CONTRAIL_NOTIFICATION_PROVIDER": "smtp",
                "CONTRAIL_SMTP_URL": "smtp://127.0.0.1:\(Peer.running[.mailSink]?.port ?? 0)",
                // The more is logged, the more could leak.
                "CONTRAIL_LOG_LEVEL": "trace",
            ]
        }
    )
    struct CanaryTests {
        private static let services = ["users", "orders", "notifications"]

        private struct Tapped: Decodable {
            let subject: String
            let headers: [String: String]
        }

        @Test("Planted addresses, names, passwords, tokens, texts and baggage show up nowhere")
        func canaries() async throws {
            let stack = try Stack.required()
            let sink = try Peer.required(.otlpSink)
            let tap = try await Peer.start("nats-tap") { _, folder in
                try Python.command("nats_peer.py", ["tap", stack.nats.url, folder])
            }
            let result: Result<[Tapped], any Error>
            do {
                try await Shop.open { try await plant($0) }
                result = .success(try tap.lines("messages.jsonl"))
            } catch {
                result = .failure(error)
            }
            await tap.stop()
            let messages = try result.get()

            // Everything that the services ever recorded is out when they have stopped.
            var texts: [String: String] = [:]
            for service in Self.services {
                texts["metrics of \(service)"] = try await Admin(stack).get(service, "/metrics").body
                texts["readiness of \(service)"] = try await Admin(stack).get(service, "/readyz").body
            }
            for service in Self.services {
                let process = stack.service(service)
                #expect(await process.stop(grace: .seconds(15)) == .exited(0))
                texts["log of \(service)"] = try String(contentsOfFile: process.process.logFile, encoding: .utf8)
            }
            texts["spans and log records"] = sink.text("bodies.bin")
            #expect(try sink.lines("requests.jsonl", as: OTLPSinkRequest.self).contains { $0.path == "/v1/logs" })
            for service in Self.services {
                let password = try await stack.postgres.ensureDatabase(name: service)["PGPASSWORD"] ?? ""
                try #require(password.count > 8)
                for (place, text) in texts {
                    #expect(!text.contains(password), "the database's password is in the \(place)")
                }
            }
            for (place, text) in texts {
                try #require(!text.isEmpty, "\(place)")
                let leaks = text.split(separator: "\n").filter { $0.lowercased().contains("canary") }
                #expect(leaks == [], "\(place)")
            }

            // The search finds what is there: the mails, and the headers that came from outside.
            #expect(try Peer.required(.mailSink).text("mails.jsonl").contains("canary"))
            #expect(texts["log of notifications"]?.contains("event moved to the dead letters") == true)
            #expect(texts["log of users"]?.contains("call failed") == false)
            try expectCleanHeaders(messages)
        }

        /// What other people's messages bring stays in them; the services add nothing to it.
        private func expectCleanHeaders(_ messages: [Tapped]) throws {
            let own = messages.filter { $0.headers["ce-source"]?.hasPrefix("/contrail/") == true }
            try #require(own.count >= 5)
            for message in own {
                for (name, value) in message.headers where value.lowercased().contains("canary") {
                    // Baggage is the caller's to pass on; it holds what the caller put there and no more.
                    #expect(name == "baggage" && value == "shop.hint=canary-baggage", "\(message.subject): \(name)")
                }
            }
            let dead = messages.filter { $0.subject.hasPrefix("dead.") }
            #expect(dead.count == 2)
            for (name, value) in dead.flatMap(\.headers) where name.hasPrefix("Contrail-") {
                #expect(!value.lowercased().contains("canary"), "\(name)")
            }
        }

        // MARK: Planting

        private func plant(_ shop: Shop) async throws {
            let metadata: Metadata = [
                "authorization": "Bearer canary-token", "x-password": "canary-password", "cookie": "id=canary-cookie",
                "baggage": "shop.hint=canary-baggage",
            ]
            let address = "canary-\(UUID().uuidString.lowercased())@example.com"
            let request = Contrail_Users_V1_CreateUserRequest.with {
                ($0.email, $0.displayName, $0.idempotencyKey) = (address, "Canary Name", "canary-key")
            }
            let user = try await shop.users.createUser(request, metadata: metadata).user
            let bounced = try await shop.createUser(email: "greylisted-\(address)")
            // What is refused is told to the caller, and to nobody else.
            let refusals: [() async throws -> Void] = [
                { _ = try await shop.createUser(email: address) },
                { _ = try await shop.createUser(email: "canary with spaces") },
                { _ = try await shop.users.getUser(.with { $0.id = "canary-id" }, metadata: metadata) },
                {
                    _ = try await shop.orders.createOrder(
                        .with { ($0.userID, $0.currencyCode) = (user.id, "CANARY") },
                        metadata: metadata
                    )
                },
            ]
            for call in refusals { #expect(try await refusal(call).code != .internalError) }
            let order = try await shop.orders.createOrder(
                .with {
                    ($0.userID, $0.currencyCode, $0.idempotencyKey) = (user.id, "EUR", "canary-order-key")
                    $0.lines = [.with { ($0.sku, $0.quantity, $0.unitPriceMinorUnits) = ("canary-sku", 1, 1) }]
                },
                metadata: metadata
            ).order
            _ = try await shop.orders.payOrder(
                .with { ($0.orderID, $0.paymentReference) = (order.id, "canary-card-4242") },
                metadata: metadata
            )
            _ = try await shop.orders.shipOrder(
                .with { ($0.orderID, $0.trackingNumber) = (order.id, "canary-tracking") },
                metadata: metadata
            )
            let other = try await shop.createOrder(user: user.id)
            _ = try await shop.orders.cancelOrder(
                .with { ($0.orderID, $0.reason) = (other.id, "canary-reason") },
                metadata: metadata
            )
            try await plantMessages(shop)
            _ = try await shop.notification(ofOrder: order.id, event: "order.shipped")
            _ = try await shop.notification(ofOrder: other.id, event: "order.cancelled")
            let isWelcomed = try await eventually {
                let list = try await shop.notifications.listNotifications(.with { $0.userID = bounced.id })
                return list.notifications.map(\.attempts) == [3]
            }
            #expect(isWelcomed)
        }

        /// Messages that cannot be handled: their texts must not come back in reasons and errors.
        private func plantMessages(_ shop: Shop) async throws {
            let connection = try await NATSConnection.connect(
                try NATSConfiguration(environment: ["NATS_URL": shop.stack.nats.url]),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let stream = JetStreamContext(connection)
            let unreadable = Array("canary-payload".utf8)
            let nobody =
                try Contrail_Events_V1_OrderShipped.with {
                    ($0.orderID, $0.userID, $0.trackingNumber) = ("canary-order", "canary-user", "canary-number")
                }.serializedBytes() as [UInt8]
            for (id, payload) in [("unreadable", unreadable), ("nobody", nobody)] {
                _ = try await stream.publish(
                    subject: "order.shipped",
                    headers: [
                        "ce-id": id, "ce-type": "order.shipped", "ce-subject": "canary-subject",
                        "authorization": "Bearer canary-message-token", "baggage": "shop.secret=canary-message-baggage",
                        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                    ],
                    payload: payload,
                    messageID: id
                )
            }
            let isDead = await eventually {
                (try? String(contentsOfFile: shop.stack.service("notifications").process.logFile, encoding: .utf8))
                    .map { $0.matches(of: /event moved to the dead letters/).count == 2 } == true
            }
            #expect(isDead)
            await connection.shutdown()
        }
    }
}
