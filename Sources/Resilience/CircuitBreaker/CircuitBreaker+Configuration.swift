extension CircuitBreaker {
    /// When a breaker opens, for how long, and what it lets through to find out whether it may close.
    public struct Configuration: Sendable, Hashable {
        /// The calls that the rates are computed from.
        public enum Window: Sendable, Hashable {
            /// The last calls.
            case calls(Int)
            /// The calls of the last seconds, in ten buckets; a bucket leaves as a whole.
            case time(Duration)
        }

        /// The share of failed calls, above 0 and up to 1, at which the breaker opens.
        public var failureRateThreshold: Double
        /// The duration from which a call is slow, whatever its outcome; nil if no call is.
        public var slowCallDuration: Duration?
        /// The share of slow calls, above 0 and up to 1, at which the breaker opens.
        public var slowCallRateThreshold: Double
        /// The calls that the rates are computed from.
        public var window: Window
        /// How many calls the window must have before the breaker opens.
        public var minimumCalls: Int
        /// How long the breaker stays open: growing with each time that it opens without having closed in between, and
        /// drawn with jitter, so that replicas do not probe at the same instant.
        public var openDuration: ExponentialBackoff
        /// How many calls are let through when the breaker is half open; all of them decide.
        public var halfOpenPermits: Int
        /// How long a half-open call may take. Then its permit is taken back and it counts as failed, so that a call
        /// that never ends cannot keep the breaker half open. More than a call's time-out.
        public var probeLease: Duration

        /// Creates a configuration.
        ///
        /// A breaker uses the nearest valid value instead of one that is out of range;
        /// ``ResilienceConfiguration/validate()`` refuses such values.
        ///
        /// - Parameters:
        ///   - failureRateThreshold: The share of failed calls at which the breaker opens.
        ///   - slowCallDuration: The duration from which a call is slow, or nil if none is.
        ///   - slowCallRateThreshold: The share of slow calls at which the breaker opens.
        ///   - window: The calls that the rates are computed from.
        ///   - minimumCalls: How many calls the window must have before the breaker opens.
        ///   - openDuration: How long the breaker stays open.
        ///   - halfOpenPermits: How many calls are let through when the breaker is half open.
        ///   - probeLease: How long a half-open call may take.
        public init(
            failureRateThreshold: Double = 0.5,
            slowCallDuration: Duration? = nil,
            slowCallRateThreshold: Double = 1,
            window: Window = .time(.seconds(10)),
            minimumCalls: Int = 20,
            openDuration: ExponentialBackoff = ExponentialBackoff(initial: .seconds(2), maximum: .seconds(6)),
            halfOpenPermits: Int = 3,
            probeLease: Duration = .seconds(10)
        ) {
            self.failureRateThreshold = failureRateThreshold
            self.slowCallDuration = slowCallDuration
            self.slowCallRateThreshold = slowCallRateThreshold
            self.window = window
            self.minimumCalls = minimumCalls
            self.openDuration = openDuration
            self.halfOpenPermits = halfOpenPermits
            self.probeLease = probeLease
        }
    }
}
