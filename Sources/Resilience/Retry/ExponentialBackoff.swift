/// The delays between attempts: exponential growth up to a maximum, with jitter.
///
/// A plain value without a clock: the caller sleeps. Source of the jitter forms: "Exponential Backoff And Jitter" of the
/// AWS architecture blog; equal jitter never draws a delay near zero repeatedly, full jitter spreads a herd best.
public struct ExponentialBackoff: Sendable, Hashable {
    /// How a delay is drawn from its ceiling.
    public enum Jitter: Sendable, Hashable {
        /// Between zero and the ceiling.
        case full
        /// Between half the ceiling and the ceiling.
        case equal
    }

    /// The ceiling of the first delay.
    public var initial: Duration
    /// The ceiling that growth stops at.
    public var maximum: Duration
    /// The growth from one ceiling to the next, at least 1.
    public var multiplier: Double
    /// How a delay is drawn.
    public var jitter: Jitter

    /// Creates a backoff.
    ///
    /// - Parameters:
    ///   - initial: The ceiling of the first delay.
    ///   - maximum: The ceiling that growth stops at.
    ///   - multiplier: The growth from one ceiling to the next; values below 1 count as 1.
    ///   - jitter: How a delay is drawn from its ceiling.
    public init(initial: Duration, maximum: Duration, multiplier: Double = 2, jitter: Jitter = .equal) {
        self.initial = initial
        self.maximum = maximum
        self.multiplier = Swift.max(1, multiplier)
        self.jitter = jitter
    }

    /// The largest delay after a number of failures.
    ///
    /// - Parameter failures: How many attempts have failed; 1 after the first.
    public func ceiling(afterFailures failures: Int) -> Duration {
        // What does not grow is not looped over, and nothing is multiplied beyond the maximum, where it could overflow.
        guard failures > 1, multiplier > 1, initial > .zero else { return Swift.min(initial, maximum) }
        var ceiling = initial
        for _ in 1..<failures {
            guard ceiling < maximum / multiplier else { return maximum }
            ceiling = ceiling * multiplier
        }
        return Swift.min(ceiling, maximum)
    }

    /// Draws the delay after a number of failures.
    ///
    /// - Parameters:
    ///   - failures: How many attempts have failed; 1 after the first.
    ///   - generator: The source of randomness.
    public func delay(
        afterFailures failures: Int,
        using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let ceiling = ceiling(afterFailures: failures)
        let share: Double
        switch jitter {
        case .full: share = Double.random(in: 0...1, using: &generator)
        case .equal: share = Double.random(in: 0.5...1, using: &generator)
        }
        // The product is rounded; the ceiling is a promise.
        return Swift.min(ceiling, ceiling * share)
    }

    /// Draws the delay after a number of failures from the system's randomness.
    ///
    /// - Parameter failures: How many attempts have failed; 1 after the first.
    public func delay(afterFailures failures: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(afterFailures: failures, using: &generator)
    }
}
