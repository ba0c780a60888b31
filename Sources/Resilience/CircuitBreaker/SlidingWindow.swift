/// The calls that a breaker judges by: the last ones, or those of the last seconds.
///
/// Both are a ring of buckets with running sums. For a number of calls each bucket is one call; for a time each is a
/// tenth of it, so the window is up to a tenth shorter than configured, and memory does not grow with the load.
package struct SlidingWindow: Sendable {
    package struct Counts: Sendable, Hashable {
        package var calls = 0
        package var failures = 0
        package var slow = 0

        package init() {}

        /// The share of failures, or nil without calls. Divided, so that 7 of 100 is the same number as 0.07.
        package var failureRate: Double? { calls > 0 ? Double(failures) / Double(calls) : nil }
        package var slowRate: Double? { calls > 0 ? Double(slow) / Double(calls) : nil }
    }

    /// How many buckets a window of time has.
    package static let timeBuckets = 10

    private var buckets: [Counts]
    private var head = 0
    /// The time of one bucket; nil for a window of calls.
    private let width: Duration?
    private let origin: ContinuousClock.Instant
    private var epoch: Int64 = 0
    package private(set) var counts = Counts()

    package init(_ extent: CircuitBreaker.Configuration.Window, at now: ContinuousClock.Instant) {
        switch extent {
        case .calls(let count):
            buckets = Array(repeating: Counts(), count: max(1, count))
            width = nil
        case .time(let duration):
            buckets = Array(repeating: Counts(), count: Self.timeBuckets)
            width = max(duration, .milliseconds(Self.timeBuckets)) / Self.timeBuckets
        }
        origin = now
    }

    package mutating func record(isFailure: Bool, isSlow: Bool, at now: ContinuousClock.Instant) {
        if width == nil { rotate() } else { advance(to: now) }
        buckets[head].calls += 1
        counts.calls += 1
        if isFailure {
            buckets[head].failures += 1
            counts.failures += 1
        }
        if isSlow {
            buckets[head].slow += 1
            counts.slow += 1
        }
    }

    /// Forgets what has become too old. An earlier instant than the last one changes nothing: the clock is read before
    /// the lock is taken, so two callers may come in the other order.
    package mutating func advance(to now: ContinuousClock.Instant) {
        guard let width else { return }
        let epoch = origin.duration(to: now).nanoseconds / width.nanoseconds
        guard epoch > self.epoch else { return }
        for _ in 0..<min(epoch - self.epoch, Int64(buckets.count)) { rotate() }
        self.epoch = epoch
    }

    package mutating func clear(at now: ContinuousClock.Instant) {
        advance(to: now)
        guard counts.calls > 0 else { return }
        for index in buckets.indices { buckets[index] = Counts() }
        counts = Counts()
    }

    private mutating func rotate() {
        head = head + 1 == buckets.count ? 0 : head + 1
        counts.calls -= buckets[head].calls
        counts.failures -= buckets[head].failures
        counts.slow -= buckets[head].slow
        buckets[head] = Counts()
    }
}

extension Duration {
    /// The duration in whole nanoseconds, or the nearest number that there is (292 years).
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowOfSum) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow || overflowOfSum ? (seconds < 0 ? .min : .max) : sum
    }
}
