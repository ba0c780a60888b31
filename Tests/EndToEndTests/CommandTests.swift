import Contracts
import ContrailCLI
import Foundation
import LocalStack
import TestKit
import Testing

extension EndToEnd {
    @Suite("The contrail command", .stack)
    struct CommandTests {
        /// The variables with which the command finds the suite's stack.
        private func environment() throws -> [String: String] {
            let configuration = try Stack.required().configuration
            return [
                "CONTRAIL_USERS_TARGET": "127.0.0.1:\(configuration.ports.users.grpc)",
                "CONTRAIL_ORDERS_TARGET": "127.0.0.1:\(configuration.ports.orders.grpc)",
                "CONTRAIL_NOTIFICATIONS_TARGET": "127.0.0.1:\(configuration.ports.notifications.grpc)",
                "CONTRAIL_TRACE_QUERY_URL": configuration.queryURL,
                "OTEL_EXPORTER_OTLP_ENDPOINT": configuration.otlpEndpoint,
            ]
        }

        private func contrail(_ arguments: String...) async throws -> (
            status: ManagedProcess.ExitStatus, output: String
        ) {
            try await Tool.run("contrail", arguments, environment: environment())
        }

        private func json(_ output: String) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)")
        }

        @Test("An order goes its whole way by commands, and its trace is shown")
        func wholeWay() async throws {
            let address = "cli-\(UUID().uuidString.lowercased())@example.com"
            let user = try json(try await contrail("user", "create", address, "--json").output)
            let userID = try #require(user["id"] as? String)
            #expect(user["email"] as? String == address)
            let created = try await contrail("order", "create", "--user", userID, "--item", "book:2:12.50", "--json")
            let order = try json(created.output)
            let orderID = try #require(order["id"] as? String)
            #expect(order["totalMinorUnits"] as? String == "2500")
            let early = try await contrail("order", "ship", orderID, "--tracking", "1Z")
            #expect(early.status == .exited(1))
            #expect(early.output.contains("only an order that is paid can be shipped"))
            #expect(try await contrail("order", "pay", orderID).status == .exited(0))
            #expect(try await contrail("order", "ship", orderID, "--tracking", "1Z").status == .exited(0))
            let shown = try await contrail("order", "get", orderID).output
            #expect(shown.contains("shipped") && shown.contains("25.00 EUR"))
            let listed = try await eventually {
                try await contrail("notifications", "list", "--order", orderID).output.contains("order.shipped")
            }
            #expect(listed)
            let page = try json(try await contrail("notifications", "list", "--order", orderID, "--json").output)
            let notifications = try #require(page["notifications"] as? [[String: Any]])
            let shipped = try #require(notifications.first { $0["eventType"] as? String == "order.shipped" })
            let traceID = try #require(shipped["traceId"] as? String)
            let complete = try await eventually {
                try await contrail("trace", traceID).output.contains("ack order.shipped")
            }
            #expect(complete)
            let tree = try await contrail("trace", traceID).output
            #expect(tree.contains("OrderService/ShipOrder") && tree.contains("stream_wait"))
            #expect(!tree.contains("\u{1B}"), "colours belong on a terminal")
            let report = try json(try await contrail("trace", traceID, "--json").output)
            #expect(report["journey"] is [String: Any])
        }

        @Test("Exit codes tell wrong usage, refusals and absent services apart")
        func exitCodes() async throws {
            #expect(try await contrail("order", "create").status == .exited(64))
            #expect(try await contrail("trace", "xyz").status == .exited(64))
            #expect(try await contrail("order", "create", "--user", "u", "--item", "book").status == .exited(64))
            let unknown = try await contrail("trace", String(repeating: "a", count: 32))
            #expect(unknown.status == .exited(1))
            #expect(unknown.output.contains("there is no trace"))
            let missing = try await contrail("order", "get", UUID().uuidString)
            #expect(missing.status == .exited(1))
            #expect(missing.output.contains("notFound") || missing.output.contains("there is no order"))
            let port = try FreePort.reserve()
            let absent = try await contrail("order", "get", UUID().uuidString, "--orders-target", "127.0.0.1:\(port)")
            #expect(absent.status == .exited(69))
            #expect(absent.output.contains("contrail up"))
        }

        @Test("--help explains every command")
        func help() async throws {
            for command in [
                "", "up", "demo", "user", "order", "notifications", "explain", "dead-letters", "dead-letters list",
                "dead-letters show", "dead-letters redrive", "trace", "alert-enricher", "clean-data",
            ] {
                let arguments = command.split(separator: " ").map(String.init) + ["--help"]
                let help = try await Tool.run("contrail", arguments)
                #expect(help.status == .exited(0))
                #expect(help.output.contains("OVERVIEW"))
            }
        }

        @Test("Logs of services carry the trace and no address")
        func logs() async throws {
            let stack = try Stack.required()
            try await Shop.open(stack) { shop in
                let canary = "canary-\(UUID().uuidString.lowercased())"
                let user = try await shop.createUser(email: "\(canary)@example.com")
                let (order, traceID) = try await shop.traced("canary") { try await shop.createOrder(user: user.id) }
                _ = try await shop.notification(ofOrder: order.id, event: "order.created")
                let logs = try stack.services.map { name, _ in
                    try String(contentsOfFile: "\(stack.configuration.directory)/services/\(name).log", encoding: .utf8)
                }.joined()
                #expect(logs.contains("\"trace_id\":\"\(traceID)\""))
                #expect(!logs.contains(canary))
                let (trace, _) = try await shop.journey(traceID)
                #expect(!"\(trace)".contains(canary))
                let admin = Admin(stack)
                for service in ["users", "orders", "notifications"] {
                    #expect(!(try await admin.get(service, "/metrics").body.contains(canary)))
                }
            }
        }

        @Test("Metrics are served as Prometheus text with the expected families")
        func metrics() async throws {
            let stack = try Stack.required()
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser()
                let order = try await shop.createOrder(user: user.id)
                _ = try await shop.notification(ofOrder: order.id, event: "order.created")
            }
            let admin = Admin(stack)
            let answer = try await admin.get("orders", "/metrics")
            #expect(answer.contentType == "text/plain; version=0.0.4; charset=utf-8")
            for family in [
                "rpc_server_call_duration_seconds", "rpc_client_call_duration_seconds",
                "db_client_operation_duration_seconds", "messaging_client_operation_duration_seconds",
                "messaging_client_sent_messages_total", "outbox_depth", "outbox_oldest_age_seconds", "nats_connected",
                "process_resident_memory_bytes", "contrail_build_info", "otel_sdk_exporter_span_exported_total",
            ] {
                #expect(answer.body.contains("# TYPE \(family) "), "\(family) is missing")
            }
            let notifications = try await admin.get("notifications", "/metrics").body
            #expect(notifications.contains("messaging_process_duration_seconds_count"))
        }
    }
}
