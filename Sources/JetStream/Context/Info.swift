/// What the server says about a stream (JetStream API `STREAM.INFO`).
public struct StreamInfo: Sendable, Decodable {
    /// The configuration.
    public let configuration: StreamConfiguration
    /// The content.
    public let state: State

    /// The content of a stream.
    public struct State: Sendable, Decodable {
        /// The number of messages.
        public let messages: UInt64
        /// Their size in bytes.
        public let bytes: UInt64
        /// The oldest sequence.
        public let firstSequence: UInt64
        /// The newest sequence.
        public let lastSequence: UInt64

        private enum CodingKeys: String, CodingKey {
            case messages, bytes
            case firstSequence = "first_seq"
            case lastSequence = "last_seq"
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
    public struct Position: Sendable, Decodable {
        /// The sequence of deliveries of the consumer.
        public let consumerSequence: UInt64
        /// The sequence of the message in the stream.
        public let streamSequence: UInt64

        private enum CodingKeys: String, CodingKey {
            case consumerSequence = "consumer_seq"
            case streamSequence = "stream_seq"
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
