/// A token bucket: so many at once, and so many a second in the long run.
///
/// A pure state machine; who holds it says what time it is.
struct RateLimit: Sendable, Hashable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var last: UInt64?

    /// - Parameters:
    ///   - perSecond: How many tokens come back each second.
    ///   - burst: How many there are at most, and at the start.
    init(perSecond: Double, burst: Double) {
        self.perSecond = max(0, perSecond)
        self.burst = max(0, burst)
        tokens = max(0, burst)
    }

    /// Takes a token, if there is one.
    ///
    /// - Parameter now: The time in nanoseconds. When a clock is set back, that brings nothing, and time goes on from
    ///   there: waiting for the clock to come back to where it was could take hours.
    mutating func take(at now: UInt64) -> Bool {
        if let last, now > last { tokens = min(burst, tokens + Double(now - last) / 1e9 * perSecond) }
        last = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
