/// What happens to a call in a ``ResiliencePipeline``, for metrics, spans and logs.
///
/// Events are reported in the task of the call, so a task-local such as the current span is that of the call.
public enum ResilienceEvent: Sendable {
    /// How an attempt ended.
    public enum AttemptOutcome: String, Sendable, Hashable, CaseIterable {
        /// It returned.
        case success
        /// It threw.
        case failure
        /// Its time was up.
        case timeout
        /// The caller gave it up.
        case cancelled
    }

    /// Who refused a call.
    public enum Rejection: Sendable {
        /// The bulkhead.
        case bulkhead(BulkheadRejected)
        /// The breaker; with the number of the attempt that was not made.
        case circuitBreaker(CircuitOpen, attempt: Int)
    }

    /// An attempt begins: its number, 1 for the first.
    case attemptStarted(Int)
    /// An attempt has ended: its number, how, and how long it took.
    case attemptEnded(Int, AttemptOutcome, Duration)
    /// Another attempt will be made: its number, and the delay until then.
    case retryScheduled(attempt: Int, delay: Duration, isPushback: Bool)
    /// An error that could be retried is the last one: the number of attempts, and why.
    case gaveUp(attempts: Int, RetryPolicy.GiveUpReason)
    /// The call, or another attempt, was refused.
    case rejected(Rejection)
    /// Time ran out. For ``DeadlineExceeded/Stage/attempt`` it is that of the attempt, which may be followed by another.
    case deadlineExceeded(DeadlineExceeded.Stage)
}
