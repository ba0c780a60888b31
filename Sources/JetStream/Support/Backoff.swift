/// Exponential back-off with jitter.
enum Backoff {
    /// Returns the wait after attempt number `attempt`, counted from 0: between half and all of the doubled bound.
    static func delay(attempt: Int, in range: ClosedRange<Duration>) -> Duration {
        let doubled = range.lowerBound * (1 << min(max(attempt, 0), 16))
        return min(doubled, range.upperBound) * Double.random(in: 0.5...1)
    }
}
