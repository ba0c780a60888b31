/// How calls to one target are protected.
///
/// A plain value that is filled from wherever configuration comes from. What is nil is not used.
public struct ResilienceConfiguration: Sendable, Hashable {
    /// How long a call may take with all its attempts and waits; nil for as long as the caller's deadline allows.
    public var callTimeout: Duration?
    /// How long an attempt may take; nil for as long as the call may.
    ///
    /// Somewhat more than the server's own time-out: a server that answers "deadline exceeded" costs nothing, while each
    /// stream that the client resets is counted by the server, which closes the connection when there are too many.
    public var attemptTimeout: Duration?
    /// Who ends an attempt when its time is up.
    public var enforcement: TimeoutEnforcement
    /// How often a call is attempted.
    public var retry: RetryPolicy
    /// When no call is retried.
    public var retryBudget: RetryBudget.Configuration?
    /// When no call is made.
    public var circuitBreaker: CircuitBreaker.Configuration?
    /// How many calls are made at once.
    public var bulkhead: Bulkhead.Configuration?

    /// Who ends an attempt when its time is up.
    public enum TimeoutEnforcement: String, Sendable, Hashable, CaseIterable {
        /// The pipeline: it cancels the attempt's task.
        case pipeline
        /// The call, which is told how long it may take. Saves two child tasks and a timer for each attempt; only for
        /// calls that are known to keep to it.
        case call
    }

    /// Creates a configuration. The defaults are for a call within a data centre.
    ///
    /// - Parameters:
    ///   - callTimeout: How long a call may take with all its attempts and waits.
    ///   - attemptTimeout: How long an attempt may take.
    ///   - enforcement: Who ends an attempt when its time is up.
    ///   - retry: How often a call is attempted.
    ///   - retryBudget: When no call is retried.
    ///   - circuitBreaker: When no call is made.
    ///   - bulkhead: How many calls are made at once.
    public init(
        callTimeout: Duration? = .seconds(5),
        attemptTimeout: Duration? = .seconds(2),
        enforcement: TimeoutEnforcement = .pipeline,
        retry: RetryPolicy = RetryPolicy(),
        retryBudget: RetryBudget.Configuration? = RetryBudget.Configuration(),
        circuitBreaker: CircuitBreaker.Configuration? = CircuitBreaker.Configuration(),
        bulkhead: Bulkhead.Configuration? = Bulkhead.Configuration()
    ) {
        self.callTimeout = callTimeout
        self.attemptTimeout = attemptTimeout
        self.enforcement = enforcement
        self.retry = retry
        self.retryBudget = retryBudget
        self.circuitBreaker = circuitBreaker
        self.bulkhead = bulkhead
    }
}
