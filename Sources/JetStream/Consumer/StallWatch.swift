/// A subscription that was recreated because it had gone quiet.
public struct PullStall: Sendable, Hashable, CustomStringConvertible {
    /// The stream and the consumer.
    public let consumer: String
    /// The messages that had not been delivered.
    public let pending: UInt64
    /// How long nothing had come.
    public let silence: Duration

    /// The consumer, the messages and the time.
    public var description: String {
        "\(consumer) delivered none of \(pending) pending messages for \(silence); the subscription was recreated"
    }
}

/// Notices that messages are pending and none is delivered, to anybody. It does no I/O and reads no clock.
///
/// After a restart a server can forget pull requests and go on with heartbeats (nats-server issues 4736 and 7680). One
/// look at the consumer is not enough: a message may be pending for a moment, or another process may be the one that
/// gets them. So two looks must find messages pending, room for more, and the same last delivery.
struct StallWatch {
    typealias Instant = ContinuousClock.Instant

    /// What one look found.
    struct Look: Equatable {
        let pending: UInt64
        /// The sequence of the consumer's last delivery.
        let delivered: UInt64
        /// Whether the server may deliver: not paused, and below the limit of unacknowledged messages.
        let mayDeliver: Bool
    }

    enum Verdict: Equatable {
        case quiet
        case stalled(silence: Duration)
    }

    private let timeout: Duration
    private var lastDelivery: Instant
    private var nextLook: Instant
    private var previous: Look?

    init(timeout: Duration, now: Instant) {
        self.timeout = timeout
        lastDelivery = now
        nextLook = now + timeout
    }

    /// When to look at the consumer.
    var deadline: Instant { nextLook }

    /// A message came, or cannot come because the reader has not taken those that are here.
    mutating func delivered(now: Instant) {
        lastDelivery = now
        previous = nil
    }

    /// Whether to look now; notes that it is being done.
    mutating func isDue(now: Instant) -> Bool {
        if now < nextLook { return false }
        let quietSince = lastDelivery + timeout
        if previous == nil, now < quietSince {
            nextLook = quietSince
            return false
        }
        nextLook = now + timeout
        return true
    }

    /// Notes what a look found; `nil` when it failed.
    mutating func looked(_ look: Look?, now: Instant) -> Verdict {
        guard let look, look.pending > 0, look.mayDeliver else {
            previous = nil
            return .quiet
        }
        guard let previous, previous.delivered == look.delivered else {
            self.previous = look
            // The second look comes sooner.
            nextLook = min(nextLook, now + timeout / 4)
            return .quiet
        }
        self.previous = nil
        let silence = now - lastDelivery
        lastDelivery = now
        return .stalled(silence: silence)
    }
}

/// The part of a consumer's information that a look needs.
struct StallInformation: Decodable {
    let numPending: UInt64
    let numAckPending: Int
    let paused: Bool?
    let delivered: Delivered
    let config: Configuration

    struct Delivered: Decodable {
        let consumerSequence: UInt64

        enum CodingKeys: String, CodingKey { case consumerSequence = "consumer_seq" }
    }

    struct Configuration: Decodable {
        let maxAckPending: Int?

        enum CodingKeys: String, CodingKey { case maxAckPending = "max_ack_pending" }
    }

    enum CodingKeys: String, CodingKey {
        case numPending = "num_pending"
        case numAckPending = "num_ack_pending"
        case paused, delivered, config
    }

    var look: StallWatch.Look {
        let limit = config.maxAckPending ?? -1
        return StallWatch.Look(
            pending: numPending,
            delivered: delivered.consumerSequence,
            mayDeliver: paused != true && (limit <= 0 || numAckPending < limit)
        )
    }
}
