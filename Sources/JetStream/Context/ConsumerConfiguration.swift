/// The configuration of a durable pull consumer (JetStream API `CONSUMER.CREATE`).
///
/// A field that is `nil` is left to the server when the consumer is created, and not compared when it exists.
public struct ConsumerConfiguration: Sendable, Hashable, Codable {
    /// Which messages must be acknowledged.
    public enum AckPolicy: String, Sendable, Codable {
        /// Each one.
        case explicit
        /// None; delivery counts.
        case none
        /// One stands for all before it.
        case all
    }

    /// Where a new consumer starts.
    public enum DeliverPolicy: String, Sendable, Codable {
        /// At the oldest message; the only one that a work queue allows.
        case all
        /// At the newest message.
        case last
        /// Behind the newest message.
        case new
    }

    /// How fast old messages are delivered.
    public enum ReplayPolicy: String, Sendable, Codable {
        /// As fast as possible.
        case instant
        /// At the pace at which they came.
        case original
    }

    /// The durable name: one subject token.
    public var durableName: String
    /// What the consumer is for.
    public var description: String?
    /// The subjects that the consumer reads; none means all of the stream.
    public var filterSubjects: [String]
    /// Which messages must be acknowledged.
    public var ackPolicy: AckPolicy
    /// Where a new consumer starts.
    public var deliverPolicy: DeliverPolicy
    /// How fast old messages are delivered.
    public var replayPolicy: ReplayPolicy
    /// How long a message may stay unacknowledged before it is delivered again.
    public var ackWait: Duration?
    /// How often a message is delivered at most; −1 means without limit.
    public var maxDeliver: Int?
    /// The waits before redeliveries that follow a missing acknowledgement, not a negative one. The first entry takes
    /// the place of `ackWait`: shorter than the work, it delivers again what is still in progress.
    public var backoff: [Duration]?
    /// How many messages may be delivered and unacknowledged at the same time.
    public var maxAckPending: Int?
    /// How many pull requests may wait at the same time.
    public var maxWaiting: Int?
    /// On how many servers the consumer's state is kept; 0 means as many as the stream.
    public var replicas: Int?
    /// Free key and value pairs.
    public var metadata: [String: String]?

    /// Creates a configuration; what is not given stays with the server's default.
    public init(
        durableName: String,
        description: String? = nil,
        filterSubjects: [String] = [],
        ackPolicy: AckPolicy = .explicit,
        deliverPolicy: DeliverPolicy = .all,
        replayPolicy: ReplayPolicy = .instant,
        ackWait: Duration? = nil,
        maxDeliver: Int? = nil,
        backoff: [Duration]? = nil,
        maxAckPending: Int? = nil,
        maxWaiting: Int? = nil,
        replicas: Int? = nil,
        metadata: [String: String]? = nil
    ) {
        self.durableName = durableName
        self.description = description
        self.filterSubjects = filterSubjects
        self.ackPolicy = ackPolicy
        self.deliverPolicy = deliverPolicy
        self.replayPolicy = replayPolicy
        self.ackWait = ackWait
        self.maxDeliver = maxDeliver
        self.backoff = backoff
        self.maxAckPending = maxAckPending
        self.maxWaiting = maxWaiting
        self.replicas = replicas
        self.metadata = metadata
    }
}
