import Contracts
import ContrailCLI
import Foundation
import GRPCCore
import HTTPTransport
import LocalStack
import Logging
import SwiftProtobuf
import TestKit
import Testing

extension EndToEnd {
    @Suite("A real Prometheus reads the services' metrics", .stack)
    struct PrometheusTests {
        private static let services = ["users", "orders", "notifications"]
        private static let createOrder = #"rpc_method="contrail.orders.v1.OrderService/CreateOrder""#

        @Test("All targets are up, nothing is complained about, and every call and message is counted once")
        func scraped() async throws {
            let stack = try Stack.required()
            try await PrometheusServer.run(stack) { prometheus in
                #expect(try await prometheus.value("up", until: 3) == 3)
                try await Shop.open { shop in
                    let user = try await shop.createUser()
                    for _ in 0..<5 {
                        let order = try await shop.createOrder(user: user.id)
                        _ = try await shop.notification(ofOrder: order.id, event: "order.created")
                    }
                    for _ in 0..<3 {
                        let error = try await refusal { _ = try await shop.createOrder(user: user.id, lines: []) }
                        #expect(error.code == .invalidArgument)
                    }
                    let nobody = try await refusal {
                        _ = try await shop.createOrder(user: UUID().uuidString.lowercased())
                    }
                    #expect(nobody.code == .notFound)
                }
                try await expectCounts(prometheus)
                try await expectSeries(prometheus)
                #expect(try await prometheus.query("up == 1").count == 3)
                #expect(prometheus.complaints == [])
            }
        }

