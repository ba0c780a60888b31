/// What Contrail needs of JetStream: a server's (``JetStreamContext``), or the one in memory (``InMemoryJetStream``) for
/// tests that need no server.
///
/// One conformance suite holds both to the same behaviour.
public protocol JetStreamBroker: Sendable {
    /// Makes sure that a stream exists as configured: creates it, leaves an equal one alone, or updates it.
    @discardableResult
    func ensureStream(_ configuration: StreamConfiguration) async throws -> StreamInfo
    /// Makes sure that a durable consumer exists as configured.
    @discardableResult
    func ensureConsumer(_ configuration: ConsumerConfiguration, on stream: String) async throws -> ConsumerInfo

    /// Publishes a message to the stream that owns its subject and waits until it is stored.
    func publish(_ message: EncodedMessage, timeout: Duration) async throws -> PublishAcknowledgement
    /// Publishes messages of one stream so that all of them are stored or none is.
    func publishBatch(
        _ messages: [NATSMessage],
        expectedStream: String?,
        timeout: Duration
    ) async throws -> BatchAcknowledgement
    /// Reads the messages of a durable pull consumer.
    func messages(
        stream: String,
        consumer: String,
        options: PullOptions,
        onStall: (@Sendable (PullStall) -> Void)?
    ) throws -> PullConsumer

    /// Returns what is known about a stream, with the number of messages of each subject that matches `subjects`.
    func streamInfo(_ name: String, subjects: String?) async throws -> StreamInfo
    /// Returns what is known about a consumer.
    func consumerInfo(stream: String, consumer: String) async throws -> ConsumerInfo

    /// Returns a message by its sequence.
    func getMessage(stream: String, sequence: UInt64) async throws -> StoredMessage
    /// Returns the newest message of a subject, which may have wildcards.
    func lastMessage(stream: String, subject: String) async throws -> StoredMessage
    /// Returns the first message of a subject from a sequence on, or `nil` when there is none.
    func nextMessage(stream: String, subject: String, from sequence: UInt64) async throws -> StoredMessage?
    /// Counts the messages of a stream that were stored at an instant (nanoseconds since 1970) or later.
    func countMessages(stream: String, since instant: Int64) async throws -> UInt64
    /// Deletes one message.
    func deleteMessage(stream: String, sequence: UInt64, erases: Bool) async throws
    /// Removes all messages of a stream, or those of one subject; returns how many.
    @discardableResult
    func purge(_ name: String, subject: String?) async throws -> UInt64
}

extension JetStreamBroker {
    /// Publishes a message and waits until it is stored; see ``JetStreamContext/publish(_:timeout:)``.
    ///
    /// - Parameters:
    ///   - headers: Headers to send along; names that start with `Nats-` mean something to the server.
    ///   - messageID: The `Nats-Msg-Id`, by which the stream recognises a repetition inside its duplicate window.
    ///   - expectedStream: The stream that must own the subject; another one refuses the message.
    ///   - timeout: How long to wait in all.
    /// - Throws: `JetStreamError` when the stream refuses the message, `NATSError` when the request fails
    ///   (`.timeout`: unknown outcome), `CancellationError`.
    public func publish(
        subject: String,
        headers: NATSHeaders = [:],
        payload: [UInt8],
        messageID: String? = nil,
        expectedStream: String? = nil,
        timeout: Duration = .seconds(5)
    ) async throws -> PublishAcknowledgement {
        let message = try EncodedMessage(
            subject: subject,
            headers: headers,
            payload: payload,
            messageID: messageID,
            expectedStream: expectedStream
        )
        return try await publish(message, timeout: timeout)
    }

    /// Reads the messages of a durable pull consumer; see ``JetStreamContext/messages(stream:consumer:options:onStall:)``.
    public func messages(
        stream: String,
        consumer: String,
        options: PullOptions = PullOptions()
    ) throws -> PullConsumer {
        try messages(stream: stream, consumer: consumer, options: options, onStall: nil)
    }

    /// Returns what is known about a stream.
    ///
    /// - Throws: `JetStreamError` with `.streamNotFound`.
    public func streamInfo(_ name: String) async throws -> StreamInfo {
        try await streamInfo(name, subjects: nil)
    }
}

extension JetStreamContext: JetStreamBroker {}
