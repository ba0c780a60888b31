/// What the server says about a stream (JetStream API `STREAM.INFO`).
public struct StreamInfo: Sendable, Decodable {
    /// The configuration.
    public let configuration: StreamConfiguration
    /// The content.
    public let state: State

    /// The content of a stream.
    public struct State: Sendable, Hashable, Decodable {
        /// The number of messages.
        public let messages: UInt64
        /// Their size in bytes.
        public let bytes: UInt64
        /// The oldest sequence.
        public let firstSequence: UInt64
        /// The newest sequence.
        public let lastSequence: UInt64
        /// When the oldest message was stored, in nanoseconds since 1970; `nil` when there is none.
        public let firstTimestamp: Int64?
        /// When the newest message was stored, in nanoseconds since 1970; `nil` when there never was one.
        public let lastTimestamp: Int64?
        /// How many consumers the stream has.
        public let consumers: Int
        /// The number of messages of each subject, when they were asked for.
        public let subjects: [String: UInt64]?

        init(
            messages: UInt64,
            bytes: UInt64,
            firstSequence: UInt64,
            lastSequence: UInt64,
            firstTimestamp: Int64?,
            lastTimestamp: Int64?,
            consumers: Int,
            subjects: [String: UInt64]? = nil
        ) {
            self.messages = messages
            self.bytes = bytes
            self.firstSequence = firstSequence
            self.lastSequence = lastSequence
            self.firstTimestamp = firstTimestamp
            self.lastTimestamp = lastTimestamp
            self.consumers = consumers
            self.subjects = subjects
        }

        private enum CodingKeys: String, CodingKey {
            case messages, bytes, subjects
            case firstSequence = "first_seq"
            case lastSequence = "last_seq"
            case firstTimestamp = "first_ts"
            case lastTimestamp = "last_ts"
            case consumers = "consumer_count"
        }

        /// Decodes the API's JSON.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            messages = try container.decode(UInt64.self, forKey: .messages)
            bytes = try container.decode(UInt64.self, forKey: .bytes)
            firstSequence = try container.decode(UInt64.self, forKey: .firstSequence)
            lastSequence = try container.decode(UInt64.self, forKey: .lastSequence)
            let first = try container.decodeTimestampIfPresent(forKey: .firstTimestamp)
            firstTimestamp = messages == 0 ? nil : first
            lastTimestamp = try container.decodeTimestampIfPresent(forKey: .lastTimestamp)
            consumers = try container.decodeIfPresent(Int.self, forKey: .consumers) ?? 0
            subjects = try container.decodeIfPresent([String: UInt64].self, forKey: .subjects)
        }
    }

    private enum CodingKeys: String, CodingKey {
        case configuration = "config"
        case state
    }
}

/// What the server says about a consumer (JetStream API `CONSUMER.INFO`).
public struct ConsumerInfo: Sendable, Decodable {
    /// The stream.
    public let stream: String
    /// The consumer.
    public let name: String
    /// The configuration.
    public let configuration: ConsumerConfiguration
    /// The last delivered message.
    public let delivered: Position
    /// The message up to which everything is acknowledged.
    public let ackFloor: Position
    /// How many messages are delivered and not acknowledged.
    public let ackPending: Int
    /// How many of those have been delivered more than once.
    public let redelivered: Int
    /// How many pull requests wait.
    public let waiting: Int
    /// How many messages have not been delivered yet.
    public let pending: UInt64

    /// A message by its two numbers.
    public struct Position: Sendable, Hashable, Decodable {
        /// The sequence of deliveries of the consumer.
        public let consumerSequence: UInt64
        /// The sequence of the message in the stream.
        public let streamSequence: UInt64
        /// When it last moved, in nanoseconds since 1970; `nil` when it has not.
        public let lastActive: Int64?

        init(consumerSequence: UInt64, streamSequence: UInt64, lastActive: Int64?) {
            self.consumerSequence = consumerSequence
            self.streamSequence = streamSequence
            self.lastActive = lastActive
        }

        private enum CodingKeys: String, CodingKey {
            case consumerSequence = "consumer_seq"
            case streamSequence = "stream_seq"
            case lastActive = "last_active"
        }

        /// Decodes the API's JSON.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            consumerSequence = try container.decode(UInt64.self, forKey: .consumerSequence)
            streamSequence = try container.decode(UInt64.self, forKey: .streamSequence)
            lastActive = try container.decodeTimestampIfPresent(forKey: .lastActive)
        }
    }

    private enum CodingKeys: String, CodingKey {
        case stream = "stream_name"
        case name
        case configuration = "config"
        case delivered
        case ackFloor = "ack_floor"
        case ackPending = "num_ack_pending"
        case redelivered = "num_redelivered"
        case waiting = "num_waiting"
        case pending = "num_pending"
    }
}

extension KeyedDecodingContainer {
    /// Decodes a date as the API writes it, as nanoseconds since 1970.
    fileprivate func decodeTimestampIfPresent(forKey key: Key) throws -> Int64? {
        try decodeIfPresent(String.self, forKey: key).flatMap { Timestamp.nanoseconds($0) }
    }
}
