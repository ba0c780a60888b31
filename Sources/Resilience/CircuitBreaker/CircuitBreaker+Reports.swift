extension CircuitBreaker {
    /// What a breaker does with calls.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// All are let through and judged.
        case closed
        /// None is let through.
        case open
        /// A few are let through, to find out.
        case halfOpen = "half_open"
        /// None is let through until somebody says otherwise.
        case forcedOpen = "forced_open"
        /// All are let through, none is judged.
        case disabled
    }

    /// Who decides about a breaker's state.
    public enum Mode: Sendable, Hashable {
        /// The outcomes of the calls.
        case automatic
        /// Nobody: it stays open.
        case forcedOpen
        /// Nobody: everything is let through.
        case disabled
    }

    /// Why a breaker's state changed.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// Too many calls failed.
        case failureRate = "failure_rate"
        /// Too many calls were slow.
        case slowCallRate = "slow_call_rate"
        /// A half-open call did not end within its lease.
        case probeLost = "probe_lost"
        /// The time of being open is over.
        case openDurationElapsed = "open_duration_elapsed"
        /// Enough half-open calls were good.
        case probesSucceeded = "probes_succeeded"
        /// Somebody changed the mode.
        case mode
    }

    /// One change of a breaker's state.
    public struct Transition: Sendable {
        /// The breaker's name.
        public let breaker: String
        /// The state before.
        public let from: State
        /// The state after.
        public let to: State
        /// When it was noticed: a breaker has no timer, it becomes half open with the first call or scrape after its time.
        public let at: ContinuousClock.Instant
        /// Why.
        public let reason: Reason
        /// The share of failed calls that decided, if there were calls.
        public let failureRate: Double?
        /// The share of slow calls that decided, if there were calls.
        public let slowCallRate: Double?
        /// How long it stays open, when it opened by itself.
        public let openDuration: Duration?
        /// How many changes there were, this one included. Observers are called without a lock; two that come at once
        /// are put in order by this.
        public let generation: UInt64
        /// What was going on in the call that opened the breaker: what the breaker's `cause` returned there.
        public let cause: (any Sendable)?
    }

    /// How many calls ended in each way since the breaker was made.
    public struct CallTotals: Sendable, Hashable {
        /// Succeeded in time.
        public internal(set) var success: UInt64 = 0
        /// Failed, slow or not.
        public internal(set) var failure: UInt64 = 0
        /// Succeeded, but slowly.
        public internal(set) var slow: UInt64 = 0
        /// Said nothing.
        public internal(set) var ignored: UInt64 = 0
        /// Was not let through.
        public internal(set) var rejected: UInt64 = 0
    }

    /// How often a breaker went from one state to another.
    public struct TransitionTotal: Sendable, Hashable {
        /// The state before.
        public let from: State
        /// The state after.
        public let to: State
        /// How often, since the breaker was made.
        public let count: UInt64
    }

    /// A breaker at one instant, for metrics that are computed when they are scraped.
    public struct Snapshot: Sendable {
        /// The breaker's name.
        public let name: String
        /// What it does with calls.
        public let state: State
        /// How many calls it judges by: those of the window, or the half-open ones.
        public let bufferedCalls: Int
        /// The share of them that failed, nil without calls.
        public let failureRate: Double?
        /// The share of them that were slow, nil without calls.
        public let slowCallRate: Double?
        /// How many half-open calls are under way.
        public let probesInFlight: Int
        /// When the next call may be let through, while the breaker is open by itself.
        public let retryAfter: Duration?
        /// How many calls ended in each way.
        public let calls: CallTotals
        /// How often the state changed: the four changes that a breaker makes by itself, and what else happened.
        public let transitions: [TransitionTotal]
        /// What was going on in the call that opened the breaker, while it has not closed since.
        public let cause: (any Sendable)?
    }
}
