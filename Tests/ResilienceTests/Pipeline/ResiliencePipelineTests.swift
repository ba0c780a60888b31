import Resilience
import TestKit
import Testing

@Suite("Resilience pipeline")
struct ResiliencePipelineTests {
    /// A pipeline on a clock that stands still, and what it reported.
    struct Harness {
        let clock = ManualClock()
        let events = Record<String>()
        let pipeline: ResiliencePipeline

        init(_ configuration: ResilienceConfiguration = Harness.configuration) throws {
            pipeline = try ResiliencePipeline(
                name: "users",
                configuration: configuration,
                clock: clock,
                generator: SeededGenerator(seed: 3),
                observer: { [events] in events.append(Self.text($0)) }
            )
        }

        static var configuration: ResilienceConfiguration {
            var configuration = ResilienceConfiguration()
            configuration.retry.backoff = ExponentialBackoff(
                initial: .milliseconds(100),
                maximum: .seconds(1),
                jitter: .full
            )
            configuration.circuitBreaker?.window = .calls(10)
            configuration.circuitBreaker?.minimumCalls = 10
            configuration.circuitBreaker?.halfOpenPermits = 1
            return configuration
        }

        static func text(_ event: ResilienceEvent) -> String {
            switch event {
            case .attemptStarted(let number): "start \(number)"
            case .attemptEnded(let number, let outcome, _): "end \(number) \(outcome)"
            case .retryScheduled(let number, _, let isPushback): "retry \(number)\(isPushback ? " pushback" : "")"
            case .gaveUp(let attempts, let reason): "gave up \(attempts) \(reason)"
            case .rejected(.bulkhead(let error)): "rejected bulkhead \(error.reason)"
            case .rejected(.circuitBreaker(let error, let attempt)): "rejected breaker \(error.state) \(attempt)"
            case .deadlineExceeded(let stage): "deadline \(stage.rawValue)"
            }
        }

        /// Lets time pass whenever somebody sleeps, until the call has ended.
        func driving<Result: Sendable>(_ call: @escaping @Sendable () async throws -> Result) async throws -> Result {
            let isDone = Record<Bool>()
            async let result = {
                defer { isDone.append(true) }
                return try await call()
            }()
            while isDone.elements.isEmpty {
                if let next = clock.nextWakeUp { clock.advance(by: clock.now.duration(to: next)) }
                await Task.yield()
            }
            return try await result
        }
    }

    static let retryable: @Sendable (any Error) -> FailureClassification = { _ in
        FailureClassification(outcome: .failure, isRetryable: true)
    }
    static let final: @Sendable (any Error) -> FailureClassification = { _ in
        FailureClassification(outcome: .failure, isRetryable: false)
    }

    @Test("a call that succeeds at its second attempt")
    func retried() async throws {
        let harness = try Harness()
        let attempts = Record<ResiliencePipeline.Attempt>()
        let result = try await harness.driving {
            try await harness.pipeline.call(classify: Self.retryable) { attempt in
                attempts.append(attempt)
                #expect(Deadline.current == attempt.deadline)
                if attempt.number == 1 { throw Failure() }
                return "found"
            }
        }
        #expect(result == "found")
        #expect(attempts.elements.map(\.number) == [1, 2])
        #expect(attempts.elements.allSatisfy { $0.timeout == .seconds(2) })
        #expect(harness.events.elements == ["start 1", "end 1 failure", "retry 2", "start 2", "end 2 success"])
    }

