import Contracts
import ContrailCLI
import Foundation
import LocalStack
import Logging
import SwiftProtobuf
import TestKit
import Testing

extension EndToEnd {
    @Suite(
        "Python's grpcio calls the shop",
        .python,
        .peer(.otlpSink),
        .stack { _ in ["OTEL_EXPORTER_OTLP_ENDPOINT": Peer.running[.otlpSink]?.url ?? ""] }
    )
    struct ForeignCallerTests {
        private struct Placed: Decodable {
            let userID: String
            let orderID: String
            let total: Int64
        }

        private struct Refusal: Decodable {
            let code: String
            let message: String
            let detailsCode: Int32
            let detailsMessage: String
            let details: [String]
        }

        @Test("A sampled caller's trace goes on to the notification, with its tracestate and baggage")
        func sampled() async throws {
            let sink = try Peer.required(.otlpSink)
            let traceID = Self.hex(16)
            let caller = Self.hex(8)
            let traceState = "rojo=00f067aa0ba902b7,congo@vendor=t61rcWkgMzE"
            let messages = try await withTap { tap in
                let order = try await place(
                    "traceparent=00-\(traceID)-\(caller)-01",
                    "tracestate=\(traceState)",
                    "baggage=shop.campaign=spring,shop.region=eu"
                )
                #expect(order.total == 1250)
                try await Shop.open { shop in
                    let notification = try await shop.notification(ofOrder: order.orderID, event: "order.created")
                    #expect(notification.traceID == traceID)
                }
                var messages: [Tapped] = []
                _ = try await eventually {
                    messages = try tap.lines("messages.jsonl", as: Tapped.self)
                        .filter { $0.headers["traceparent"]?.contains(traceID) == true }
                    return messages.count == 2
                }
                return messages
            }
            let (tree, spans) = try await sink.tree(of: traceID, until: Self.wholeTree)
            #expect(tree == Self.wholeTree)
            // grpcio made no random-id promise, so bit 1 stays clear.
            #expect(spans.allSatisfy { $0.flags & 0xFF == 0x01 })
            #expect(spans.allSatisfy { $0.traceState == traceState })
            let entries = spans.filter { $0.parentSpanID == caller }
            #expect(entries.count == 2)
            #expect(entries.allSatisfy { $0.kind == .server && $0.isBelowRemoteParent })

            #expect(Set(messages.map(\.subject)) == ["order.created", "user.created"])
            for message in messages {
                let publish = try #require(spans.first { $0.name == "publish \(message.subject)" })
                #expect(message.headers["traceparent"] == "00-\(traceID)-\(publish.spanID)-01")
                #expect(message.headers["tracestate"] == traceState)
                #expect(message.headers["baggage"] == "shop.campaign=spring,shop.region=eu")
                #expect(message.headers["ce-specversion"] == "1.0")
                #expect(message.headers["ce-type"] == message.subject)
                #expect(message.headers["ce-id"] == message.headers["Nats-Msg-Id"])
                #expect(message.headers["content-type"] == "application/protobuf")
            }
        }

        @Test("An unsampled caller's order is notified and leaves no span")
        func unsampled() async throws {
            let sink = try Peer.required(.otlpSink)
            let silent = Self.hex(16)
            let order = try await place("traceparent=00-\(silent)-\(Self.hex(8))-00")
            let loud = Self.hex(16)
            let other = try await place("traceparent=00-\(loud)-\(Self.hex(8))-01")
            try await Shop.open { shop in
                let notification = try await shop.notification(ofOrder: order.orderID, event: "order.created")
                #expect(notification.traceID == silent)
                _ = try await shop.notification(ofOrder: other.orderID, event: "order.created")
            }
            // Each service exports in order: once the later order is complete, the earlier one had its chance.
            #expect(try await sink.tree(of: loud, until: Self.wholeTree).text == Self.wholeTree)
            #expect(try sink.spans(of: silent).isEmpty)
        }

        @Test(
            "A malformed traceparent is as none: the shop begins a trace of its own",
            arguments: [
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "hello",
            ]
        )
        func garbage(traceParent: String) async throws {
            let sink = try Peer.required(.otlpSink)
            let order = try await place("traceparent=\(traceParent)", "tracestate=rojo=1")
            let traceID = try await Shop.open { shop in
                try await shop.notification(ofOrder: order.orderID, event: "order.created").traceID
            }
            #expect(traceID.count == 32 && !traceParent.lowercased().contains(traceID))
            let (tree, spans) = try await sink.tree(of: traceID, until: Peer.orderTree)
            #expect(tree == Peer.orderTree)
            let root = try #require(spans.first { $0.kind == .server && $0.service == "orders" })
            #expect(root.parentSpanID.isEmpty)
            #expect(root.flags == 0x103)
            #expect(spans.allSatisfy { $0.traceState.isEmpty })
        }

