/// Where the time of one event went: every nanosecond between its start and its end belongs to one stage.
///
/// The instants come from the clocks of several hosts. The journey never goes back: what a clock claims to have happened
/// before the stage began counts as happening then, so that no wait is negative and the stages always add up to the
/// total; how far the clocks disagreed is ``skew``.
public struct EventJourney: Sendable, Hashable {
    /// When it began, in nanoseconds since the Unix epoch.
    public let start: UInt64
    /// When it ended.
    public private(set) var end: UInt64
    /// How far two clocks on the way disagreed, in nanoseconds, as far as it showed; 0 when it did not.
    public private(set) var skew: UInt64 = 0

    private var durations = [UInt64](repeating: 0, count: Stage.allCases.count)
    private var redeliveryReasons: [String: UInt64] = [:]

    /// Puts a journey together.
    ///
    /// - Parameters:
    ///   - departure: What was known when the event reached its stream.
    ///   - failures: The attempts that failed, first to last.
    ///   - attempt: The attempt that succeeded.
    ///   - hasForgottenAttempts: Whether JetStream has delivered the event before and nobody knows what became of that.
    ///   - end: When the event had been acknowledged.
    public init(
        _ departure: Departure,
        failures: [DeliveryAttempt],
        attempt: AttemptTimes,
        hasForgottenAttempts: Bool = false,
        end: UInt64
    ) {
        start = departure.accepted ?? departure.recorded
        self.end = start
        if departure.accepted != nil { go(to: departure.recorded, through: .accept) }
        if let published = departure.published { go(to: published, through: .outboxWait) }
        go(to: departure.stored, through: .publish)
        var arrival = Stage.streamWait
        var reason: String?
        if failures.isEmpty, hasForgottenAttempts {
            arrival = .redeliveryWait
            reason = Self.forgotten
        }
        for failure in failures {
            go(to: failure.times.start, through: arrival, because: reason)
            go(through: failure.times, until: failure.failedAt)
            arrival = .redeliveryWait
            reason = failure.reason
        }
        go(to: attempt.start, through: arrival, because: reason)
        go(through: attempt, until: end)
    }

    /// From which skew on, in nanoseconds, it is worth showing: less is rounding, and clocks that are being adjusted.
    public static let noticeableSkew: UInt64 = 1_000_000

    /// The reason of a wait for redelivery of which nobody knows why it was necessary: the process died, for example.
    public static let forgotten = "unknown"

    /// From the start to the end, in nanoseconds: the sum of the stages.
    public var total: UInt64 { end - start }

    /// The duration of a stage in nanoseconds.
    public subscript(stage: Stage) -> UInt64 { durations[stage.position] }

    /// The longest stage: the cause, when the journey took too long.
    public var longestStage: Stage {
        // The first of equals.
        Stage.allCases.max { self[$0] < self[$1] || (self[$0] == self[$1] && $0.position > $1.position) } ?? .accept
    }

    /// The reason that cost the most time between attempts; `nil` when there was one attempt.
    public var longestRedeliveryReason: String? {
        redeliveryReasons.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    private mutating func go(through times: AttemptTimes, until end: UInt64) {
        var stage = Stage.lookup
        for (next, instant) in [(Stage.deliver, times.lookedUp), (.record, times.delivered)] {
            guard let instant else { continue }
            go(to: instant, through: stage)
            stage = next
        }
        go(to: end, through: stage)
    }

    private mutating func go(to instant: UInt64, through stage: Stage, because reason: String? = nil) {
        guard instant >= end else {
            skew = max(skew, end - instant)
            return
        }
        durations[stage.position] += instant - end
        if let reason { redeliveryReasons[reason, default: 0] += instant - end }
        end = instant
    }
}

/// What is known about an event when it reaches its stream, in nanoseconds since the Unix epoch.
public struct Departure: Sendable, Hashable {
    /// When the call arrived that caused the event; `nil` when its producer does not say.
    public var accepted: UInt64?
    /// When the event was recorded.
    public var recorded: UInt64
    /// When the publish began that stored it; `nil` when its producer does not say.
    public var published: UInt64?
    /// When the stream stored it, by the broker's clock.
    public var stored: UInt64

    /// Creates a departure.
    public init(accepted: UInt64?, recorded: UInt64, published: UInt64?, stored: UInt64) {
        self.accepted = accepted
        self.recorded = recorded
        self.published = published
        self.stored = stored
    }
}

/// How far one attempt came, and when, in nanoseconds since the Unix epoch.
public struct AttemptTimes: Sendable, Hashable {
    /// When the delivery arrived.
    public var start: UInt64
    /// When the handler knew what it must know; `nil` when it did not come so far.
    public var lookedUp: UInt64?
    /// When the provider had accepted; `nil` when the handler did not come so far.
    public var delivered: UInt64?

    /// Creates the times of an attempt.
    public init(start: UInt64, lookedUp: UInt64? = nil, delivered: UInt64? = nil) {
        self.start = start
        self.lookedUp = lookedUp
        self.delivered = delivered
    }
}

extension Stage {
    /// The place in the journey, from 0.
    fileprivate var position: Int {
        switch self {
        case .accept: 0
        case .outboxWait: 1
        case .publish: 2
        case .streamWait: 3
        case .redeliveryWait: 4
        case .lookup: 5
        case .deliver: 6
        case .record: 7
        }
    }
}
