/// The configuration of a stream (JetStream API `STREAM.CREATE`).
///
/// A field that is `nil` is left to the server when the stream is created, and not compared when it exists.
public struct StreamConfiguration: Sendable, Hashable, Codable {
    /// When the stream forgets messages.
    public enum Retention: String, Sendable, Codable {
        /// When a limit is reached.
        case limits
        /// When every consumer that is interested has acknowledged.
        case interest
        /// When one consumer has acknowledged.
        case workQueue = "workqueue"
    }

    /// Where messages are kept.
    public enum Storage: String, Sendable, Codable {
        /// On disk.
        case file
        /// In memory.
        case memory
    }

    /// What happens to a message that does not fit the limits.
    public enum Discard: String, Sendable, Codable {
        /// The oldest messages are removed, acknowledged or not.
        case old
        /// The new message is refused.
        case new
    }

    /// The name: one subject token.
    public var name: String
    /// The subjects that the stream stores.
    public var subjects: [String]
    /// What the stream is for.
    public var description: String?
    /// When the stream forgets messages.
    public var retention: Retention
    /// Where messages are kept.
    public var storage: Storage
    /// What happens to a message that does not fit the limits.
    public var discard: Discard
    /// The age at which messages are removed, acknowledged or not; zero means never.
    public var maxAge: Duration?
    /// The size of the stream in bytes; −1 means unlimited.
    public var maxBytes: Int64?
    /// The number of messages; −1 means unlimited.
    public var maxMessages: Int64?
    /// The number of messages per subject; −1 means unlimited.
    public var maxMessagesPerSubject: Int64?
    /// The size of one message in bytes; −1 means unlimited.
    public var maxMessageSize: Int32?
    /// How long a `Nats-Msg-Id` is remembered.
    public var duplicateWindow: Duration?
    /// On how many servers each message is kept.
    public var replicas: Int?
    /// Whether batches may be published atomically (nats-server 2.12).
    public var allowAtomic: Bool?
    /// Whether any replica may answer `getMessage`.
    public var allowDirect: Bool?
    /// Free key and value pairs.
    public var metadata: [String: String]?

    /// Creates a configuration; what is not given stays with the server's default.
    public init(
        name: String,
        subjects: [String],
        description: String? = nil,
        retention: Retention = .limits,
        storage: Storage = .file,
        discard: Discard = .old,
        maxAge: Duration? = nil,
        maxBytes: Int64? = nil,
        maxMessages: Int64? = nil,
        maxMessagesPerSubject: Int64? = nil,
        maxMessageSize: Int32? = nil,
        duplicateWindow: Duration? = nil,
        replicas: Int? = nil,
        allowAtomic: Bool? = nil,
        allowDirect: Bool? = nil,
        metadata: [String: String]? = nil
    ) {
        self.name = name
        self.subjects = subjects
        self.description = description
        self.retention = retention
        self.storage = storage
        self.discard = discard
        self.maxAge = maxAge
        self.maxBytes = maxBytes
        self.maxMessages = maxMessages
        self.maxMessagesPerSubject = maxMessagesPerSubject
        self.maxMessageSize = maxMessageSize
        self.duplicateWindow = duplicateWindow
        self.replicas = replicas
        self.allowAtomic = allowAtomic
        self.allowDirect = allowDirect
        self.metadata = metadata
    }
}
