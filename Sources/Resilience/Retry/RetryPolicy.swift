/// How often a call is attempted, and how long is waited in between.
///
/// A pure function of what is known after a failure; who calls it sleeps, spends the budget and makes the attempt.
public struct RetryPolicy: Sendable, Hashable {
    /// What follows a failed attempt.
    public enum Decision: Sendable, Hashable {
        /// Another attempt after a delay.
        case retry(after: Duration)
        /// No other attempt.
        case giveUp(GiveUpReason)
    }

    /// Why there is no other attempt.
    public enum GiveUpReason: String, Sendable, Hashable, CaseIterable {
        /// The error is final, or the call may not be repeated.
        case notRetryable = "not_retryable"
        /// All attempts have been made.
        case attemptsExhausted = "attempts_exhausted"
        /// The server said so.
        case pushback
        /// Too little time would be left for it.
        case deadline
        /// Too many other calls fail.
        case budget
    }

    /// How many attempts there are at most, the first included; 1 for no retries.
    public var maximumAttempts: Int
    /// How long is waited between them.
    public var backoff: ExponentialBackoff
    /// The time that an attempt needs to make sense: none is begun with less left before the deadline. A call's usual
    /// duration (its median) is a good value.
    public var minimumRemaining: Duration

    /// A policy without retries.
    public static let never = RetryPolicy(maximumAttempts: 1)

    /// Creates a policy.
    ///
    /// - Parameters:
    ///   - maximumAttempts: How many attempts there are at most, the first included.
    ///   - backoff: How long is waited between them.
    ///   - minimumRemaining: The time that an attempt needs to make sense.
    public init(
        maximumAttempts: Int = 3,
        backoff: ExponentialBackoff = ExponentialBackoff(
            initial: .milliseconds(50),
            maximum: .seconds(1),
            jitter: .full
        ),
        minimumRemaining: Duration = .milliseconds(5)
    ) {
        self.maximumAttempts = maximumAttempts
        self.backoff = backoff
        self.minimumRemaining = minimumRemaining
    }

    /// Decides what follows a failed attempt.
    ///
    /// A server's push-back takes the place of the backoff, and like it never reaches beyond the deadline: a delay after
    /// which less than ``minimumRemaining`` is left ends the call now instead of then.
    ///
    /// - Parameters:
    ///   - attempt: The number of the failed attempt, 1 for the first.
    ///   - failure: What its error means.
    ///   - remaining: The time until the deadline, nil if there is none.
    ///   - generator: The source of the jitter.
    public func decision(
        afterAttempt attempt: Int,
        failure: FailureClassification,
        remaining: Duration?,
        using generator: inout some RandomNumberGenerator
    ) -> Decision {
        guard failure.isRetryable else { return .giveUp(.notRetryable) }
        let delay: Duration
        switch failure.pushback {
        case .doNotRetry: return .giveUp(.pushback)
        case .retry(let wanted) where attempt < maximumAttempts: delay = max(.zero, wanted)
        case nil where attempt < maximumAttempts: delay = backoff.delay(afterFailures: attempt, using: &generator)
        case .retry, nil: return .giveUp(.attemptsExhausted)
        }
        if let remaining, remaining - delay <= max(.zero, minimumRemaining) { return .giveUp(.deadline) }
        return .retry(after: delay)
    }
}
