import ContrailInstrumentation
import GRPCCore
import Logging
import Observability
import Synchronization
import TestKit
import Testing
import Tracing

@Suite("Spans of gRPC calls")
struct RPCTracingTests {
    private let spans = InMemorySpanProcessor()
    private let telemetry: Telemetry

    init() {
        telemetry = Telemetry(
            provider: TracerProvider(testing: spans),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// A server and a client that record into one processor.
    private struct Peer: Sendable {
        let client: TracedGRPCClient
        let spans: InMemorySpanProcessor
        let metrics: MetricsRegistry

        func call(
            _ method: MethodDescriptor,
            _ messages: [String],
            timeout: Duration? = nil
        ) async throws -> [String] {
            var options = CallOptions.defaults
            options.timeout = timeout
            return try await client.client.bidirectionalStreaming(
                request: StreamingClientRequest(metadata: ["traceparent": "stale"]) { writer in
                    for message in messages { try await writer.write(message) }
                },
                descriptor: method,
                serializer: StringCoder(),
                deserializer: StringCoder(),
                options: options
            ) { response in
                try await response.messages.reduce(into: []) { $0.append($1) }
            }
        }

        /// Waits until both sides of a call have ended, and returns them.
        func sides(_ method: MethodDescriptor) async throws -> (client: FinishedSpan, server: FinishedSpan) {
            let name = method.fullyQualifiedMethod
            _ = await eventually { spans.spans(named: name).count >= 2 }
            let both = spans.spans(named: name)
            #expect(both.count == 2)
            return (
                try #require(both.first { $0.kind == .client }), try #require(both.first { $0.kind == .server })
            )
        }
    }

    private func withPeer(
        onCall: @escaping @Sendable () async throws -> Void = {},
        onAnswer: @escaping @Sendable () async throws -> Void = {},
        beforeConnecting: @Sendable (Peer) async throws -> Void = { _ in },
        _ body: @Sendable (Peer) async throws -> Void
    ) async throws {
        let server = TracedGRPCServer(
            address: NetworkAddress(host: "127.0.0.1", port: 0),
            services: [EchoService(onCall: onCall, onAnswer: onAnswer)],
            telemetry: telemetry
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let address = try await server.listeningAddress()
            let client = try TracedGRPCClient(target: address, timeout: .seconds(20), telemetry: telemetry)
            let peer = Peer(client: client, spans: spans, metrics: telemetry.metrics)
            async let work: Void = body(peer)
            try await beforeConnecting(peer)
            group.addTask { try await client.run() }
            try await work
            client.beginGracefulShutdown()
            server.beginGracefulShutdown()
            try await group.waitForAll()
        }
    }

    @Test("A call has a CLIENT span and below it a SERVER span of one trace", arguments: [1, 3, 100])
    func bothSides(count: Int) async throws {
        try await withPeer { peer in
            let messages = (0..<count).map(String.init)
            #expect(try await peer.call(EchoService.stream, messages) == messages)
            let (client, server) = try await peer.sides(EchoService.stream)
            #expect(client.parentSpanID == nil)
            #expect(server.parentSpanID == client.context.spanID)
            #expect(server.parentIsRemote)
            #expect(server.context.traceID == client.context.traceID)
            #expect(client.attributes["rpc.response.status_code"] == "OK")
            #expect(server.attributes["rpc.response.status_code"] == "OK")
            #expect(client.status == .unset && server.status == .unset)
            #expect(client.endTime >= server.startTime)
        }
    }

    @Test("What a handler does, also while it streams, is below the SERVER span")
    func handlerIsInside() async throws {
        let seen = InMemorySpanProcessor()
        let inner = TracerProvider(testing: seen, seed: 7).tracer("inner")
        try await withPeer(
            onCall: { await inner.withSpan("in the handler") { _ in } },
            onAnswer: { await inner.withSpan("in the answer") { _ in } }
        ) { peer in
            _ = try await peer.call(EchoService.unary, ["a"])
            let (_, server) = try await peer.sides(EchoService.unary)
            #expect(seen.spans.map(\.name) == ["in the handler", "in the answer"])
            for inside in seen.spans {
                #expect(inside.parentSpanID == server.context.spanID, "\(inside.name)")
                #expect(inside.context.traceID == server.context.traceID)
            }
        }
    }

    @Test("A stream that fails half-way is an error on both sides, with its status")
    func failingStream() async throws {
        try await withPeer { peer in
            await #expect(throws: RPCError.self) { _ = try await peer.call(EchoService.stream, ["a", "fail", "b"]) }
            let (client, server) = try await peer.sides(EchoService.stream)
            for span in [client, server] {
                #expect(span.attributes["rpc.response.status_code"] == "DATA_LOSS")
                #expect(span.attributes["error.type"] == "DATA_LOSS")
                #expect(span.status == .error("asked to fail"))
            }
        }
    }

    @Test("A call that gets no connection has a span and is counted like one that was answered")
    func nobodyListens() async throws {
        let target = NetworkAddress(host: "127.0.0.1", port: 1)
        let client = try TracedGRPCClient(target: target, timeout: .seconds(20), telemetry: telemetry)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            let peer = Peer(client: client, spans: spans, metrics: telemetry.metrics)
            let error = await #expect(throws: RPCError.self) { _ = try await peer.call(EchoService.unary, ["a"]) }
            #expect(error?.code == .unavailable)
            client.beginGracefulShutdown()
            try await group.waitForAll()
        }
        let span = try #require(spans.spans.first)
        #expect(spans.spans.count == 1)
        #expect(span.name == EchoService.unary.fullyQualifiedMethod && span.kind == .client)
        #expect(span.attributes["rpc.response.status_code"] == "UNAVAILABLE")
        #expect(span.attributes["error.type"] == "UNAVAILABLE")
        #expect(span.attributes["server.port"] == .int(target.port))
        #expect(span.startTime <= span.endTime)
        let text = String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self)
        let series = text.split(separator: "\n").filter { $0.hasPrefix("rpc_client_call_duration_seconds_count") }
        #expect(series.count == 1)
        #expect(series.allSatisfy { $0.contains(#"error_type="UNAVAILABLE""#) && $0.hasSuffix(" 1") }, "\(series)")
    }

