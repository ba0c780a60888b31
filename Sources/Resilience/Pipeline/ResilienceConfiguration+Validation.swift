/// A configuration cannot do what it says.
public struct InvalidResilienceConfiguration: Error, Sendable, Hashable, CustomStringConvertible {
    /// One setting that is wrong.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// The path of the setting, such as `circuitBreaker.minimumCalls`.
        public let field: String
        /// Its value.
        public let value: String
        /// What is wrong, and what would be right.
        public let reason: String

        /// The setting, its value and what is wrong.
        public var description: String { "\(field) = \(value): \(reason)" }
    }

    /// All that is wrong, at least one.
    public let problems: [Problem]

    /// All that is wrong.
    public var description: String { problems.map(\.description).joined(separator: "; ") }
}

extension ResilienceConfiguration {
    /// Checks that each setting has a value in its range, and that the settings fit one another.
    ///
    /// - Throws: ``InvalidResilienceConfiguration`` with all that is wrong.
    public func validate() throws(InvalidResilienceConfiguration) {
        var check = Check()
        check.positive(callTimeout, "callTimeout")
        check.positive(attemptTimeout, "attemptTimeout")
        if let callTimeout, let attemptTimeout {
            check.that(
                attemptTimeout <= callTimeout,
                "attemptTimeout",
                attemptTimeout,
                "is longer than callTimeout \(callTimeout)"
            )
        }
        check.retry(retry)
        if let retryBudget { check.budget(retryBudget) }
        if let circuitBreaker { check.breaker(circuitBreaker, attemptTimeout: attemptTimeout ?? callTimeout) }
        if let bulkhead { check.bulkhead(bulkhead) }
        guard check.problems.isEmpty else { throw InvalidResilienceConfiguration(problems: check.problems) }
    }

    private struct Check {
        var problems: [InvalidResilienceConfiguration.Problem] = []

        mutating func that(_ holds: Bool, _ field: String, _ value: some Any, _ reason: String) {
            guard !holds else { return }
            problems.append(.init(field: field, value: "\(value)", reason: reason))
        }

        mutating func positive(_ duration: Duration?, _ field: String) {
            if let duration { that(duration > .zero, field, duration, "must be more than zero") }
        }

        mutating func share(_ value: Double, _ field: String) {
            that(value > 0 && value <= 1, field, value, "must be above 0 and at most 1")
        }

        mutating func backoff(_ backoff: ExponentialBackoff, _ field: String) {
            positive(backoff.initial, "\(field).initial")
            that(
                backoff.maximum >= backoff.initial,
                "\(field).maximum",
                backoff.maximum,
                "must be at least \(field).initial \(backoff.initial)"
            )
            that(backoff.multiplier.isFinite, "\(field).multiplier", backoff.multiplier, "must be a finite number")
        }

        mutating func retry(_ retry: RetryPolicy) {
            that(
                1...10 ~= retry.maximumAttempts,
                "retry.maximumAttempts",
                retry.maximumAttempts,
                "must be from 1 (no retries) to 10"
            )
            backoff(retry.backoff, "retry.backoff")
            that(
                retry.minimumRemaining >= .zero,
                "retry.minimumRemaining",
                retry.minimumRemaining,
                "must not be negative"
            )
        }

        mutating func budget(_ budget: RetryBudget.Configuration) {
            that(
                1...1000 ~= budget.maximumTokens,
                "retryBudget.maximumTokens",
                budget.maximumTokens,
                "must be from 1 to 1000"
            )
            share(budget.tokenRatio, "retryBudget.tokenRatio")
        }

        mutating func breaker(_ breaker: CircuitBreaker.Configuration, attemptTimeout: Duration?) {
            share(breaker.failureRateThreshold, "circuitBreaker.failureRateThreshold")
            share(breaker.slowCallRateThreshold, "circuitBreaker.slowCallRateThreshold")
            that(breaker.minimumCalls >= 1, "circuitBreaker.minimumCalls", breaker.minimumCalls, "must be at least 1")
            switch breaker.window {
            case .calls(let calls):
                that(1...10_000 ~= calls, "circuitBreaker.window", calls, "must be from 1 to 10000 calls")
                that(
                    breaker.minimumCalls <= calls,
                    "circuitBreaker.minimumCalls",
                    breaker.minimumCalls,
                    "is more than the window's \(calls) calls, so the breaker could never open"
                )
            case .time(let duration):
                that(duration >= .seconds(1), "circuitBreaker.window", duration, "must be at least a second")
            }
            backoff(breaker.openDuration, "circuitBreaker.openDuration")
            that(
                breaker.openDuration.jitter == .equal,
                "circuitBreaker.openDuration.jitter",
                breaker.openDuration.jitter,
                "must be equal: full jitter may draw no time at all"
            )
            that(
                breaker.halfOpenPermits >= 1,
                "circuitBreaker.halfOpenPermits",
                breaker.halfOpenPermits,
                "must be at least 1"
            )
            positive(breaker.probeLease, "circuitBreaker.probeLease")
            positive(breaker.slowCallDuration, "circuitBreaker.slowCallDuration")
            guard let attemptTimeout else { return }
            that(
                breaker.probeLease > attemptTimeout,
                "circuitBreaker.probeLease",
                breaker.probeLease,
                "must be longer than an attempt's \(attemptTimeout), or calls that still run count as lost"
            )
            if let slow = breaker.slowCallDuration {
                that(
                    slow < attemptTimeout,
                    "circuitBreaker.slowCallDuration",
                    slow,
                    "is not shorter than an attempt's \(attemptTimeout), so no call could be slow"
                )
            }
        }

        mutating func bulkhead(_ bulkhead: Bulkhead.Configuration) {
            that(
                bulkhead.maximumConcurrent >= 1,
                "bulkhead.maximumConcurrent",
                bulkhead.maximumConcurrent,
                "must be at least 1"
            )
            that(
                bulkhead.maximumQueued >= 0,
                "bulkhead.maximumQueued",
                bulkhead.maximumQueued,
                "must be at least 0 (nobody waits)"
            )
            positive(bulkhead.maximumWait, "bulkhead.maximumWait")
        }
    }
}
