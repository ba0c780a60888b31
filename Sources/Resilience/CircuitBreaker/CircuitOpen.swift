/// A call was not made because its circuit breaker is open.
public struct CircuitOpen: Error, Sendable, CustomStringConvertible {
    /// The breaker's name.
    public let breaker: String
    /// The breaker's state: open, forced open, or half open with all its permits in use.
    public let state: CircuitBreaker.State
    /// When it makes sense to try again, nil when nobody knows: the breaker is forced open.
    public let retryAfter: Duration?
    /// What was going on in the call that opened the breaker: what the breaker's `cause` returned there.
    public let cause: (any Sendable)?

    /// Creates the error.
    ///
    /// - Parameters:
    ///   - breaker: The breaker's name.
    ///   - state: The breaker's state.
    ///   - retryAfter: When it makes sense to try again.
    ///   - cause: What was going on in the call that opened the breaker.
    public init(breaker: String, state: CircuitBreaker.State, retryAfter: Duration?, cause: (any Sendable)? = nil) {
        self.breaker = breaker
        self.state = state
        self.retryAfter = retryAfter
        self.cause = cause
    }

    /// What happened, and when to try again.
    public var description: String {
        let what = "circuit breaker \(breaker) is \(state.rawValue)"
        guard let retryAfter else { return what }
        let milliseconds = Int64((retryAfter / .milliseconds(1)).rounded(.up))
        return "\(what); try again in \(Duration.milliseconds(milliseconds))"
    }
}
