import Contracts
import ContrailCLI
import Foundation
import LocalStack
import TestKit
import Testing

extension EndToEnd {
    @Suite(
        "The services' OTLP bytes are read by others",
        .python,
        .rotel,
        .peer(.rotel),
        .peer(.otlpSink),
        .stack { _ in ["OTEL_EXPORTER_OTLP_ENDPOINT": Peer.running[.otlpSink]?.url ?? ""] }
    )
    struct OTLPInteroperabilityTests {
        @Test("Python's official classes and rotel read every span of an order's path")
        func plain() async throws { try await OTLPInteroperability.expectOrderIsRead(encoding: "identity") }
    }

    @Suite(
        "The services' compressed OTLP bytes are read by others",
        .python,
        .rotel,
        .peer(.rotel),
        .peer(.otlpSink),
        .stack { _ in
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT": Peer.running[.otlpSink]?.url ?? "",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            ]
        }
    )
    struct CompressedOTLPInteroperabilityTests {
        @Test("Python's official classes and rotel read every span of an order's path")
        func compressed() async throws { try await OTLPInteroperability.expectOrderIsRead(encoding: "gzip") }
    }

    @Suite(
        "The services' log records are read by others",
        .python,
        .peer(.otlpSink),
        .stack { _ in
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT": Peer.running[.otlpSink]?.url ?? "",
                "OTEL_LOGS_EXPORTER": "otlp,console",
            ]
        }
    )
    struct OTLPLogInteroperabilityTests {
        @Test("Python's official classes read each line of the console, to the last one, and with its trace")
        func records() async throws {
            let (stack, sink) = (try Stack.required(), try Peer.required(.otlpSink))
            let traceID = try await Shop.open { shop in
                let user = try await shop.createUser()
                let (order, traceID) = try await shop.traced("order") { try await shop.createOrder(user: user.id) }
                _ = try await shop.notification(ofOrder: order.id, event: "order.created")
                return traceID
            }
            let isTold = try await eventually {
                try sink.lines("logs.jsonl", as: OTLPSinkLog.self).contains {
                    $0.message == "notification delivered" && $0.traceID == traceID
                }
            }
            #expect(isTold)
            let metrics = try await Admin(stack).get("notifications", "/metrics").body
            let exported = Exposition.value("otel_sdk_exporter_log_exported_total", [#"error_type="""#], in: metrics)
            #expect((exported ?? 0) >= 1)
            #expect(Exposition.value("otel_sdk_processor_log_queue_capacity", [], in: metrics) == 2048)
            #expect(Exposition.value("contrail_log_lines_dropped_total", [], in: metrics) == 0)

            for service in ["users", "orders", "notifications"] {
                let process = stack.service(service)
                #expect(await process.stop(grace: .seconds(15)) == .exited(0))
                let console = try String(contentsOfFile: process.process.logFile, encoding: .utf8)
                    .split(separator: "\n")
                    .compactMap { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
                let records = try sink.lines("logs.jsonl", as: OTLPSinkLog.self).filter { $0.service == service }
                #expect(records.map(\.message) == console.map { $0["message"] as? String ?? "" })
                #expect(records.map(\.severity) == console.map { $0["severity_number"] as? Int ?? 0 })
                #expect(records.map(\.traceID) == console.map { $0["trace_id"] as? String ?? "" })
                #expect(records.map(\.spanID) == console.map { $0["span_id"] as? String ?? "" })
                #expect(records.map(\.scope) == console.map { $0["logger"] as? String ?? "" })
                #expect(records.last?.message == "stopped" && records.allSatisfy(\.hasTime))
            }
        }
    }
}

private enum OTLPInteroperability {
    static func expectOrderIsRead(encoding: String) async throws {
        let sink = try Peer.required(.otlpSink)
        let traceID = try await Shop.open { shop in
            let user = try await shop.createUser()
            let (order, traceID) = try await shop.traced("order") { try await shop.createOrder(user: user.id) }
            _ = try await shop.notification(ofOrder: order.id, event: "order.created")
            return traceID
        }
        let (tree, spans) = try await sink.tree(of: traceID, until: Peer.orderTree)
        #expect(tree == Peer.orderTree)
        for span in spans { try expectForm(of: span) }
        let process = try #require(spans.first { $0.kind == .consumer })
        let publish = try #require(spans.first { $0.kind == .producer })
        #expect(process.links.map(\.spanID) == [publish.spanID])
        #expect(process.links.map(\.flags) == [0x303])

        let requests = try sink.lines("requests.jsonl", as: OTLPSinkRequest.self)
        #expect(!requests.isEmpty)
        #expect(requests.allSatisfy { $0.encoding == encoding })
        #expect(requests.allSatisfy { $0.forwarded == 200 }, "rotel answered \(requests.map(\.forwarded))")
        #expect(requests.reduce(0) { $0 + $1.spans } >= spans.count)
        let rotel = try Peer.required(.rotel)
        // rotel prints spans after it has answered.
        let isPrinted = await eventually {
            let log = rotel.text("log")
            return spans.allSatisfy { log.contains($0.spanID) }
        }
        #expect(isPrinted)
        let log = rotel.text("log")
        for fact in ["SPAN_KIND_CONSUMER", "SPAN_KIND_PRODUCER", traceID, "service.name: Str(notifications)"] {
            #expect(log.contains(fact))
        }
    }

    private static func expectForm(of span: OTLPSinkSpan) throws {
        let crossesProcesses =
            span.kind == .server || span.kind == .consumer || span.kind == .producer || span.name.hasSuffix(" wait")
        // W3C's sampled and random-id bits, OTLP's "is remote is known", and whether it is.
        #expect(span.flags == (crossesProcesses ? 0x303 : 0x103), "\(span.name)")
        #expect(span.schemaURL == "https://opentelemetry.io/schemas/1.44.0")
        #expect(span.scope.hasPrefix("contrail."))
        #expect(span.resource["service.name"] == .string(span.service))
        #expect(span.resource["telemetry.sdk.language"] == .string("swift"))
        #expect(span.resource["service.instance.id"] != nil)
        #expect(span.duration >= 0)
        #expect(span.status == 0)
    }
}