        @Test("Refusals carry google.rpc.Status with details that Python decodes")
        func refusals() async throws {
            let ports = try Stack.required().configuration.ports
            let refusals: [String: Refusal] = try await Python.run(
                "grpc_caller.py",
                ["refusals", "127.0.0.1:\(ports.users.grpc)", "127.0.0.1:\(ports.orders.grpc)"]
            )
            let quantity = try #require(refusals["quantity"])
            #expect(quantity.code == "INVALID_ARGUMENT")
            #expect(quantity.detailsCode == 3)
            #expect(quantity.detailsMessage == quantity.message)
            #expect(quantity.details.count == 1)
            #expect(quantity.details.first?.hasPrefix("lines[0].quantity: ") == true, "\(quantity.details)")
            let email = try #require(refusals["email"])
            #expect(email.code == "INVALID_ARGUMENT")
            #expect(email.details.first?.hasPrefix("email: ") == true, "\(email.details)")
            let user = try #require(refusals["user"])
            #expect(user.code == "NOT_FOUND")
            #expect(user.detailsCode == 5)
            #expect(user.details.first?.hasPrefix("user: ") == true, "\(user.details)")
            #expect(refusals["garbage"]?.code == "INVALID_ARGUMENT", "\(refusals["garbage"]?.message ?? "")")
            #expect(refusals["method"]?.code == "UNIMPLEMENTED")
            // None of it has broken the connection.
            #expect(refusals["healthy"]?.code == "OK")
        }

        @Test(
            "Every service answers health checks and watches",
            arguments: [
                ("users", "contrail.users.v1.UserService"), ("orders", "contrail.orders.v1.OrderService"),
                ("notifications", "contrail.notifications.v1.NotificationService"),
            ]
        )
        func health(name: String, service: String) async throws {
            let ports = try Stack.required().configuration.ports
            let port = [
                "users": ports.users.grpc, "orders": ports.orders.grpc, "notifications": ports.notifications.grpc,
            ]
            let target = "127.0.0.1:\(try #require(port[name]))"
            let answers: [String: String] = try await Python.run("grpc_caller.py", ["health", target, service])
            #expect(
                answers == [
                    "server": "SERVING", "service": "SERVING", "unknown": "NOT_FOUND",
                    "watchServer": "SERVING", "watchService": "SERVING", "watchUnknown": "SERVICE_UNKNOWN",
                ]
            )
        }

        // MARK: Helpers

        /// A message as nats-py saw it on its way to the stream.
        private struct Tapped: Decodable, Sendable {
            let subject: String
            let headers: [String: String]
        }

        /// CreateUser and CreateOrder below one caller's span.
        private static let wholeTree =
            Peer.orderTree + "\n"
                + """
                contrail.users.v1.UserService/CreateUser [server] users
                  COMMIT [client] users
                  INSERT outbox [client] users
                  INSERT users [client] users
                  outbox wait [internal] users
                  publish user.created [producer] users
                \(Peer.deliveryTree(of: "user.created", depth: 2))
                """

        private static func hex(_ bytes: Int) -> String {
            (0..<bytes).map { _ in String(UInt8.random(in: 16...255), radix: 16) }.joined()
        }

        private func place(_ metadata: String...) async throws -> Placed {
            let ports = try Stack.required().configuration.ports
            return try await Python.run(
                "grpc_caller.py",
                ["order", "127.0.0.1:\(ports.users.grpc)", "127.0.0.1:\(ports.orders.grpc)"] + metadata
            )
        }

        /// Lends a nats-py subscriber that writes down the headers of all events.
        private func withTap<T>(_ body: (Peer) async throws -> T) async throws -> T {
            let url = try Stack.required().nats.url
            let tap = try await Peer.start("nats-tap") { _, folder in
                try Python.command("nats_peer.py", ["tap", url, folder])
            }
            let result: Result<T, any Error>
            do {
                result = .success(try await body(tap))
            } catch {
                result = .failure(error)
            }
            await tap.stop()
            return try result.get()
        }
    }
}
