import ContrailInstrumentation
import GRPCCore
import Logging
import Observability
import Synchronization
import TestKit
import Testing
import Tracing

@Suite("No span is started and never ended")
struct SpanLeakTests {
    @Test("10,000 calls: unary and streaming, refused, failed, thrown, cancelled and out of time")
    func calls() async throws {
        let count = 10_000
        let ended = EndCounter()
        let provider = TracerProvider(
            resource: Resource(serviceName: "test", serviceVersion: "0", instanceID: "1"),
            processor: ended
        )
        let telemetry = Telemetry(
            provider: provider,
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let inner = telemetry.tracer("inner")
        let server = TracedGRPCServer(
            address: NetworkAddress(host: "127.0.0.1", port: 0),
            services: [
                EchoService {
                    try await inner.withSpan("inside") { _ in
                        if Int.random(in: 0..<8) == 0 { throw Thrown() }
                    }
                }
            ],
            telemetry: telemetry
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let address = try await server.listeningAddress()
            let client = try TracedGRPCClient(target: address, timeout: .seconds(20), telemetry: telemetry)
            group.addTask { try await client.run() }
            await withTaskGroup(of: Void.self) { calls in
                for worker in 0..<16 {
                    calls.addTask {
                        for number in stride(from: worker, to: count, by: 16) {
                            if await call(number, on: client) { ended.succeeded() }
                        }
                    }
                }
            }
            client.beginGracefulShutdown()
            server.beginGracefulShutdown()
            try await group.waitForAll()
        }
        // Both sides are gone, so every span has to have ended by now, or never will.
        #expect(await eventually(within: .seconds(10)) { provider.statistics.live(.recordAndSample) == 0 })
        let statistics = provider.statistics
        #expect(statistics.live(.recordAndSample) == 0)
        #expect(statistics.abandoned[.recordAndSample] ?? 0 == 0)
        #expect(statistics.started(.recordAndSample) == ended.all)
        let names = ended.counts
        // A call that is cancelled before it begins has no span. That everything else happened shows in the outcomes.
        #expect((names["client"] ?? 0) > count - count / 11)
        #expect((names["server"] ?? 0) > count / 2)
        #expect((names["internal"] ?? 0) > count / 4)
        for status in ["OK", "DATA_LOSS", "NOT_FOUND", "UNKNOWN", "CANCELLED", "DEADLINE_EXCEEDED"] {
            #expect((names[status] ?? 0) > 50, "\(names)")
        }
        let succeeded = names["succeeded"] ?? 0
        #expect(succeeded > count / 8 && succeeded < count)
    }

    private struct Thrown: Error {}

    /// Makes one call of one of eight sorts.
    private func call(_ number: Int, on client: TracedGRPCClient) async -> Bool {
        let isStream = number % 2 == 0
        let message = ["ok", "fail", "missing", "ok"][number / 2 % 4]
        var options = CallOptions.defaults
        if number % 7 == 0 { options.timeout = .microseconds(200) }
        let task = Task { [options] in
            try await client.client.bidirectionalStreaming(
                request: StreamingClientRequest { writer in
                    for _ in 0..<(isStream ? 3 : 1) { try await writer.write(message) }
                },
                descriptor: isStream ? EchoService.stream : EchoService.unary,
                serializer: StringCoder(),
                deserializer: StringCoder(),
                options: options
            ) { response in
                // A client that does not read to the end has a span too.
                if number % 5 == 0 { return }
                for try await _ in response.messages {}
            }
        }
        if number % 11 == 0 {
            await Task.yield()
            task.cancel()
        }
        return (try? await task.value) != nil
    }
}

/// Counts the spans that end, by kind and by status, without keeping them.
private final class EndCounter: SpanProcessor {
    private let state = Mutex<[String: Int]>([:])

    var counts: [String: Int] { state.withLock { $0 } }

    /// All spans that have ended.
    var all: Int {
        state.withLock { counts in ["client", "server", "internal"].reduce(0) { $0 + (counts[$1] ?? 0) } }
    }

    func succeeded() {
        state.withLock { $0["succeeded", default: 0] += 1 }
    }

    func onEnd(_ ended: EndedSpan) {
        let span = ended.finished
        state.withLock { counts in
            counts["\(span.kind)", default: 0] += 1
            if case .string(let status)? = span.attributes[SemanticConventions.rpcStatusCode] {
                counts[status, default: 0] += 1
            }
        }
    }

    func forceFlush(timeout: Duration) async -> Bool { true }

    func shutdown(timeout: Duration) async -> Bool { true }
}
