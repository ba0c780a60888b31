/// How long to wait before a batch is sent again.
///
/// Exponential backoff with jitter, as OTLP 1.11 "Retryable Response Codes" and the exporter specification want it; a
/// server's `Retry-After` can make a wait longer, never shorter.
struct RetryPolicy: Sendable, Hashable {
    var initialDelay: Duration
    var maximumDelay: Duration
    static let multiplier = 1.5
    /// The share of a delay that chance may add or take away.
    static let jitter = 0.5

    /// - Parameters:
    ///   - retry: 0 for the first repetition.
    ///   - retryAfter: What the server asked for.
    ///   - chance: A random number from 0 to 1.
    func delay(retry: Int, retryAfter: Duration?, chance: Double) -> Duration {
        var delay = initialDelay
        for _ in 0..<min(retry, 64) where delay < maximumDelay { delay *= Self.multiplier }
        delay = min(delay, maximumDelay) * (1 - Self.jitter + 2 * Self.jitter * chance)
        return max(delay, retryAfter ?? .zero)
    }
}

extension Duration {
    fileprivate static func * (duration: Duration, factor: Double) -> Duration {
        .nanoseconds(Int64(duration / .nanoseconds(1) * factor))
    }

    fileprivate static func *= (duration: inout Duration, factor: Double) {
        duration = duration * factor
    }
}
