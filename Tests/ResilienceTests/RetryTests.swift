import Resilience
import TestKit
import Testing

@Suite("Retry policy and budget")
struct RetryTests {
    static let retryable = FailureClassification(outcome: .failure, isRetryable: true)

    static func pushback(_ text: String) -> FailureClassification {
        FailureClassification(outcome: .failure, isRetryable: true, pushback: ServerPushback(milliseconds: text))
    }

    @Test("there is another attempt only while there are attempts, time and permission")
    func decisions() {
        var generator = SeededGenerator(seed: 1)
        let policy = RetryPolicy(
            maximumAttempts: 3,
            backoff: ExponentialBackoff(initial: .milliseconds(100), maximum: .seconds(1), jitter: .full),
            minimumRemaining: .milliseconds(10)
        )
        func decide(_ attempt: Int, _ failure: FailureClassification, _ remaining: Duration? = nil)
            -> RetryPolicy.Decision
        {
            policy.decision(afterAttempt: attempt, failure: failure, remaining: remaining, using: &generator)
        }
        for attempt in 1...2 {
            guard case .retry(let delay) = decide(attempt, Self.retryable) else {
                Issue.record("no retry after attempt \(attempt)")
                continue
            }
            #expect(.zero...(.milliseconds(100 * attempt)) ~= delay)
        }
        #expect(decide(3, Self.retryable) == .giveUp(.attemptsExhausted))
        #expect(decide(1, FailureClassification(outcome: .failure, isRetryable: false)) == .giveUp(.notRetryable))
        #expect(decide(1, Self.pushback("250")) == .retry(after: .milliseconds(250)))
        #expect(decide(1, Self.pushback("0")) == .retry(after: .zero))
        #expect(decide(3, Self.pushback("250")) == .giveUp(.attemptsExhausted))
        #expect(decide(1, Self.pushback("250"), .milliseconds(261)) == .retry(after: .milliseconds(250)))
        #expect(decide(1, Self.pushback("250"), .milliseconds(260)) == .giveUp(.deadline))
        #expect(decide(1, Self.pushback("60000"), .seconds(5)) == .giveUp(.deadline))
        #expect(decide(1, Self.retryable, .zero) == .giveUp(.deadline))
        #expect(decide(1, Self.retryable, .seconds(-1)) == .giveUp(.deadline))
    }

    @Test(
        "push-back that is negative or no number means that nobody may retry",
        arguments: ["-1", "", "soon", "1.5", "0x10", " 5", "99999999999", "NaN"]
    )
    func garbage(text: String) {
        var generator = SeededGenerator(seed: 1)
        let decision = RetryPolicy().decision(
            afterAttempt: 1,
            failure: Self.pushback(text),
            remaining: nil,
            using: &generator
        )
        #expect(decision == .giveUp(.pushback))
    }

    @Test(
        "delays are drawn evenly: bounds, mean and Kolmogorov-Smirnov",
        arguments: [ExponentialBackoff.Jitter.full, .equal]
    )
    func distribution(jitter: ExponentialBackoff.Jitter) {
        var generator = SeededGenerator(seed: 42)
        let policy = RetryPolicy(
            maximumAttempts: 9,
            backoff: ExponentialBackoff(initial: .milliseconds(100), maximum: .seconds(1), jitter: jitter)
        )
        let count = 20_000
        for attempt in [1, 3, 8] {
            let ceiling = min(100 << (attempt - 1), 1000)
            let low = jitter == .full ? 0 : 0.5
            let shares = (0..<count).compactMap { _ -> Double? in
                let decision = policy.decision(
                    afterAttempt: attempt,
                    failure: Self.retryable,
                    remaining: nil,
                    using: &generator
                )
                guard case .retry(let delay) = decision else { return nil }
                return (delay / .milliseconds(ceiling) - low) / (1 - low)
            }.sorted()
            #expect(shares.count == count)
            #expect(shares.first ?? -1 >= 0 && shares.last ?? 2 <= 1)
            #expect(abs(shares.reduce(0, +) / Double(count) - 0.5) < 0.01)
            let distance = shares.enumerated().map { abs(Double($0.offset) / Double(count) - $0.element) }.max() ?? 1
            // The bound that one sample of a hundred of a uniform distribution exceeds.
            #expect(distance < 1.63 / Double(count).squareRoot())
            // Clients that failed at the same instant come back without a peak.
            var bins = Array(repeating: 0, count: 50)
            for share in shares { bins[min(49, Int(share * 50))] += 1 }
            #expect(bins.max() ?? 0 < 2 * count / 50)
        }
    }

    /// Requests to a target of which a share of the attempts fail, 1,000 a second for a minute.
    static func amplification(failing share: Double, seed: UInt64) -> (attempts: Double, throttled: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let budget = RetryBudget()
        let policy = RetryPolicy(maximumAttempts: 5)
        var attempts = 0
        // By the millisecond in which the next attempt is due: failed ones come back among the new ones.
        var due: [Int: [Int]] = [:]
        for millisecond in 0..<70_000 {
            let begins = millisecond < 60_000 ? [1] : []
            for attempt in begins + (due.removeValue(forKey: millisecond) ?? []) {
                attempts += 1
                guard Double.random(in: 0..<1, using: &generator) < share else {
                    budget.recordSuccess()
                    continue
                }
                budget.recordFailure()
                let decision = policy.decision(
                    afterAttempt: attempt,
                    failure: retryable,
                    remaining: nil,
                    using: &generator
                )
                guard case .retry(let delay) = decision, budget.allowsRetry() else { continue }
                due[millisecond + 1 + Int(delay / .milliseconds(1)), default: []].append(attempt + 1)
            }
        }
        return (Double(attempts) / 60_000, budget.snapshot().throttled)
    }

    @Test("at 1,000 requests a second for a minute there are at most 1.1 attempts a request, however many fail")
    func amplification() {
        for share in [1, 0.9, 0.5, 0.2, 0.12, 0.09] {
            let (attempts, throttled) = Self.amplification(failing: share, seed: 7)
            #expect(attempts <= 1.1, "\(share) failing")
            #expect(throttled > 0, "\(share) failing")
        }
        let down = Self.amplification(failing: 1, seed: 7).attempts
        #expect(down <= 1 + 10.0 / 60_000, "a target that is down sees half a bucket of retries in all, not \(down)")
        // While few fail, each of them is retried.
        let (attempts, throttled) = Self.amplification(failing: 0.01, seed: 7)
        #expect(attempts > 1.008 && throttled == 0)
    }

    @Test("the bucket never leaves its bounds and allows retries above half")
    func bucket() {
        let budget = RetryBudget(.init(maximumTokens: 4, tokenRatio: 0.5))
        #expect(budget.allowsRetry())
        budget.recordSuccess()
        #expect(budget.snapshot().tokens == 4)
        budget.recordFailure()
        #expect(budget.allowsRetry())
        budget.recordFailure()
        #expect(!budget.allowsRetry())
        budget.recordSuccess()
        #expect(budget.allowsRetry())
        for _ in 0..<10 { budget.recordFailure() }
        let snapshot = budget.snapshot()
        #expect(snapshot.tokens == 0 && snapshot.maximumTokens == 4 && snapshot.throttled == 1)
        for ratio in [0, -1, Double.nan, .infinity] {
            let odd = RetryBudget(.init(maximumTokens: -5, tokenRatio: ratio))
            odd.recordFailure()
            odd.recordSuccess()
            #expect(0.001...1 ~= odd.snapshot().tokens)
        }
    }
}
