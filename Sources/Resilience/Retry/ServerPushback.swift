/// What a server says about another attempt (gRFC A6, `grpc-retry-pushback-ms`).
public enum ServerPushback: Sendable, Hashable {
    /// Another attempt may come after this delay, which takes the place of the backoff.
    case retry(after: Duration)
    /// No other attempt may come.
    case doNotRetry

    /// Reads the value of a `grpc-retry-pushback-ms` header.
    ///
    /// - Parameter milliseconds: The value. One that is negative, or that is no whole number of at most 32 bits, means
    ///   that no other attempt may come.
    public init(milliseconds: some StringProtocol) {
        if let value = Int32(milliseconds), value >= 0 {
            self = .retry(after: .milliseconds(value))
        } else {
            self = .doNotRetry
        }
    }
}
