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

    private let driver: PullDriver

    init(driver: PullDriver) {
        self.driver = driver
    }

    deinit {
        driver.stop()
    }

    /// Creates an iterator over what is delivered from here on.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(consumer: self)
    }

    /// Returns the next message, or `nil` at the end.
    public func next() async throws -> JetStreamMessage? {
        try await driver.next()
    }

    /// Stops asking for messages; what is buffered can still be read. Calling it again does nothing.
    ///
    /// Messages that the server has sent and that have not arrived come again after `ack_wait`.
    public func stop() {
        driver.stop()
    }

    /// Returns all buffered messages at once, to hand them back with `nak(delay:)` after `stop()`.
    public func takeBuffered() -> [JetStreamMessage] {
        driver.takeBuffered()
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

extension JetStreamContext {
    /// Reads the messages of a durable pull consumer, which must exist.
    ///
    /// Reading starts now, not with the first `next()`.
    /// - Throws: `NATSError` with `.invalidArgument` or `.closed`.
    public func messages(
        stream: String,
        consumer: String,
        options: PullOptions = PullOptions()
    ) throws -> PullConsumer {
        try Subjects.validate(name: stream, of: "stream")
        try Subjects.validate(name: consumer, of: "consumer")
        try options.validate()
        let driver = PullDriver(
            connection.core,
            subject: "\(prefix)CONSUMER.MSG.NEXT.\(stream).\(consumer)",
            thing: "consumer '\(consumer)' of stream '\(stream)'",
            options: options
        )
        try driver.start()
        return PullConsumer(driver: driver)
    }
}
