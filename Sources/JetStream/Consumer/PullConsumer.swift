/// The messages of a durable pull consumer, with explicit acknowledgement.
///
/// Messages are asked for ahead of the reader, up to `PullOptions.maximumBuffered`. Requests are repeated after a
/// reconnect, after a change of leader and when heartbeats stop, so an iteration survives everything but the end of the
/// consumer. After a restart of the server, which may have forgotten its latest deliveries, buffered messages are handed
/// back. It may have several iterators; each message goes to one of them.
///
/// The iteration ends (`nil`) when its task is cancelled, or after `stop()` when the buffer is empty. It throws when the
/// consumer is deleted, the server refuses it, or the connection is shut down.
public final class PullConsumer: AsyncSequence, Sendable {
    /// A message.
    public typealias Element = JetStreamMessage

    private let source: any MessageSource

    init(source: any MessageSource) {
        self.source = source
    }

    deinit {
        source.stop()
    }

    /// Creates an iterator over what is delivered from here on.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(consumer: self)
    }

    /// Returns the next message, or `nil` at the end.
    public func next() async throws -> JetStreamMessage? {
        try await source.next()
    }

    /// Stops asking for messages; what is buffered can still be read. Calling it again does nothing.
    ///
    /// Messages that the server has sent and that have not arrived come again after `ack_wait`.
    public func stop() {
        source.stop()
    }

    /// What has happened so far; cheap enough for every scrape of metrics.
    public var statistics: PullStatistics { source.statistics }

    /// Returns all buffered messages at once, to hand them back with `nak(delay:)` after `stop()`.
    public func takeBuffered() -> [JetStreamMessage] {
        source.takeBuffered()
    }

    /// An asynchronous iterator over messages.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let consumer: PullConsumer

        /// Returns the next message, or `nil` at the end.
        public mutating func next() async throws -> JetStreamMessage? {
            try await consumer.next()
        }
    }
}

/// Where a pull consumer's messages come from.
protocol MessageSource: AnyObject, Sendable {
    var statistics: PullStatistics { get }

    func next() async throws -> JetStreamMessage?
    func stop()
    func takeBuffered() -> [JetStreamMessage]
}

/// What has happened to a pull consumer so far.
public struct PullStatistics: Sendable, Hashable {
    /// The messages that have arrived.
    public internal(set) var delivered = 0
    /// The messages that wait for a reader now.
    public internal(set) var buffered = 0
    /// The messages that the server has been asked for and that have not come yet.
    public internal(set) var outstanding = 0
    /// The messages that came too fast for the buffer; they come again after `ack_wait`.
    public internal(set) var dropped = 0
    /// How often requests were given up because heartbeats stopped.
    public internal(set) var missedHeartbeats = 0
    /// How often the subscription was recreated because messages were pending and none came.
    public internal(set) var recreations = 0
}

extension JetStreamContext {
    /// Reads the messages of a durable pull consumer, which must exist.
    ///
    /// Reading starts now, not with the first `next()`.
    /// - Parameter onStall: Called on a thread of the connection, which it must not block, when messages were pending,
    ///   none came for `PullOptions.stallTimeout`, and the subscription has been recreated.
    /// - Throws: `NATSError` with `.invalidArgument` or `.closed`.
    public func messages(
        stream: String,
        consumer: String,
        options: PullOptions,
        onStall: (@Sendable (PullStall) -> Void)?
    ) throws -> PullConsumer {
        try Subjects.validate(name: stream, of: "stream")
        try Subjects.validate(name: consumer, of: "consumer")
        try options.validate()
        let driver = PullDriver(
            connection.core,
            subject: "\(prefix)CONSUMER.MSG.NEXT.\(stream).\(consumer)",
            infoSubject: "\(prefix)CONSUMER.INFO.\(stream).\(consumer)",
            thing: "consumer '\(consumer)' of stream '\(stream)'",
            options: options,
            onStall: onStall
        )
        try driver.start()
        return PullConsumer(source: driver)
    }
}
