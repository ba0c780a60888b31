import Foundation
import GRPCCore
import Logging
import Observability
import Resilience
import Synchronization
import TestKit
import Testing
import Tracing

@testable import ContrailInstrumentation

/// Timings: one after the other, and not beside tests that need all cores.
@Suite("Deadlines of calls", .serialized)
struct CallDeadlineTests {
    private static let timeout = Duration.milliseconds(400)
    /// Exact in the long form, on a machine that does nothing else.
    private static let limit = timeout + (isLong ? .milliseconds(50) : .milliseconds(600))
    private static let count = isLong ? 1500 : 20
    /// The long form is about deadlines, not about how much two cores can do at once: calls come as fast as they can be
    /// made by a debug build with time to spare.
    private static let interval = Duration.milliseconds(isLong ? 20 : 1)

    private static func configuration(attempts: Int) -> ResilienceConfiguration {
        ResilienceConfiguration(
            callTimeout: timeout,
            attemptTimeout: attempts > 1 ? timeout / 3 : nil,
            retry: RetryPolicy(maximumAttempts: attempts),
            circuitBreaker: nil,
            bulkhead: Bulkhead.Configuration(maximumConcurrent: 1000)
        )
    }

    /// Makes calls that must fail, each in its time.
    private func allEnd(
        _ bench: GuardedBench,
        message: String = "a",
        _ method: MethodDescriptor = EchoService.unary
    ) async {
        let times = await withTaskGroup(of: Duration.self) { group in
            for number in 0..<Self.count {
                group.addTask {
                    try? await Task.sleep(for: Self.interval * number)
                    let start = ContinuousClock.now
                    await #expect(throws: RPCError.self) {
                        _ = try await bench.call(message, method, isIdempotent: true)
                    }
                    return start.duration(to: .now)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted()
        }
        // All of the short form, and the 99.9th percentile of the long one, which is 10,500 calls in all.
        #expect(
            times[isLong ? times.count * 999 / 1000 - 1 : times.count - 1] <= Self.limit,
            "the longest took \(times[times.count - 1])"
        )
        #expect(times[0] > .zero)
    }

    @Test("A peer that accepts connections and says nothing", arguments: [1, 3])
    func silentFromTheStart(attempts: Int) async throws {
        try await GuardedBench.run(Self.configuration(attempts: attempts)) { bench async throws in
            bench.proxy.mode = .blackHole
            await allEnd(bench)
            #expect(bench.service.metadata.isEmpty)
        }
    }

    @Test("A peer that falls silent, and comes back", arguments: [1, 3])
    func blackHole(attempts: Int) async throws {
        try await GuardedBench.run(Self.configuration(attempts: attempts)) { bench async throws in
            #expect(try await bench.call() == ["a"])
            bench.proxy.mode = .blackHole
            await allEnd(bench)
            #expect(bench.service.metadata.count == 1)
            #expect(bench.metrics(#"deadline_exceeded_total{stage="attempt"}"#).first?.hasSuffix(" 0") == false)
            bench.proxy.mode = .pass
            let isBack = await eventually { (try? await bench.call()) == ["a"] }
            #expect(isBack)
        }
    }

    @Test("An answer whose end does not come")
    func slowBody() async throws {
        let script: ScriptedService.Script = { _, _ in
            try? await Task.sleep(for: .milliseconds(10))
            // Deaf to its own time-out.
            let until = ContinuousClock.now + .seconds(1)
            while ContinuousClock.now < until { await Self.nap() }
        }
        try await GuardedBench.run(Self.configuration(attempts: 1), script: script) { bench async throws in
            await allEnd(bench, EchoService.stream)
        }
    }

    @Test("An answer that trickles in")
    func trickle() async throws {
        try await GuardedBench.run(Self.configuration(attempts: 1)) { bench async throws in
            #expect(try await bench.call() == ["a"])
            bench.proxy.mode = .trickle(100)
            await allEnd(bench, message: String(repeating: "long ", count: 20_000))
        }
    }

    @Test("A push-back of a minute")
    func pushback() async throws {
        let script: ScriptedService.Script = { _, _ in
            throw RPCError(code: .unavailable, message: "", metadata: ["grpc-retry-pushback-ms": "60000"])
        }
        try await GuardedBench.run(Self.configuration(attempts: 3), script: script) { bench async throws in
            await allEnd(bench)
        }
    }

