import Contracts
import ContrailCLI
import Foundation
import LocalStack
import SwiftProtobuf
import TestKit
import Testing

extension EndToEnd {
    @Suite(
        "Python's nats-py publishes events and reads dead letters",
        .python,
        .peer(.otlpSink),
        .stack { _ in ["OTEL_EXPORTER_OTLP_ENDPOINT": Peer.running[.otlpSink]?.url ?? ""] }
    )
    struct ForeignMessageTests {
        private struct Stored: Decodable {
            let stream: String
            let sequence: Int64
        }

        private struct Letter: Decodable {
            let subject: String
            let headers: [String: String]
            let hex: String
        }

        @Test("Trace headers in any case of letters are continued", arguments: ["Traceparent", "TRACEPARENT"])
        func anyCase(name: String) async throws {
            let sink = try Peer.required(.otlpSink)
            let trace = Self.trace()
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let order = Self.uuid()
                let id = Self.uuid()
                let headers = [
                    name: trace.parent, name == "TRACEPARENT" ? "TRACESTATE" : "Tracestate": "vendor=1",
                    "ce-specversion": "1.0", "ce-id": id, "ce-type": "order.shipped", "ce-source": "/python",
                    "ce-time": "2026-01-02T03:04:05.678Z",
                ]
                _ = try await publish(Self.shipped(order, user.id, headers: headers))
                let notification = try await shop.notification(ofOrder: order, event: "order.shipped")
                #expect(notification.traceID == trace.id)
                #expect(notification.eventID == id)
                #expect(notification.userID == user.id)
                #expect(notification.occurredAt.seconds == 1_767_323_045)
                #expect(notification.occurredAt.nanos == 678_000_000)
            }
            let expected = Peer.deliveryTree(of: "order.shipped", depth: 0)
            let (tree, spans) = try await sink.tree(of: trace.id, until: expected)
            #expect(tree == expected)
            let process = try #require(spans.first { $0.kind == .consumer })
            #expect(process.parentSpanID == trace.span)
            #expect(process.flags == 0x301)
            #expect(process.traceState == "vendor=1")
            #expect(process.links.map(\.spanID) == [trace.span])
            #expect(process.attributes["cloudevents.event_source"] == .string("/python"))
        }

