import Resilience
import Testing

@testable import ServiceRuntime

@Suite("Settings of resilience")
struct ResilienceSettingsTests {
    private func read(_ environment: [String: String]) -> (configuration: ResilienceConfiguration, settings: Settings) {
        var settings = Settings(environment: environment)
        let configuration = settings.resilience(
            "CONTRAIL_USERS",
            "the users service",
            default: ResilienceConfiguration(callTimeout: .seconds(2), attemptTimeout: .seconds(1))
        )
        return (configuration, settings)
    }

    @Test("Without variables the defaults hold, and each is in the help")
    func defaults() throws {
        let (configuration, settings) = read([:])
        #expect(settings.problems.isEmpty)
        try configuration.validate()
        #expect(configuration.callTimeout == .seconds(2) && configuration.attemptTimeout == .seconds(1))
        #expect(configuration.retry.maximumAttempts == 3)
        #expect(configuration.circuitBreaker?.probeLease == .seconds(3))
        #expect(
            settings.entries.map { "\($0.key)=\($0.fallback)" } == [
                "CONTRAIL_USERS_TIMEOUT=2s", "CONTRAIL_USERS_ATTEMPT_TIMEOUT=1s", "CONTRAIL_USERS_ATTEMPTS=3",
                "CONTRAIL_USERS_BREAKER=failure=50%,calls=20,window=10s,open=2s", "CONTRAIL_USERS_CONCURRENCY=64",
            ]
        )
    }

    @Test("Variables change what they name")
    func changed() throws {
        let (configuration, settings) = read([
            "CONTRAIL_USERS_TIMEOUT": "500ms", "CONTRAIL_USERS_ATTEMPTS": "1",
            "CONTRAIL_USERS_BREAKER": "failure=25%,slow=80%@200ms,calls=5,open=1s", "CONTRAIL_USERS_CONCURRENCY": "8",
        ])
        #expect(settings.problems.isEmpty)
        try configuration.validate()
        // An attempt never takes longer than the call.
        #expect(configuration.callTimeout == .milliseconds(500) && configuration.attemptTimeout == .milliseconds(500))
        #expect(configuration.retry.maximumAttempts == 1)
        let breaker = try #require(configuration.circuitBreaker)
        #expect(breaker.failureRateThreshold == 0.25 && breaker.minimumCalls == 5)
        #expect(breaker.slowCallRateThreshold == 0.8 && breaker.slowCallDuration == .milliseconds(200))
        #expect(breaker.openDuration.initial == .seconds(1) && breaker.openDuration.maximum == .seconds(3))
        #expect(configuration.bulkhead?.maximumConcurrent == 8)
        #expect(BreakerText.write(breaker) == "failure=25%,slow=80%@200ms,calls=5,window=10s,open=1s")
        #expect(read(["CONTRAIL_USERS_BREAKER": "off"]).configuration.circuitBreaker == nil)
        let counted = try #require(read(["CONTRAIL_USERS_BREAKER": "window=100,probes=2"]).configuration.circuitBreaker)
        #expect(counted.window == .calls(100) && counted.halfOpenPermits == 2)
        #expect(BreakerText.write(counted) == "failure=50%,calls=20,window=100,open=2s")
    }

    @Test(
        "A wrong value is refused with its variable, itself and the reason",
        arguments: [
            ("TIMEOUT", "soon", "must be a time"),
            ("ATTEMPT_TIMEOUT", "3s", "is more than CONTRAIL_USERS_TIMEOUT=2s"),
            ("ATTEMPTS", "0", "from 1 to 10"),
            ("BREAKER", "failure=0%", "must be above 0 and at most 1"),
            ("BREAKER", "failure=half", "has “failure=half”"),
            ("BREAKER", "50%", "has “50%”"),
            ("BREAKER", "calls=0", "must be at least 1"),
            ("BREAKER", "slow=80%@2s", "so no call could be slow"),
            ("BREAKER", "window=10ms", "must be at least a second"),
            ("BREAKER", "probes=0", "must be at least 1"),
            ("BREAKER", "probes=some", "has “probes=some”"),
            ("BREAKER", "calls=5,", "has “”"),
            ("CONCURRENCY", "many", "from 1 to 10000"),
        ]
    )
    func wrong(key: String, value: String, reason: String) throws {
        let (configuration, settings) = read(["CONTRAIL_USERS_\(key)": value])
        let problem = try #require(settings.problems.first)
        #expect(settings.problems.count == 1)
        #expect(problem.hasPrefix("CONTRAIL_USERS_\(key)=\(value) ") && problem.contains(reason), "\(problem)")
        try configuration.validate()
    }
}
