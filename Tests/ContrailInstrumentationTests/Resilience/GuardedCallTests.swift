import GRPCCore
import Observability
import Resilience
import TestKit
import Testing
import Tracing

@testable import ContrailInstrumentation

@Suite("Guarded calls")
struct GuardedCallTests {
    private static let breaking = ResilienceConfiguration(
        callTimeout: .seconds(5),
        attemptTimeout: .seconds(5),
        retry: .never,
        retryBudget: nil,
        circuitBreaker: CircuitBreaker.Configuration(
            minimumCalls: 5,
            openDuration: ExponentialBackoff(initial: .milliseconds(400), maximum: .milliseconds(400)),
            halfOpenPermits: 2
        )
    )

    @Test("A breaker opens, refuses fast with a link to the span that opened it, and closes again")
    func breaker() async throws {
        try await GuardedBench.run(Self.breaking) { message, _ in
            if message == "fail" { throw RPCError(code: .unavailable, message: "asked to") }
        } _: { bench async throws in
            for number in 1...5 {
                let error = await bench.failure(of: "fail", in: "origin \(number)")
                #expect((error as? RPCError)?.code == .unavailable)
            }
            let start = ContinuousClock.now
            let refused = try #require(await bench.failure(in: "refused") as? RPCError)
            #expect(start.duration(to: .now) < .milliseconds(200))
            #expect(refused.code == .unavailable)
            #expect(refused.message.hasPrefix("circuit breaker users is open; try again in 0."))
            #expect(refused.cause is CircuitOpen)
            #expect((refused as any Error).failureReason == "breaker_open")
            #expect(bench.service.metadata.count == 5)

            let opening = try #require(bench.spans.spans(named: "origin 5").first)
            let event = try #require(opening.events.first)
            #expect(event.name == "circuit_breaker.transition")
            #expect(event.attributes["contrail.circuit_breaker.name"] == "users")
            #expect(event.attributes["contrail.circuit_breaker.from"] == "closed")
            #expect(event.attributes["contrail.circuit_breaker.to"] == "open")
            #expect(event.attributes["contrail.circuit_breaker.reason"] == "failure_rate")
            #expect(bench.log.lines.contains("warning circuit breaker opened"))

            let parent = try #require(bench.spans.spans(named: "refused").first)
            let call = try #require(bench.spans.spans.first { $0.parentSpanID == parent.context.spanID })
            #expect(call.kind == .client && call.name == EchoService.unary.fullyQualifiedMethod)
            #expect(call.attributes["error.type"] == "breaker_open")
            #expect(call.attributes["rpc.response.status_code"] == "UNAVAILABLE")
            #expect(call.links.map(\.context.spanID) == [opening.context.spanID])
            try expectDeclared(call, bench.telemetry)

            #expect(bench.metrics(#"circuit_breaker_state{name="users",state="open"}"#).first?.hasSuffix(" 1") == true)
            #expect(bench.metrics(#"circuit_breaker_state{name="users""#).count == 5)
            #expect(bench.metrics(#"circuit_breaker_state{"#).filter { $0.hasSuffix(" 0") }.count == 4)
            #expect(bench.metrics(#"circuit_breaker_calls_total{name="users",outcome="failure"} 5"#).count == 1)
            #expect(bench.metrics(#"circuit_breaker_calls_total{name="users",outcome="rejected"} 1"#).count == 1)

            try await Task.sleep(for: .milliseconds(500))
            for _ in 1...2 { #expect(await bench.failure(in: "probe") == nil) }
            let closed = #"circuit_breaker_transitions_total{name="users",from="half_open",to="closed"} 1"#
            #expect(bench.metrics(closed).count == 1)
            #expect(bench.log.lines.contains("info circuit breaker closed"))
        }
    }

    @Test("Answers that refuse a request do not open a breaker")
    func refusals() async throws {
        try await GuardedBench.run(Self.breaking) { _, _ in
            throw RPCError(code: .notFound, message: "asked for nothing")
        } _: { bench async throws in
            for _ in 1...20 { #expect((await bench.failure(in: "origin") as? RPCError)?.code == .notFound) }
            #expect(bench.client.pipeline.circuitBreaker?.snapshot().state == .closed)
            #expect(bench.service.metadata.count == 20)
        }
    }

    @Test("An idempotent call is repeated when the server is unavailable, and tells it so")
    func retry() async throws {
        let configuration = ResilienceConfiguration(
            retry: RetryPolicy(backoff: ExponentialBackoff(initial: .milliseconds(1), maximum: .milliseconds(5)))
        )
        try await GuardedBench.run(configuration, connections: 2) { _, number in
            if number < 3 || number > 3 { throw RPCError(code: .unavailable, message: "asked to") }
        } _: { bench async throws in
            #expect(await bench.failure(in: "origin", isIdempotent: true) == nil)
            let attempts = bench.service.metadata.map { $0.values(of: "grpc-previous-rpc-attempts") }
            #expect(attempts == [[], ["1"], ["2"]])
            #expect(bench.proxy.statistics.accepted == 2)
            let spans = bench.spans.spans.filter { $0.kind == .client }
            #expect(spans.map { $0.attributes["contrail.attempt"] } == [nil, 2, 3])
            for span in spans { try expectDeclared(span, bench.telemetry) }
            #expect(bench.metrics(#"retry_attempts_total{name="users",attempt="2",outcome="failure"} 1"#).count == 1)
            #expect(bench.metrics(#"retry_attempts_total{name="users",attempt="3",outcome="success"} 1"#).count == 1)
            #expect(bench.metrics(#"retry_budget_tokens{name="users"} 18.1"#).count == 1)

            // What may have an effect is not repeated.
            #expect(await bench.failure(in: "origin") != nil)
            #expect(bench.service.metadata.count == 4)
            #expect(await bench.failure(in: "origin", isIdempotent: true) != nil)
            #expect(bench.service.metadata.count == 7)
            #expect(bench.metrics(#"retry_exhausted_total{name="users"} 1"#).count == 1)
        }
    }

    @Test("A server's push-back takes the place of the backoff, and never reaches beyond the deadline")
    func pushback() async throws {
        try await GuardedBench.run(ResilienceConfiguration(callTimeout: .seconds(2))) { message, number in
            guard number % 2 == 1 else { return }
            throw RPCError(
                code: .unavailable,
                message: "later",
                metadata: ["grpc-retry-pushback-ms": .string(message)]
            )
        } _: { bench async throws in
            let clock = ContinuousClock()
            let honoured = await clock.measure {
                #expect(await bench.failure(of: "300", in: "origin", isIdempotent: true) == nil)
            }
            #expect(honoured >= .milliseconds(300) && honoured < .seconds(2))
            let capped = await clock.measure {
                #expect(
                    (await bench.failure(of: "60000", in: "origin", isIdempotent: true) as? RPCError)?.message
                        == "later"
                )
            }
            #expect(capped < .seconds(1))
            #expect(bench.service.metadata.count == 3)
            // An even number of calls before the next one.
            #expect(await bench.failure(in: "origin") == nil)
            #expect(await bench.failure(of: "-1", in: "origin", isIdempotent: true) != nil)
            #expect(bench.service.metadata.count == 5)
        }
    }

    @Test("A full bulkhead is RESOURCE_EXHAUSTED at once, and a failure of its own kind")
    func bulkhead() async throws {
        var configuration = ResilienceConfiguration.plain(.seconds(10))
        configuration.bulkhead = Bulkhead.Configuration(maximumConcurrent: 1, maximumQueued: 0)
        let gate = Gate()
        try await GuardedBench.run(configuration) { _, number in
            if number == 1 { try await gate.wait() }
        } _: { bench async throws in
            async let slow = bench.call()
            #expect(await eventually { bench.metrics(#"bulkhead_in_flight{name="users"} 1"#).count == 1 })
            let error = try #require(await bench.failure(in: "refused"))
            #expect((error as? RPCError)?.code == .resourceExhausted)
            #expect(error.failureReason == "bulkhead_full")
            let call = try #require(bench.spans.spans.first { $0.attributes["error.type"] == "bulkhead_full" })
            try expectDeclared(call, bench.telemetry)
            gate.open()
            #expect(try await slow == ["a"])
            #expect(bench.metrics(#"bulkhead_rejected_total{name="users"} 1"#).count == 1)
            #expect(bench.metrics(#"bulkhead_in_flight{name="users"} 0"#).count == 1)
        }
    }

    @Test("Calls that are cancelled at any point leave nothing behind, and say nothing about the server")
    func cancelled() async throws {
        var configuration = ResilienceConfiguration()
        configuration.bulkhead = Bulkhead.Configuration(
            maximumConcurrent: 8,
            maximumQueued: 1000,
            maximumWait: .seconds(10)
        )
        try await GuardedBench.run(configuration, connections: 2) { _, _ in
            try await Task.sleep(for: .milliseconds(2))
        } _: { bench async throws in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        let call = Task { try await bench.call(isIdempotent: true) }
                        if number % 3 != 0 {
                            try? await Task.sleep(for: .microseconds(number * 37 % 9000))
                            call.cancel()
                        }
                        _ = try? await call.value
                    }
                }
            }
            let pipeline = bench.client.pipeline
            #expect(pipeline.bulkhead?.snapshot().inFlight == 0 && pipeline.bulkhead?.snapshot().queued == 0)
            let calls = try #require(pipeline.circuitBreaker?.snapshot().calls)
            #expect(pipeline.circuitBreaker?.snapshot().state == .closed)
            #expect(calls.failure == 0 && calls.ignored > 0 && calls.success >= 100)
            #expect(try await bench.call() == ["a"])
        }
    }

    @Test(
        "What a status means",
        arguments: [
            (.unavailable, .failure, true), (.deadlineExceeded, .failure, true), (.resourceExhausted, .failure, true),
            (.internalError, .failure, false), (.unknown, .failure, false), (.cancelled, .failure, false),
            (.notFound, .success, false), (.invalidArgument, .success, false), (.unauthenticated, .success, false),
            (.alreadyExists, .success, false), (.failedPrecondition, .success, false),
        ] as [(RPCError.Code, CallOutcome, Bool)]
    )
    func classification(_ code: RPCError.Code, _ outcome: CallOutcome, _ isRetryable: Bool) {
        let error = RPCError(code: code, message: "")
        let classified = FailureClassification(of: error, isIdempotent: true)
        #expect(classified.outcome == outcome && classified.isRetryable == isRetryable)
        #expect(!FailureClassification(of: error, isIdempotent: false).isRetryable)
    }

    @Test("Reasons of failed attempts are found behind the errors that carry them")
    func reasons() {
        let open = CircuitOpen(breaker: "users", state: .open, retryAfter: .seconds(1))
        let full = BulkheadRejected(bulkhead: "users", reason: .queueFull, maximumConcurrent: 1)
        let late = DeadlineExceeded(stage: .attempt, limit: .seconds(1))
        #expect([open as any Error, open.asRPCError].map(\.failureReason) == ["breaker_open", "breaker_open"])
        #expect([full as any Error, full.asRPCError].map(\.failureReason) == ["bulkhead_full", "bulkhead_full"])
        #expect(
            [late as any Error, late.asRPCError].map(\.failureReason) == ["deadline_exceeded", "deadline_exceeded"]
        )
        #expect((RPCError(code: .unavailable, message: "") as any Error).failureReason == "unavailable")
    }
}
