internal import SwiftProtobuf
internal import Testing
internal import TraceBackend

@Suite("Trace query server")
struct TraceQueryServerTests {
    @Test("A trace is answered in Jaeger's shape, byte by byte")
    func shape() async throws {
        try await withBackend { store, _, query in
            store.insert(try OTLPExportTraceServiceRequest(serializedBytes: OTLPRequests.golden))
            let answer = try await send("GET", port: query, "/api/v3/traces/4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.text == JaegerFixtures.golden)
        }
    }

    @Test("What the server answers, the reader reads back to the same trace")
    func roundTrip() async throws {
        try await withBackend { store, _, query in
            store.insert(try OTLPExportTraceServiceRequest(serializedBytes: OTLPRequests.golden))
            store.insert(OTLPRequests.request([OTLPRequests.span(trace: 7, span: 1)]))
            let answer = try await send("GET", port: query, "/api/v3/traces/4BF92F3577B34DA6A3CE929D0E0E4736")
            let trace = try Trace(jaegerJSON: answer.body)
            #expect(trace == store.trace("4bf92f3577b34da6a3ce929d0e0e4736"))
        }
    }

    @Test("An unknown trace is answered with 404 in Jaeger's envelope")
    func notFound() async throws {
        try await withBackend { _, _, query in
            let answer = try await send("GET", port: query, "/api/v3/traces/4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(answer.status == 404)
            #expect(answer.text == #"{"error":{"httpCode":404,"message":"trace not found"}}"#)
            #expect { try Trace(jaegerJSON: answer.body) } throws: { ($0 as? TraceBackendError)?.code == .notFound }
        }
    }

    @Test(
        "A malformed trace id is answered with 400",
        arguments: ["xyz", "4bf9-", "123456789012345678901234567890123"]
    )
    func malformedID(_ id: String) async throws {
        try await withBackend { _, _, query in
            let answer = try await send("GET", port: query, "/api/v3/traces/\(id)")
            #expect(answer.status == 400)
            #expect(answer.text.contains("malformed parameter trace_id"))
        }
    }

    @Test("Services and summaries are listed, the newest trace first")
    func lists() async throws {
        try await withBackend { store, _, query in
            store.insert(OTLPRequests.request([OTLPRequests.span(trace: 1, span: 1, start: 1_000)], service: "users"))
            store.insert(OTLPRequests.request([OTLPRequests.span(trace: 2, span: 1, start: 2_000)], service: "orders"))
            store.insert(OTLPRequests.request([OTLPRequests.span(trace: 2, span: 2, start: 2_100)], service: "users"))
            let services = try await send("GET", port: query, "/api/v3/services")
            #expect(services.text == #"{"services":["orders","users"]}"#)
            let newest = try await send("GET", port: query, "/api/v3/trace-summaries?query.searchDepth=1")
            #expect(newest.text == JaegerFixtures.summary)
            let orders = try await send("GET", port: query, "/api/v3/trace-summaries?query.serviceName=orders")
            #expect(orders.text == JaegerFixtures.summary)
            let bad = try await send("GET", port: query, "/api/v3/trace-summaries?query.searchDepth=many")
            #expect(bad.status == 400)
        }
    }

    @Test("The root page says what this is; other paths and methods are refused")
    func routes() async throws {
        try await withBackend { _, _, query in
            let root = try await send("GET", port: query, "/")
            #expect(root.text.contains("stand-in for Jaeger"))
            let nothing = try await send("GET", port: query, "/api/v3/nothing")
            #expect(nothing.status == 404)
            let post = try await send("POST", port: query, "/api/v3/services", body: [])
            #expect(post.status == 405)
        }
    }
}