    @Test("A server answers DEADLINE_EXCEEDED before its caller gives up, and stops working")
    func serverIsFirst() async throws {
        let stopped = Mutex(0)
        let script: ScriptedService.Script = { _, _ in
            defer { stopped.withLock { $0 += 1 } }
            try await Task.sleep(for: .seconds(20))
        }
        try await GuardedBench.run(.plain(.milliseconds(500)), script: script) { bench async throws in
            let start = ContinuousClock.now
            let error = try #require(await bench.failure(in: "origin") as? RPCError)
            #expect(start.duration(to: .now) < .seconds(2))
            #expect(error.code == .deadlineExceeded && (error as any Error).failureReason == "deadline_exceeded")
            let cause = (error.cause as? DeadlineExceeded)?.cause as? RPCError
            #expect(cause?.message == "the call was not done in its time")
            #expect(stopped.withLock { $0 } == 1)
            #expect(bench.metrics(#"deadline_exceeded_total{stage="handler"} 1"#).count == 1)
            #expect(bench.metrics(#"deadline_exceeded_total{stage="attempt"} 1"#).count == 1)
            #expect(
                await eventually {
                    bench.spans.spans.contains {
                        $0.kind == .server && $0.attributes["error.type"] == "DEADLINE_EXCEEDED"
                    }
                }
            )
        }
    }

    @Test("A caller's deadline reaches the handler, a little earlier, and what has none left is not begun")
    func propagation() async throws {
        let seen = Mutex<Duration?>(nil)
        let script: ScriptedService.Script = { _, _ in
            seen.withLock { $0 = Deadline.current?.remaining() }
        }
        try await GuardedBench.run(.plain(.seconds(20)), script: script) { bench async throws in
            try await Deadline.run(within: .seconds(2)) { _ = try await bench.call() }
            let remaining = try #require(seen.withLock { $0 })
            #expect(remaining < .milliseconds(1801) && remaining > .milliseconds(500))
            let expired = Deadline.after(.milliseconds(-1))
            let error = await Deadline.$current.withValue(expired) { await bench.failure(in: "expired") }
            #expect((error as? RPCError)?.code == .deadlineExceeded)
            #expect(bench.service.metadata.count == 1)
            #expect(bench.metrics(#"deadline_exceeded_total{stage="admission"} 1"#).count == 1)
        }
    }

    @Test("A server refuses a call that has no time, ends one that is late, and limits what others call")
    func admission() async throws {
        let registry = MetricsRegistry()
        let telemetry = Telemetry(
            provider: TracerProvider(testing: InMemorySpanProcessor()),
            metrics: registry,
            logger: .init(label: "test") { _ in LogRecorder() }
        )
        let interceptor = ServerDeadline(fallback: .milliseconds(50), telemetry: telemetry)
        let context = ServerContext(
            descriptor: EchoService.unary,
            remotePeer: "in-process:1",
            localPeer: "in-process:2",
            cancellation: .init()
        )
        func serve(_ metadata: Metadata, _ body: @escaping @Sendable () async throws -> Void) async throws {
            let request = StreamingServerRequest(
                metadata: metadata,
                messages: RPCAsyncSequence<String, any Error>(wrapping: AsyncThrowingStream { $0.finish() })
            )
            _ = try await interceptor.intercept(request: request, context: context) { _, _ in
                try await body()
                return StreamingServerResponse<String> { _ in [:] }
            }
        }
        let began = Mutex(false)
        let refused = await #expect(throws: RPCError.self) {
            try await serve(["grpc-timeout": "0m"]) { began.withLock { $0 = true } }
        }
        #expect(refused?.code == .deadlineExceeded && !began.withLock { $0 })
        let late = await #expect(throws: RPCError.self) {
            try await serve(["grpc-timeout": "50m"]) { try await Task.sleep(for: .seconds(20)) }
        }
        #expect(late?.code == .deadlineExceeded)
        // Who says nothing is not ended by a timer, but what the handler calls has an end.
        let remaining = Mutex<Duration?>(nil)
        try await serve([:]) { remaining.withLock { $0 = Deadline.current?.remaining() } }
        let given = try #require(remaining.withLock { $0 })
        #expect(given <= .milliseconds(50))
        let text = String(decoding: PrometheusText.render(registry), as: UTF8.self)
        #expect(text.contains(#"deadline_exceeded_total{stage="admission"} 1"#))
        #expect(text.contains(#"deadline_exceeded_total{stage="handler"} 1"#))
    }

    @Test(
        "How much of a caller's time a server takes",
        arguments: [(10, 5), (40, 35), (200, 180), (1000, 900), (60_000, 59_500)]
    )
    func margin(timeout: Int, time: Int) {
        #expect(ServerDeadline.time(of: .milliseconds(timeout)) == .milliseconds(time))
    }

    /// A short sleep that does not hear of a cancellation.
    private static func nap() async {
        await withCheckedContinuation { continuation in
            Thread.later(.milliseconds(500)) { continuation.resume() }
        }
    }
}
