import Resilience
import Testing

@Suite("Resilience configuration")
struct ResilienceConfigurationTests {

    @Test("the defaults are valid, and so is a pipeline of nothing")
    func defaults() throws {
        try ResilienceConfiguration().validate()
        try ResilienceConfiguration(
            callTimeout: nil,
            attemptTimeout: nil,
            retry: .never,
            retryBudget: nil,
            circuitBreaker: nil,
            bulkhead: nil
        ).validate()
    }

    typealias Change = @Sendable (inout ResilienceConfiguration) -> Void

    static let wrong: [(String, Change)] = [
        (
            "callTimeout = 0.0 seconds: must be more than zero",
            {
                $0.callTimeout = .zero
                $0.attemptTimeout = nil
            }
        ),
        (
            "attemptTimeout = 9.0 seconds: is longer than callTimeout 5.0 seconds",
            { $0.attemptTimeout = .seconds(9) }
        ),
        ("retry.maximumAttempts = 0: must be from 1 (no retries) to 10", { $0.retry.maximumAttempts = 0 }),
        (
            "retry.backoff.maximum = 0.01 seconds: must be at least retry.backoff.initial 0.05 seconds",
            { $0.retry.backoff.maximum = .milliseconds(10) }
        ),
        ("retry.minimumRemaining = -1.0 seconds: must not be negative", { $0.retry.minimumRemaining = .seconds(-1) }),
        ("retryBudget.tokenRatio = 0.0: must be above 0 and at most 1", { $0.retryBudget?.tokenRatio = 0 }),
        ("retryBudget.maximumTokens = 0: must be from 1 to 1000", { $0.retryBudget?.maximumTokens = 0 }),
        (
            "circuitBreaker.failureRateThreshold = nan: must be above 0 and at most 1",
            { $0.circuitBreaker?.failureRateThreshold = .nan }
        ),
        (
            "circuitBreaker.minimumCalls = 20: is more than the window's 10 calls, so the breaker could never open",
            { $0.circuitBreaker?.window = .calls(10) }
        ),
        (
            "circuitBreaker.openDuration.jitter = full: must be equal: full jitter may draw no time at all",
            { $0.circuitBreaker?.openDuration.jitter = .full }
        ),
        (
            "circuitBreaker.probeLease = 2.0 seconds: must be longer than an attempt's 2.0 seconds, or calls that still "
                + "run count as lost",
            { $0.circuitBreaker?.probeLease = .seconds(2) }
        ),
        (
            "circuitBreaker.slowCallDuration = 2.0 seconds: is not shorter than an attempt's 2.0 seconds, so no call could "
                + "be slow",
            { $0.circuitBreaker?.slowCallDuration = .seconds(2) }
        ),
        ("bulkhead.maximumConcurrent = 0: must be at least 1", { $0.bulkhead?.maximumConcurrent = 0 }),
    ]

    @Test("what is wrong is named with its field and its value", arguments: wrong.indices)
    func problems(index: Int) {
        let (message, change) = Self.wrong[index]
        var configuration = ResilienceConfiguration()
        change(&configuration)
        let error = #expect(throws: InvalidResilienceConfiguration.self) { try configuration.validate() }
        #expect(error?.description == message)
        #expect(throws: InvalidResilienceConfiguration.self) {
            _ = try ResiliencePipeline(name: "users", configuration: configuration)
        }
    }

    @Test("all that is wrong is told at once")
    func several() {
        var configuration = ResilienceConfiguration()
        configuration.retry.maximumAttempts = 99
        configuration.bulkhead?.maximumQueued = -1
        let error = #expect(throws: InvalidResilienceConfiguration.self) { try configuration.validate() }
        #expect(error?.problems.map(\.field) == ["retry.maximumAttempts", "bulkhead.maximumQueued"])
    }
}
