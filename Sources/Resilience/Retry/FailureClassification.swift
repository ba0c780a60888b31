/// What an error means for the call that threw it.
public struct FailureClassification: Sendable, Hashable {
    /// What it says about the health of what was called.
    public var outcome: CallOutcome
    /// Whether the call may be made again: its effect cannot happen twice, and another attempt may succeed.
    public var isRetryable: Bool
    /// What the server asked for.
    public var pushback: ServerPushback?

    /// Creates a classification.
    ///
    /// - Parameters:
    ///   - outcome: What it says about the health of what was called.
    ///   - isRetryable: Whether the call may be made again.
    ///   - pushback: What the server asked for.
    public init(outcome: CallOutcome, isRetryable: Bool, pushback: ServerPushback? = nil) {
        self.outcome = outcome
        self.isRetryable = isRetryable
        self.pushback = pushback
    }
}