    @Test("a final error is not retried, one that can be is given up after the last attempt")
    func errors() async throws {
        let harness = try Harness()
        await #expect(throws: Failure.self) {
            try await harness.pipeline.call(classify: Self.final) { _ in throw Failure() }
        }
        #expect(harness.events.elements == ["start 1", "end 1 failure"])
        await #expect(throws: Failure.self) {
            try await harness.driving {
                try await harness.pipeline.call(classify: Self.retryable) { _ in throw Failure() }
            }
        }
        #expect(harness.events.elements.last == "gave up 3 attemptsExhausted")
    }

    @Test("push-back of a minute ends the call now, not at its deadline")
    func pushback() async throws {
        let harness = try Harness()
        await #expect(throws: Failure.self) {
            try await harness.pipeline.call { _ in
                FailureClassification(
                    outcome: .failure,
                    isRetryable: true,
                    pushback: ServerPushback(milliseconds: "60000")
                )
            } _: { _ in
                throw Failure()
            }
        }
        #expect(harness.events.elements == ["start 1", "end 1 failure", "gave up 1 deadline"])
    }

    @Test("a silent peer: each attempt has its time, and the call ends at its deadline")
    func silent() async throws {
        var configuration = Harness.configuration
        configuration.retry.maximumAttempts = 10
        let harness = try Harness(configuration)
        let start = harness.clock.now
        let error = await #expect(throws: DeadlineExceeded.self) {
            try await harness.driving {
                try await harness.pipeline.call(classify: Self.retryable) { _ in try await blackHole() }
            }
        }
        #expect(error?.stage == .attempt)
        #expect(start.duration(to: harness.clock.now) == .seconds(5))
        let ends = harness.events.elements.filter { $0.hasPrefix("end") }
        #expect(ends == ["end 1 timeout", "end 2 timeout", "end 3 timeout"])
        #expect(harness.events.elements.suffix(2) == ["deadline attempt", "gave up 3 deadline"])
        #expect(harness.pipeline.circuitBreaker?.snapshot().calls.failure == 3, "expiries are failures")
        #expect(harness.clock.sleepers == 0)
    }

    @Test("work that nobody waits for any more is refused without an attempt")
    func expired() async throws {
        let harness = try Harness()
        for remaining in [Duration.seconds(-1), .zero, .milliseconds(5)] {
            let error = await #expect(throws: DeadlineExceeded.self) {
                try await Deadline.$current.withValue(.after(remaining, from: harness.clock.now)) {
                    try await harness.pipeline.call(classify: Self.retryable) { _ in Issue.record("attempted") }
                }
            }
            #expect(error?.stage == .admission)
        }
        #expect(harness.events.elements == Array(repeating: "deadline admission", count: 3))
        // The caller's deadline and its own time-out both shorten what the configuration allows.
        try await Deadline.$current.withValue(.after(.seconds(1), from: harness.clock.now)) {
            try await harness.pipeline.call(classify: Self.retryable) { #expect($0.timeout == .seconds(1)) }
            try await harness.pipeline.call(within: .milliseconds(300), classify: Self.retryable) {
                #expect($0.timeout == .milliseconds(300))
            }
        }
    }

    @Test("while the breaker is open calls fail at once, and are not retried")
    func breakerOpen() async throws {
        var configuration = Harness.configuration
        configuration.retryBudget = nil
        let harness = try Harness(configuration)
        for _ in 0..<10 {
            await #expect(throws: Failure.self) {
                try await harness.pipeline.call(classify: Self.final) { _ in throw Failure() }
            }
        }
        let error = await #expect(throws: CircuitOpen.self) {
            try await harness.pipeline.call(classify: Self.retryable) { _ in Issue.record("called") }
        }
        #expect(error?.breaker == "users" && error?.retryAfter != nil)
        #expect(harness.events.elements.last == "rejected breaker open 1")
        // Half open: one call closes it.
        harness.clock.advance(by: .seconds(5))
        try await harness.pipeline.call(classify: Self.retryable) { _ in }
        #expect(harness.pipeline.circuitBreaker?.snapshot().state == .closed)
    }

    @Test("a breaker that opens between two attempts ends the call")
    func breakerOpensBetween() async throws {
        var configuration = Harness.configuration
        configuration.circuitBreaker?.minimumCalls = 2
        configuration.retry.maximumAttempts = 5
        let harness = try Harness(configuration)
        await #expect(throws: CircuitOpen.self) {
            try await harness.driving {
                try await harness.pipeline.call(classify: Self.retryable) { _ in throw Failure() }
            }
        }
        #expect(
            harness.events.elements == [
                "start 1", "end 1 failure", "retry 2", "start 2", "end 2 failure", "retry 3", "rejected breaker open 3",
            ]
        )
    }

    @Test("a call that its caller gives up says nothing about the target, at any point of it", arguments: 0...4)
    func callerCancels(point: Int) async throws {
        let harness = try Harness()
        let call = Task {
            try await harness.pipeline.call(classify: Self.retryable) { _ in
                for step in 0...4 {
                    if step == point { try await blackHole() }
                    await Task.yield()
                }
            }
        }
        // The attempt's timer.
        await harness.clock.waitForSleepers()
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(harness.events.elements == ["start 1", "end 1 cancelled"])
        let snapshot = harness.pipeline.circuitBreaker?.snapshot()
        #expect(snapshot?.calls.ignored == 1 && snapshot?.calls.failure == 0)
        #expect(harness.pipeline.bulkhead?.snapshot().inFlight == 0)
        #expect(harness.clock.sleepers == 0)
    }

    @Test("a caller that gives up during a backoff is not kept until its end")
    func cancelledBackoff() async throws {
        let harness = try Harness()
        let call = Task {
            try await harness.pipeline.call(classify: Self.retryable) { _ in throw Failure() }
        }
        await harness.clock.waitForSleepers()
        #expect(await eventually { harness.events.elements.last == "retry 2" })
        await harness.clock.waitForSleepers()
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(harness.pipeline.bulkhead?.snapshot().inFlight == 0)
    }

    @Test("who cancels a task because its deadline has passed has seen an expiry, not a caller that gives up")
    func cancelledByDeadline() async throws {
        var configuration = Harness.configuration
        configuration.enforcement = .call
        let harness = try Harness(configuration)
        let call = Task {
            try await Deadline.$current.withValue(.after(.seconds(1), from: harness.clock.now)) {
                try await harness.pipeline.call(classify: Self.retryable) { attempt in
                    #expect(attempt.timeout == .seconds(1))
                    harness.clock.advance(by: .seconds(1))
                    withUnsafeCurrentTask { $0?.cancel() }
                    try Task.checkCancellation()
                }
            }
        }
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(harness.events.elements == ["start 1", "end 1 timeout", "deadline attempt"])
        let calls = try #require(harness.pipeline.circuitBreaker?.snapshot().calls)
        #expect(calls.failure == 1 && calls.ignored == 0)
    }

    @Test("when too many calls fail none is retried")
    func budget() async throws {
        var configuration = Harness.configuration
        configuration.circuitBreaker = nil
        configuration.callTimeout = nil
        configuration.attemptTimeout = nil
        configuration.retry.backoff = ExponentialBackoff(initial: .microseconds(1), maximum: .microseconds(1))
        let harness = try Harness(configuration)
        let attempts = Counter()
        try await harness.driving {
            for _ in 0..<1_000 {
                await #expect(throws: Failure.self) {
                    try await harness.pipeline.call(classify: Self.retryable) { _ in
                        attempts.add()
                        throw Failure()
                    }
                }
            }
        }
        #expect(attempts.value <= 1_010)
        #expect(harness.events.elements.last == "gave up 1 budget")
        #expect(harness.pipeline.retryBudget?.snapshot().throttled ?? 0 > 900)
    }

    @Test("a full bulkhead refuses before anything else happens")
    func bulkhead() async throws {
        var configuration = Harness.configuration
        configuration.bulkhead = .init(maximumConcurrent: 1, maximumQueued: 0)
        let harness = try Harness(configuration)
        let call = Task { try await harness.pipeline.call(classify: Self.final) { _ in try await blackHole() } }
        await harness.clock.waitForSleepers()
        let error = await #expect(throws: BulkheadRejected.self) {
            try await harness.pipeline.call(classify: Self.final) { _ in Issue.record("called") }
        }
        #expect(error?.bulkhead == "users")
        #expect(harness.events.elements == ["start 1", "rejected bulkhead queueFull"])
        call.cancel()
        _ = await call.result
    }

    @Test("a deadline that passes in the queue is told from one that passes in the call")
    func deadlineInQueue() async throws {
        var configuration = Harness.configuration
        configuration.bulkhead = .init(maximumConcurrent: 1, maximumQueued: 1, maximumWait: nil)
        let harness = try Harness(configuration)
        let call = Task { try await harness.pipeline.call(classify: Self.final) { _ in try await blackHole() } }
        await harness.clock.waitForSleepers(1)
        let waiting = Task {
            try await harness.pipeline.call(within: .seconds(1), classify: Self.final) { _ in Issue.record("called") }
        }
        await harness.clock.waitForSleepers(2)
        harness.clock.advance(by: .seconds(1))
        let error = await #expect(throws: DeadlineExceeded.self) { try await waiting.value }
        #expect(error?.stage == .bulkhead)
        #expect(harness.events.elements == ["start 1", "deadline bulkhead"])
        call.cancel()
        _ = await call.result
    }
}
