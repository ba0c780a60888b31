internal import Logging
internal import SwiftProtobuf
internal import Testing
internal import TraceBackend

extension Result where Failure == any Error {
    fileprivate init(catching body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

@Suite("OTLP receiver")
struct OTLPReceiverTests {
    private let protobuf = ["Content-Type": "application/x-protobuf"]

    @Test("A request made by protoc is decoded field by field")
    func golden() async throws {
        try await withBackend { store, otlp, _ in
            let answer = try await send("POST", port: otlp, "/v1/traces", headers: protobuf, body: OTLPRequests.golden)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/x-protobuf")
            #expect(answer.body.isEmpty, "nothing was rejected, so partial_success is unset")
            try checkGolden(store.trace("4bf92f3577b34da6a3ce929d0e0e4736"))
        }
    }

    @Test("A gzip body is decompressed")
    func gzip() async throws {
        try await withBackend { store, otlp, _ in
            let headers = protobuf.merging(["Content-Encoding": "gzip"]) { $1 }
            let answer = try await send("POST", port: otlp, "/v1/traces", headers: headers, body: Gzip.golden)
            #expect(answer.status == 200)
            try checkGolden(store.trace("4bf92f3577b34da6a3ce929d0e0e4736"))
        }
    }

    private func checkGolden(_ trace: Trace?) throws {
        let span = try #require(trace?.spans.first)
        #expect(trace?.spans.count == 1)
        #expect(span.spanID == "00f067aa0ba902b7")
        #expect(span.parentSpanID == "1234567890123456")
        #expect(span.name == "o.S/Get")
        #expect(span.kind == .server)
        #expect(span.service == "orders")
        #expect(span.scope == "grpc")
        #expect(span.startNanoseconds == 1_700_000_000_000_000_000)
        #expect(span.durationNanoseconds == 5_000_000)
        #expect(span.attributes == ["rpc.system.name": "grpc", "server.port": 50051, "b": false, "e": ""])
        #expect(span.resource == ["service.name": "orders"])
        #expect(span.events == [.init(name: "retry", timeNanoseconds: 1_700_000_000_001_000_000)])
        #expect(span.status == .init(.error, message: "boom"))
        #expect(span.flags == 0x303)
    }

    @Test("Spans with invalid ids are counted in partial_success, the others are kept")
    func partialSuccess() async throws {
        try await withBackend { store, otlp, _ in
            let spans = [
                OTLPRequests.span(trace: 1, span: 1), OTLPRequests.span(trace: 0, span: 1),
                OTLPRequests.span(trace: 1, span: 0),
            ]
            let body: [UInt8] = try OTLPRequests.request(spans).serializedBytes()
            let answer = try await send("POST", port: otlp, "/v1/traces", headers: protobuf, body: body)
            #expect(answer.status == 200)
            let response = try OTLPExportTraceServiceResponse(serializedBytes: answer.body)
            #expect(response.partialSuccess.rejectedSpans == 2)
            #expect(response.partialSuccess.errorMessage == "spans rejected: 2 with an invalid trace id or span id")
            #expect(store.statistics.spans == 1)
        }
    }

    @Test(
        "A content type other than protobuf is refused with 415 and a google.rpc.Status",
        arguments: [
            "application/json", "", "text/plain; charset=utf-8",
        ]
    )
    func contentType(_ type: String) async throws {
        try await withBackend { store, otlp, _ in
            let answer = try await send(
                "POST",
                port: otlp,
                "/v1/traces",
                headers: ["Content-Type": type],
                body: OTLPRequests.golden
            )
            #expect(answer.status == 415)
            #expect(answer.headers["content-type"] == "application/x-protobuf")
            // Field 1 is the code INVALID_ARGUMENT, field 2 the message.
            #expect(answer.body.prefix(3) == [0x08, 3, 0x12])
            #expect(answer.text.contains("send application/x-protobuf"))
            #expect(store.statistics.acceptedSpans == 0)
        }
    }

    @Test("Parameters of the content type do not matter")
    func contentTypeParameters() async throws {
        try await withBackend { _, otlp, _ in
            let headers = ["Content-Type": "Application/X-Protobuf; proto=x"]
            let answer = try await send("POST", port: otlp, "/v1/traces", headers: headers, body: OTLPRequests.golden)
            #expect(answer.status == 200)
        }
    }

    @Test("An unknown content encoding is refused with 415")
    func contentEncoding() async throws {
        try await withBackend { _, otlp, _ in
            let headers = protobuf.merging(["Content-Encoding": "br"]) { $1 }
            let answer = try await send("POST", port: otlp, "/v1/traces", headers: headers, body: OTLPRequests.golden)
            #expect(answer.status == 415)
            #expect(answer.text.contains("the content encoding is br; send gzip or none"))
        }
    }

    @Test(
        "Bytes that are no request are refused with 400",
        arguments: [
            (encoding: "identity", body: Array("no protobuf".utf8)),
            (encoding: "gzip", body: Array("no gzip".utf8)),
            (encoding: "gzip", body: Array(Gzip.golden.dropLast(20))),
            (encoding: "gzip", body: []),
        ]
    )
    func undecodable(_ encoding: String, _ body: [UInt8]) async throws {
        try await withBackend { _, otlp, _ in
            let headers = protobuf.merging(["Content-Encoding": encoding]) { $1 }
            let answer = try await send("POST", port: otlp, "/v1/traces", headers: headers, body: body)
            #expect(answer.status == 400)
        }
    }

    @Test("A body over the limit is refused with 413, and the connection still works")
    func tooLarge() async throws {
        try await withBackend(bodyLimit: 100_000) { _, otlp, _ in
            let large = [UInt8](repeating: 0, count: 100_001)
            let refused = try await send("POST", port: otlp, "/v1/traces", headers: protobuf, body: large)
            #expect(refused.status == 413)
            #expect(refused.text.contains("larger than 100000 bytes"))
            let taken = try await send("POST", port: otlp, "/v1/traces", headers: protobuf, body: OTLPRequests.golden)
            #expect(taken.status == 200)
        }
    }

    @Test("A small body that unpacks to more than the limit is refused with 413")
    func bomb() async throws {
        let bomb = Gzip.bomb(bytes: 64 << 20)
        #expect(bomb.count < 1 << 20, "the body itself is far below the limit")
        try await withBackend { _, otlp, _ in
            let headers = protobuf.merging(["Content-Encoding": "gzip"]) { $1 }
            let answer = try await send("POST", port: otlp, "/v1/traces", headers: headers, body: bomb)
            #expect(answer.status == 413)
        }
    }

    @Test("Other methods are refused with 405, other paths with 404")
    func routes() async throws {
        try await withBackend { _, otlp, _ in
            let get = try await send("GET", port: otlp, "/v1/traces")
            #expect(get.status == 405)
            #expect(get.headers["allow"] == "POST")
            let put = try await send("PUT", port: otlp, "/v1/traces", headers: protobuf, body: OTLPRequests.golden)
            #expect(put.status == 405)
            let metrics = try await send("POST", port: otlp, "/v1/metrics", headers: protobuf, body: [])
            #expect(metrics.status == 404)
        }
    }

    @Test("Nobody waits for ever: a cancelled wait for the port ends")
    func cancelledWait() async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let receiver = OTLPReceiver(store: TraceStore(), port: 0, logger: logger)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: CancellationError.self) { _ = try await receiver.port }
            }
            group.cancelAll()
        }
    }

    @Test("A receiver whose port is taken says so to everybody who waits for its port")
    func portTaken() async throws {
        try await withBackend { store, otlp, _ in
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let second = OTLPReceiver(store: store, port: otlp, logger: logger)
            async let port = Result(catching: { try await second.port })
            await #expect(throws: (any Error).self) { try await second.run() }
            let answer = await port
            #expect(throws: TraceBackendError.self) { try answer.get() }
        }
    }
}