    @Test("The wait for a connection is part of the call's span and of its duration")
    func waitsForConnection() async throws {
        try await withPeer(beforeConnecting: { peer in
            // While another call waits in vain.
            await #expect(throws: RPCError.self) {
                _ = try await peer.call(EchoService.stream, ["a"], timeout: .milliseconds(200))
            }
        }) { peer in
            #expect(try await peer.call(EchoService.unary, ["a"]) == ["a"])
            let (span, _) = try await peer.sides(EchoService.unary)
            // The call began within the first half of the other's time, or this machine is very busy.
            #expect(span.endTime - span.startTime >= 100_000_000)
            let text = String(decoding: PrometheusText.render(peer.metrics), as: UTF8.self)
            let sum = text.split(separator: "\n").first {
                $0.hasPrefix("rpc_client_call_duration_seconds_sum") && $0.contains("Unary")
            }
            #expect(try #require(sum?.split(separator: " ").last.flatMap { Double($0) }) >= 0.1)
        }
    }

    @Test("A call whose time is up before there is a connection has a span that says so")
    func noConnectionInTime() async throws {
        // Nobody makes it connect.
        let client = try TracedGRPCClient(
            target: NetworkAddress(host: "127.0.0.1", port: 1),
            timeout: .seconds(20),
            telemetry: telemetry
        )
        let peer = Peer(client: client, spans: spans, metrics: telemetry.metrics)
        await #expect(throws: RPCError.self) {
            _ = try await peer.call(EchoService.unary, ["a"], timeout: .milliseconds(100))
        }
        #expect(await eventually { spans.spans.count == 1 })
        #expect(spans.spans.first?.attributes["rpc.response.status_code"] == "DEADLINE_EXCEEDED")
    }

    @Test("A refusal is the caller's error, not the server's")
    func refusal() async throws {
        try await withPeer { peer in
            await #expect(throws: RPCError.self) { _ = try await peer.call(EchoService.unary, ["missing"]) }
            let (client, server) = try await peer.sides(EchoService.unary)
            #expect(client.status == .error("asked for nothing"))
            #expect(client.attributes["error.type"] == "NOT_FOUND")
            #expect(server.status == .unset)
            #expect(server.attributes["error.type"] == nil)
            #expect(server.attributes["rpc.response.status_code"] == "NOT_FOUND")
        }
    }

    @Test("A handler that throws is UNKNOWN, and its text stays inside")
    func throwingHandler() async throws {
        struct Secret: Error {}
        try await withPeer(onCall: { throw Secret() }) { peer in
            await #expect(throws: RPCError.self) { _ = try await peer.call(EchoService.unary, ["a"]) }
            let (_, server) = try await peer.sides(EchoService.unary)
            #expect(server.attributes["rpc.response.status_code"] == "UNKNOWN")
            #expect(server.status == .error(""))
        }
    }

    @Test("A call that is cancelled ends its spans too")
    func cancelled() async throws {
        let isRunning = Flag()
        let handler: @Sendable () async throws -> Void = {
            isRunning.set()
            try await Task.sleep(for: .seconds(2))
        }
        try await withPeer(onCall: handler) { peer in
            let call = Task { try await peer.call(EchoService.unary, ["a"]) }
            #expect(await eventually { isRunning.isSet })
            call.cancel()
            await #expect(throws: (any Error).self) { _ = try await call.value }
            #expect(await eventually { peer.spans.spans.contains { $0.kind == .client } })
        }
    }

    @Test("A server says DEADLINE_EXCEEDED of a call whose time is up, and the client what it was told")
    func deadline() async throws {
        let handler: @Sendable () async throws -> Void = {
            try await withRPCCancellationHandler {
                try await Task.sleep(for: .milliseconds(300))
            } onCancelRPC: {
            }
            throw CancellationError()
        }
        try await withPeer(onCall: handler) { peer in
            var told: RPCError?
            do {
                _ = try await peer.call(EchoService.unary, ["a"], timeout: .milliseconds(100))
            } catch {
                told = error as? RPCError
            }
            let (client, server) = try await peer.sides(EchoService.unary)
            #expect(server.attributes["rpc.response.status_code"] == "DEADLINE_EXCEEDED")
            #expect(server.attributes["error.type"] == "DEADLINE_EXCEEDED")
            // The client's side says what its caller was told, which is the server's answer if that was quicker.
            #expect(client.attributes["rpc.response.status_code"] == told.map { .string($0.code.statusName) })
        }
    }

    @Test("Health checks are measured but make no SERVER spans")
    func health() async throws {
        try await withPeer { peer in
            _ = try await peer.call(EchoService.health, ["a"])
            _ = try await peer.call(EchoService.unary, ["a"])
            _ = try await peer.sides(EchoService.unary)
            #expect(!peer.spans.spans.contains { $0.kind == .server && $0.name.contains("grpc.health") })
            let text = String(decoding: PrometheusText.render(peer.metrics), as: UTF8.self)
            #expect(
                text.contains(
                    "rpc_server_call_duration_seconds_count{rpc_system_name=\"grpc\",rpc_method=\"grpc.health"
                )
            )
        }
    }

    @Test("Every call that starts a span ends it: 500 calls of all outcomes")
    func noLeaks() async throws {
        try await withPeer { peer in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let message = ["ok", "fail", "missing"][number % 3]
                        let call = Task { try await peer.call(EchoService.stream, [message]) }
                        if number % 5 == 0 { call.cancel() }
                        _ = try? await call.value
                    }
                }
            }
            // A call that is cancelled before it begins has no span; whatever reached the server has ended on both sides.
            #expect(
                await eventually {
                    let clients = Set(peer.spans.spans.filter { $0.kind == .client }.map(\.context.spanID))
                    let servers = peer.spans.spans.filter { $0.kind == .server }
                    return clients.count >= 400
                        && servers.allSatisfy { $0.parentSpanID.map(clients.contains) ?? false }
                }
            )
            #expect(Set(peer.spans.spans.map(\.context.spanID)).count == peer.spans.spans.count)
        }
    }
}

/// Something that has happened or not.
private final class Flag: Sendable {
    private let state = Mutex(false)

    var isSet: Bool { state.withLock { $0 } }

    func set() {
        state.withLock { $0 = true }
    }
}