        @Test("A producer that knows no CloudEvents is understood by subject and Nats-Msg-Id")
        func bareMessage() async throws {
            let trace = Self.trace()
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let order = Self.uuid()
                let headers = ["Traceparent": trace.parent, "Nats-Msg-Id": "bare-\(order)"]
                _ = try await publish(Self.shipped(order, user.id, headers: headers))
                let notification = try await shop.notification(ofOrder: order, event: "order.shipped")
                #expect(notification.eventID == "bare-\(order)")
                #expect(notification.traceID == trace.id)
                #expect(notification.attempts == 1)
            }
        }

        @Test(
            "A time that cannot be is taken as the time of storage",
            arguments: ["9999-12-31T23:59:59Z", "soon", "-1"]
        )
        func absurdTime(time: String) async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let order = Self.uuid()
                _ = try await publish(Self.shipped(order, user.id, headers: ["ce-id": Self.uuid(), "ce-time": time]))
                let notification = try await shop.notification(ofOrder: order, event: "order.shipped")
                #expect(notification.occurredAt.date <= notification.deliveredAt.date)
            }
        }

        @Test("Poison goes to the dead letters with its reason, its origin and its trace; what is behind it is handled")
        func poison() async throws {
            let undecodable = Self.trace()
            let unknown = Self.trace()
            let user = try await Shop.open { try await $0.createUser().id }
            let order = Self.uuid()
            let stored = try await publish(
                #"{"subject":"order.shipped","hex":"0aff01","headers":{"Traceparent":"\#(undecodable.parent)","#
                    + #""Nats-Msg-Id":"poison-1","ce-id":"poison-1","ce-type":"order.shipped","x-shop":"kept"}}"#,
                Self.shipped(
                    Self.uuid(),
                    user,
                    headers: ["traceparent": unknown.parent, "ce-id": "poison-2", "ce-type": "order.exploded"]
                ),
                Self.shipped(order, user, headers: ["ce-id": Self.uuid()])
            )
            try #require(stored.count == 3)
            try await Shop.open { _ = try await $0.notification(ofOrder: order, event: "order.shipped") }
            let letters: [Letter] = try await Python.run(
                "nats_peer.py",
                ["dead-letters", Stack.required().nats.url, "2"]
            )
            #expect(letters.count == 2)
            for (id, sequence, reason, trace) in [
                ("poison-1", stored[0].sequence, "undecodable", undecodable),
                ("poison-2", stored[1].sequence, "unknown_type", unknown),
            ] {
                let letter = try #require(letters.first { $0.headers["ce-id"] == id })
                #expect(letter.subject == "dead.ORDERS.notifications")
                #expect(letter.headers["Contrail-Dead-Reason"] == reason)
                #expect(letter.headers["Contrail-Dead-Error"]?.isEmpty == false)
                #expect(letter.headers["Contrail-Dead-Attempts"] == "1")
                #expect(letter.headers["Contrail-Dead-Subject"] == "order.shipped")
                #expect(letter.headers["Contrail-Dead-Stream"] == "ORDERS")
                #expect(letter.headers["Contrail-Dead-Sequence"] == String(sequence))
                #expect(letter.headers["Contrail-Dead-Consumer"] == "notifications")
                #expect(letter.headers["traceparent"]?.contains(trace.id) == true)
                #expect(letter.headers["Traceparent"] == nil, "the old context must not stay beside the new one")
            }
            let first = try #require(letters.first { $0.headers["ce-id"] == "poison-1" })
            #expect(first.hex == "0aff01")
            #expect(first.headers["x-shop"] == "kept")
            let sink = try Peer.required(.otlpSink)
            let spans = try await sink.spans(of: undecodable.id) { spans in
                spans.contains { $0.kind == .consumer }
            }
            let process = try #require(spans.first { $0.kind == .consumer })
            #expect(process.status == 2)
            #expect(process.attributes["error.type"] == .string("undecodable"))
            #expect(process.parentSpanID == undecodable.span)
        }

        @Test("One ce-id in two messages is notified once")
        func duplicate() async throws {
            let traces = [Self.trace(), Self.trace()]
            let order = Self.uuid()
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let id = Self.uuid()
                let messages = traces.enumerated().map { index, trace in
                    Self.shipped(
                        order,
                        user.id,
                        headers: ["Nats-Msg-Id": "\(id)-\(index)", "ce-id": id, "traceparent": trace.parent]
                    )
                }
                let stored = try await publish(messages[0], messages[1])
                #expect(Set(stored.map(\.sequence)).count == 2, "JetStream took them for one message")
                let sink = try Peer.required(.otlpSink)
                var outcomes: [OTLPSinkSpan.Value?] = []
                for trace in traces {
                    // The acknowledgement is the last that happens in a delivery, and the process span ends after it.
                    let spans = try await sink.spans(of: trace.id) { spans in
                        spans.contains { $0.kind == .consumer } && spans.contains { $0.name == "ack order.shipped" }
                    }
                    let process = try #require(spans.first { $0.kind == .consumer })
                    #expect(process.status == 0)
                    outcomes.append(process.attributes["contrail.outcome"])
                }
                #expect(outcomes.filter { $0 == .string("duplicate") }.count == 1)
                #expect(try await shop.notifications(ofOrder: order).count == 1)
            }
        }

        // MARK: Helpers

        private static func uuid() -> String { UUID().uuidString.lowercased() }

        /// A foreign producer's context.
        private static func trace() -> (id: String, span: String, parent: String) {
            let id = uuid().replacing("-", with: "")
            let span = String(uuid().replacing("-", with: "").prefix(16))
            return (id, span, "00-\(id)-\(span)-01")
        }

        /// A message that says that an order was shipped.
        private static func shipped(_ order: String, _ user: String, headers: [String: String]) -> String {
            let message: [String: Any] = [
                "subject": "order.shipped",
                "event": "OrderShipped",
                "fields": ["order_id": order, "user_id": user, "tracking_number": "1Z999"],
                "headers": headers,
            ]
            let data = try? JSONSerialization.data(withJSONObject: message)
            return String(decoding: data ?? Data(), as: UTF8.self)
        }

        private func publish(_ messages: String...) async throws -> [Stored] {
            try await Python.run("nats_peer.py", ["publish", Stack.required().nats.url] + messages)
        }
    }
}
