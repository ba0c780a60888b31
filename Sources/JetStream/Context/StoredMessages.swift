/// The messages of a stream in order, read without a consumer: nothing is acknowledged, locked or taken away.
///
/// It reads one message a request, up to the newest one that the stream has when the iteration begins.
public struct StoredMessages: AsyncSequence, Sendable {
    /// A message.
    public typealias Element = StoredMessage

    let broker: any JetStreamBroker
    let stream: String
    let subject: String
    let first: UInt64

    /// Creates an iterator.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(messages: self, next: first)
    }

    /// An asynchronous iterator over stored messages.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let messages: StoredMessages
        var next: UInt64
        private var last: UInt64?

        init(messages: StoredMessages, next: UInt64) {
            self.messages = messages
            self.next = next
        }

        /// Returns the next message, or `nil` behind the last one.
        ///
        /// - Throws: `JetStreamError`, `NATSError`, `CancellationError`.
        public mutating func next() async throws -> StoredMessage? {
            let last: UInt64
            if let known = self.last {
                last = known
            } else {
                last = try await messages.broker.streamInfo(messages.stream).state.lastSequence
                self.last = last
            }
            guard next <= last else { return nil }
            let message = try await messages.broker.nextMessage(
                stream: messages.stream,
                subject: messages.subject,
                from: next
            )
            guard let message, message.sequence <= last else {
                next = last + 1
                return nil
            }
            next = message.sequence + 1
            return message
        }
    }
}

extension JetStreamBroker {
    /// Returns the messages of a stream in order, without a consumer.
    ///
    /// - Parameters:
    ///   - subject: The subject, which may have wildcards; `>` for all.
    ///   - sequence: The smallest sequence to return.
    public func storedMessages(
        stream: String,
        subject: String = ">",
        from sequence: UInt64 = 1
    ) -> StoredMessages {
        StoredMessages(broker: self, stream: stream, subject: subject, first: Swift.max(1, sequence))
    }
}
