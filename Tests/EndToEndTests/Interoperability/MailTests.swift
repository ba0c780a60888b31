import Contracts
import ContrailCLI
import Foundation
import GRPCCore
import LocalStack
import SwiftProtobuf
import TestKit
import Testing

extension EndToEnd {
    @Suite(
        "Notifications go out as e-mail",
        .python,
        .peer(.mailSink),
        .peer(.otlpSink),
        .stack { _ in
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT": Peer.running[.otlpSink]?.url ?? "",
                "CONTRAIL_NOTIFICATION_PROVIDER": "smtp",
                "CONTRAIL_SMTP_URL": "smtp://127.0.0.1:\(Peer.running[.mailSink]?.port ?? 0)",
                "CONTRAIL_SMTP_FROM": "orders@shop.example",
                // The more is logged, the more could leak.
                "CONTRAIL_LOG_LEVEL": "trace",
            ]
        }
    )
    struct MailTests {
        private struct Mail: Decodable {
            let sender: String
            let recipients: [String]
            let from: String
            let to: String
            let subject: String
            let messageID: String
            let text: String
            let defects: [String]
        }

        private struct SinkRefusal: Decodable {
            let stage: String
            let recipient: String
        }

        @Test("A mail reaches its recipient, and Python reads its subject and text")
        func delivered() async throws {
            let address = Self.address("ada")
            let order = try await Shop.open { shop in
                let user = try await shop.users.createUser(
                    .with { ($0.email, $0.displayName) = (address, "Ada Größenwahn ✈") }
                ).user
                let order = try await shop.createOrder(user: user.id)
                let notification = try await shop.notification(ofOrder: order.id, event: "order.created")
                #expect(notification.channel == "smtp")
                #expect(notification.attempts == 1)
                return order
            }
            let mails = try mails(to: address, about: order.id)
            #expect(mails.count == 1)
            let mail = try #require(mails.first)
            #expect(mail.sender == "orders@shop.example")
            #expect(mail.from == "orders@shop.example")
            #expect(mail.to == address)
            #expect(mail.subject == "Your order \(order.id.prefix(8))")
            let text = mail.text.trimmingCharacters(in: .newlines)
            #expect(text == "Hello Ada Größenwahn ✈,\n\nwe have received your order over 25.00 EUR.")
            #expect(mail.messageID.hasSuffix("@shop.example>"))
            #expect(mail.defects == [])
        }

        @Test("A mail that is refused twice after its text is delivered once, and the trace shows the waits")
        func busyServer() async throws {
            let address = Self.address("busy")
            let (order, traceID) = try await Shop.open { shop in
                let user = try await shop.createUser(email: address)
                let (order, traceID) = try await shop.traced("order") { try await shop.createOrder(user: user.id) }
                let notification = try await shop.notification(ofOrder: order.id, event: "order.created")
                #expect(notification.attempts == 3)
                #expect(notification.traceID == traceID)
                return (order.id, traceID)
            }
            #expect(try mails(to: address, about: order).count == 1)
            try await expectThreeAttempts(of: "order.created", traceID)
            // The order's mail and the welcome were refused twice each.
            #expect(try refusals(of: address, "DATA") == 4)
        }

        @Test("A recipient who is refused twice gets the mail once, and the trace shows the waits")
        func greylisted() async throws {
            let address = Self.address("greylisted")
            let traceID = try await Shop.open { shop in
                let (user, traceID) = try await shop.traced("user") { try await shop.createUser(email: address) }
                let isWelcomed = try await eventually {
                    let list = try await shop.notifications.listNotifications(.with { $0.userID = user.id })
                    return list.notifications.map(\.attempts) == [3]
                }
                #expect(isWelcomed)
                return traceID
            }
            #expect(try mails(to: address).map(\.subject) == ["Welcome"])
            #expect(try refusals(of: address, "RCPT") == 2)
            try await expectThreeAttempts(of: "user.created", traceID)
        }

        @Test("No span, log line or metric knows a recipient's address, whatever happens to it")
        func secrecy() async throws {
            let sink = try Peer.required(.otlpSink)
            let stack = try Stack.required()
            let names = ["canary", "greylisted-canary", "busy-canary"]
            try await Shop.open { shop in
                for name in names {
                    let address = Self.address(name)
                    let user = try await shop.createUser(email: address)
                    let taken = try await refusal { _ = try await shop.createUser(email: address) }
                    #expect(taken.code == .alreadyExists)
                    #expect(!taken.message.contains("canary"))
                    let order = try await shop.createOrder(user: user.id)
                    _ = try await shop.notification(ofOrder: order.id, event: "order.created")
                    let trace = try await shop.notifications(ofOrder: order.id).map(\.traceID)
                    _ = try await sink.spans(of: trace.first ?? "") { spans in
                        spans.contains { $0.name == "ack order.created" } && spans.contains { $0.name == "send mail" }
                    }
                }
                let bad = try await refusal { _ = try await shop.createUser(email: "canary at example.com") }
                #expect(bad.code == .invalidArgument)
            }
            // The sink's mails show that the search finds what is there.
            #expect(try Peer.required(.mailSink).text("mails.jsonl").contains("canary"))
            #expect(!sink.text("bodies.bin").isEmpty)
            #expect(!sink.text("bodies.bin").contains("canary"))
            for (name, service) in stack.services {
                let log = try String(contentsOfFile: service.process.logFile, encoding: .utf8)
                #expect(log.contains("\"service_name\":\"\(name)\""))
                #expect(name != "notifications" || log.contains("event will be delivered again"), "nothing was refused")
                let leaks = log.split(separator: "\n").filter { $0.contains("canary") }
                #expect(leaks == [], "log of \(name)")
                let metrics = try await Admin(stack).get(name, "/metrics").body
                #expect(metrics.contains("rpc_server_call_duration_seconds_count"))
                #expect(!metrics.contains("canary"), "metrics of \(name)")
            }
        }

        // MARK: Helpers

        private static func address(_ name: String) -> String {
            "\(name)-\(UUID().uuidString.lowercased().prefix(8))@example.com"
        }

        private func mails(to address: String, about order: String = "") throws -> [Mail] {
            try Peer.required(.mailSink).lines("mails.jsonl", as: Mail.self)
                .filter { $0.recipients == [address] && (order.isEmpty || $0.subject.contains(order.prefix(8))) }
        }

        private func refusals(of address: String, _ stage: String) throws -> Int {
            try Peer.required(.mailSink).lines("refusals.jsonl", as: SinkRefusal.self)
                .filter { $0.recipient == address && $0.stage == stage }.count
        }

        private func expectThreeAttempts(of event: String, _ traceID: String) async throws {
            let spans = try await Peer.required(.otlpSink).spans(of: traceID) { spans in
                spans.filter { $0.name == "process \(event)" }.count == 3
            }
            let attempts = spans.filter { $0.name == "process \(event)" }
                .sorted { $0.attempt < $1.attempt }
            try #require(attempts.map(\.attempt) == [1, 2, 3])
            #expect(attempts.map(\.status) == [2, 2, 0])
            #expect(Set(attempts.map(\.parentSpanID)).count == 1)
            // Every retry links to the attempt before it.
            for (earlier, later) in zip(attempts, attempts.dropFirst()) {
                #expect(later.links.map(\.spanID).contains(earlier.spanID))
            }
            let waits = spans.filter { $0.name == "redelivery wait" }.sorted { $0.attempt < $1.attempt }
            #expect(waits.map(\.attempt) == [2, 3])
            // The chosen delays: at least half of 0.5 s and of 1 s.
            #expect(waits.map(\.duration)[0] >= 200_000_000)
            #expect(waits.map(\.duration)[1] >= 450_000_000)
            #expect(spans.filter { $0.name == "stream wait" }.count == 1)
            let sends = spans.filter { $0.name == "send mail" }
            #expect(sends.count == 3)
            #expect(sends.filter { $0.attributes["error.type"] == .string("451") }.count == 2)
        }
    }
}

extension OTLPSinkSpan {
    /// Which delivery a span belongs to; 0 when it does not say.
    fileprivate var attempt: Int64 {
        guard case .int(let count) = attributes["messaging.nats.delivery_count"] else { return 0 }
        return count
    }
}