        /// The suite's stack has no other callers, so the numbers are exact.
        private func expectCounts(_ prometheus: PrometheusServer) async throws {
            let served = "rpc_server_call_duration_seconds_count{job=\"orders\",\(Self.createOrder)"
            let asked = #"rpc_client_call_duration_seconds_count{rpc_method="contrail.users.v1.UserService/GetUser""#
            let created = #"messaging_destination_name="order.created""#
            let counts: [(String, Double)] = [
                (served + #",rpc_response_status_code="OK",error_type=""}"#, 5),
                (served.replacing("_count{", with: "_bucket{") + #",rpc_response_status_code="OK",le="+Inf"}"#, 5),
                // The caller's fault is no error of the server.
                (served + #",rpc_response_status_code="INVALID_ARGUMENT",error_type=""}"#, 3),
                (served + #",rpc_response_status_code="NOT_FOUND",error_type=""}"#, 1),
                (asked + #",job="orders",rpc_response_status_code="OK"}"#, 5),
                (asked + #",job="orders",rpc_response_status_code="NOT_FOUND",error_type="NOT_FOUND"}"#, 1),
                // Five orders and the welcome.
                (asked + #",job="notifications",rpc_response_status_code="OK"}"#, 6),
                ("messaging_client_sent_messages_total{job=\"orders\",\(created),error_type=\"\"}", 5),
                ("messaging_client_consumed_messages_total{job=\"notifications\",\(created)}", 5),
                ("messaging_process_duration_seconds_count{job=\"notifications\",\(created),error_type=\"\"}", 5),
                (
                    "messaging_client_operation_duration_seconds_count{job=\"orders\",\(created),"
                        + #"messaging_operation_name="publish"}"#, 5
                ),
                (
                    "messaging_client_operation_duration_seconds_count{job=\"notifications\",\(created),"
                        + #"messaging_operation_name="ack"}"#, 5
                ),
                (
                    #"db_client_operation_duration_seconds_count{job="orders",db_query_summary="INSERT events outbox"}"#,
                    5
                ),
                (#"outbox_depth{job="orders"}"#, 0),
                (#"outbox_oldest_age_seconds{job="orders"}"#, 0),
                ("nats_connected", 3),
                ("contrail_build_info", 3),
            ]
            for (expression, expected) in counts {
                #expect(try await prometheus.value(expression, until: expected) == expected, "\(expression)")
            }
        }

        /// Each service has these, whatever their values are.
        private func expectSeries(_ prometheus: PrometheusServer) async throws {
            let names = [
                "rpc_server_call_duration_seconds_bucket", "rpc_server_call_duration_seconds_sum",
                "db_client_operation_duration_seconds_bucket", "db_client_connection_count",
                "db_client_connection_wait_time_seconds_count", "messaging_client_operation_duration_seconds_bucket",
                "otel_sdk_processor_span_queue_size", "otel_sdk_processor_span_queue_capacity",
                "otel_sdk_processor_span_processed_total", "otel_sdk_exporter_span_exported_total",
                "process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
                "process_start_time_seconds", "process_open_fds", "process_max_fds", "process_threads",
            ]
            for name in names {
                let jobs = Set(try await prometheus.query(name).compactMap { $0.labels["job"] })
                #expect(jobs == Set(Self.services), "\(name)")
            }
            for name in ["outbox_depth", "outbox_oldest_age_seconds"] {
                let jobs = Set(try await prometheus.query(name).compactMap { $0.labels["job"] })
                #expect(jobs == ["users", "orders"], "\(name)")
            }
            #expect(try await prometheus.query("otel_sdk_exporter_span_exported_total > 0").count == 3)
            // Spans that the exporter could not deliver would be counted under a reason.
            #expect(try await prometheus.value(#"otel_sdk_exporter_span_exported_total{error_type!=""}"#) == 0)
        }

        @Test("promtool has nothing against the metrics but one name of OpenTelemetry's", arguments: services)
        func promtool(service: String) async throws {
            let (file, contentType) = try await savedMetrics(of: service)
            defer { try? FileManager.default.removeItem(atPath: file) }
            #expect(contentType == "text/plain; version=0.0.4; charset=utf-8")
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let promtool = try await Installation.find("promtool", logger: logger).executable
            let command = Command(
                executable: "/bin/sh",
                arguments: ["-c", #"exec "$0" check metrics <"$1""#, promtool, file]
            )
            let (_, output) = try await command.output(within: .seconds(20))
            // db.client.connection.count is what the conventions call the gauge; promtool keeps "_count" for histograms.
            #expect(
                output.split(separator: "\n") == [
                    #"db_client_connection_count non-histogram and non-summary metrics should not have "_count" suffix"#
                ]
            )
        }

        @Test("Python's prometheus_client reads the metrics, each series once", .python, arguments: services)
        func pythonClient(service: String) async throws {
            let (file, _) = try await savedMetrics(of: service)
            defer { try? FileManager.default.removeItem(atPath: file) }
            let types: [String: String] = try await Python.run("metrics_reader.py", [file])
            #expect(types["db_client_operation_duration_seconds"] == "histogram")
            #expect(types["process_cpu_seconds"] == "counter")
            #expect(types["contrail_build_info"] == "gauge")
            #expect(!types.values.contains("unknown"))
        }

        @Test("Python's prometheus_client reads OpenMetrics and its exemplars", .python, arguments: services)
        func pythonOpenMetrics(service: String) async throws {
            // The first answer only starts the collection of exemplars.
            for _ in 0..<2 {
                let (file, contentType) = try await savedMetrics(of: service, accept: "application/openmetrics-text")
                defer { try? FileManager.default.removeItem(atPath: file) }
                #expect(contentType == "application/openmetrics-text; version=1.0.0; charset=utf-8")
                let types: [String: String] = try await Python.run("metrics_reader.py", [file, "openmetrics"])
                #expect(types["db_client_operation_duration_seconds"] == "histogram")
                #expect(types["process_cpu_seconds"] == "counter")
                #expect(types["contrail_build"] == "info")
                #expect(!types.values.contains("unknown"))
            }
        }

        @Test("Prometheus answers with the traces of calls as exemplars")
        func exemplars() async throws {
            let stack = try Stack.required()
            try await PrometheusServer.run(stack) { prometheus in
                #expect(try await prometheus.value("up", until: 3) == 3)
                try await Shop.open { shop in
                    let user = try await shop.createUser()
                    let found = try await eventually {
                        _ = try await shop.createOrder(user: user.id)
                        let series = "rpc_server_call_duration_seconds_bucket{job=\"orders\",\(Self.createOrder)}"
                        let exemplars = try await prometheus.exemplars(series)
                        return exemplars.contains { labels in
                            labels["trace_id"]?.utf8.count == 32 && labels["span_id"]?.utf8.count == 16
                        }
                    }
                    #expect(found)
                }
                #expect(prometheus.complaints == [])
            }
        }

        private func savedMetrics(
            of service: String,
            accept: String = "*/*"
        ) async throws -> (file: String, contentType: String) {
            let answer = try await Admin(Stack.required()).get(service, "/metrics", headers: ["accept": accept])
            try #require(answer.status == 200)
            let file = FileManager.default.temporaryDirectory.path + "/contrail-metrics-\(UUID().uuidString.prefix(8))"
            try answer.body.write(toFile: file, atomically: true, encoding: .utf8)
            return (file, answer.contentType)
        }
    }
}
