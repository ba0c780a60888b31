import ContrailInstrumentation
import GRPCCore
import Logging
import Observability
import Synchronization
import TestKit
import Testing

@Suite("Trace context of gRPC callers")
struct CallerTrustTests {
    /// What the handler of a call saw.
    private struct Seen: Sendable {
        let context: SpanContext?
        let tenant: String?
    }

    /// A server with a policy, and a client that samples everything and sends baggage.
    private final class Boundary: Sendable {
        let clientSpans = InMemorySpanProcessor()
        let serverSpans = InMemorySpanProcessor()
        let metrics = MetricsRegistry()
        private let seen = Mutex<[Seen]>([])
        private let policy: RemoteParentPolicy
        private let sampler: Sampler

        init(_ policy: RemoteParentPolicy, sampler: Sampler) {
            self.policy = policy
            self.sampler = sampler
        }

        /// Calls the server one after the other, each time in a trace of its own.
        func call(times count: Int) async throws -> [Seen] {
            let callers = telemetry(TracerProvider(testing: clientSpans, seed: 1), MetricsRegistry())
            let own = telemetry(TracerProvider(testing: serverSpans, sampler: sampler, seed: 2), metrics)
            let server = TracedGRPCServer(
                address: NetworkAddress(host: "127.0.0.1", port: 0),
                services: [
                    EchoService(onCall: { [self] in
                        let current = ActiveContext.current
                        seen.withLock {
                            $0.append(Seen(context: current.spanContext, tenant: current.baggage["tenant"]))
                        }
                    })
                ],
                telemetry: own,
                callers: policy
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                let address = try await server.listeningAddress()
                let client = try TracedGRPCClient(target: address, timeout: .seconds(20), telemetry: callers)
                group.addTask { try await client.run() }
                var baggage = Baggage()
                baggage.set("tenant", to: "evil")
                for _ in 0..<count {
                    try await ActiveContext(baggage: baggage).run { try await Self.echo(client) }
                }
                client.beginGracefulShutdown()
                server.beginGracefulShutdown()
                try await group.waitForAll()
            }
            return seen.withLock { $0 }
        }

        /// The span of the call that a handler saw.
        func span(_ seen: Seen) -> FinishedSpan? {
            serverSpans.spans.first { $0.context.spanID == seen.context?.spanID }
        }

        func counted(_ outcome: String) -> Int? {
            let text = String(decoding: PrometheusText.render(metrics), as: UTF8.self)
            let series = "contrail_caller_sampling_total{outcome=\"\(outcome)\"} "
            return text.split(separator: "\n").first { $0.hasPrefix(series) }
                .flatMap { Int($0.dropFirst(series.count)) }
        }

        private func telemetry(_ provider: TracerProvider, _ metrics: MetricsRegistry) -> Telemetry {
            Telemetry(
                provider: provider,
                metrics: metrics,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
        }

        private static func echo(_ client: TracedGRPCClient) async throws {
            try await client.client.bidirectionalStreaming(
                request: StreamingClientRequest { writer in try await writer.write("a") },
                descriptor: EchoService.unary,
                serializer: StringCoder(),
                deserializer: StringCoder(),
                options: .defaults
            ) { response in
                for try await _ in response.messages {}
            }
        }
    }

    @Test("are continued as they come when they are trusted, with sampling and baggage")
    func trust() async throws {
        let boundary = Boundary(RemoteParentPolicy(.trust), sampler: .parentBased(root: .alwaysOff))
        let seen = try await boundary.call(times: 3)
        #expect(seen.map(\.tenant) == ["evil", "evil", "evil"])
        for (seen, client) in zip(seen, boundary.clientSpans.spans) {
            let server = try #require(boundary.span(seen))
            #expect(server.context.traceID == client.context.traceID)
            #expect(server.parentSpanID == client.context.spanID)
            #expect(server.links.isEmpty)
        }
        #expect(boundary.counted("forced") == 0)
    }

    @Test("are continued without baggage, and force sampling only as often as the cap says")
    func capped() async throws {
        let policy = RemoteParentPolicy(.continue, forcedPerSecond: 2)
        let boundary = Boundary(policy, sampler: .parentBased(root: .traceIDRatio(0.01)))
        let start = ContinuousClock.now
        let seen = try await boundary.call(times: 40)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        #expect(seen.count == 40)
        #expect(seen.allSatisfy { $0.tenant == nil })
        // The trace goes on, sampled or not.
        #expect(seen.map(\.context?.traceID) == boundary.clientSpans.spans.map(\.context.traceID))
        let sampled = seen.filter { $0.context?.isSampled == true }
        #expect(sampled.count >= 2)
        #expect(Double(sampled.count) <= 2 + 2 * seconds + 1)
        #expect(boundary.serverSpans.spans.count == sampled.count)
        #expect(boundary.serverSpans.spans.allSatisfy { $0.parentSpanID != nil && $0.links.isEmpty })
        #expect(boundary.counted("forced") == sampled.count)
        #expect(boundary.counted("refused") == 40 - sampled.count)
    }

    @Test("end at the boundary when the trace is restarted: a link is left, baggage and sampling are not")
    func restart() async throws {
        let boundary = Boundary(RemoteParentPolicy(.restart), sampler: .parentBased(root: .alwaysOn))
        let seen = try await boundary.call(times: 3)
        #expect(seen.map(\.tenant) == [nil, nil, nil])
        #expect(seen.count == 3)
        for (seen, client) in zip(seen, boundary.clientSpans.spans) {
            let server = try #require(boundary.span(seen))
            #expect(server.context.traceID != client.context.traceID)
            #expect(server.parentSpanID == nil)
            #expect(server.links.map(\.context.traceID) == [client.context.traceID])
            #expect(server.links.map(\.context.spanID) == [client.context.spanID])
        }
        #expect(boundary.counted("forced") == 0 && boundary.counted("refused") == 0)
        // Callers cannot make the server record what its own sampler drops.
        let silent = Boundary(RemoteParentPolicy(.restart), sampler: .parentBased(root: .alwaysOff))
        #expect(try await silent.call(times: 3).allSatisfy { $0.context?.isSampled == false })
        #expect(silent.serverSpans.spans.isEmpty)
    }
}
