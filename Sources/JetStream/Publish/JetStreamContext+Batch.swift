internal import Synchronization

/// JetStream's word that all messages of a batch are stored, one after the other.
public struct BatchAcknowledgement: Sendable, Hashable, Decodable {
    /// The stream that holds the messages.
    public let stream: String
    /// The sequence of the last message; the others have those directly before it.
    public let lastSequence: UInt64
    /// How many messages were stored.
    public let count: Int

    /// Creates an acknowledgement.
    public init(stream: String, lastSequence: UInt64, count: Int) {
        self.stream = stream
        self.lastSequence = lastSequence
        self.count = count
    }

    private enum CodingKeys: String, CodingKey {
        case stream, count
        case lastSequence = "seq"
    }
}

extension JetStreamContext {
    /// How many messages a server takes in one batch unless it is configured otherwise.
    public static let maximumBatchCount = 1000

    /// Publishes messages of one stream so that all of them are stored or none is (NATS ADR-50, nats-server 2.12).
    ///
    /// The stream must allow it (`allowAtomic`). The batch costs one write to disk where single messages cost one each.
    /// When it throws `JetStreamError`, nothing was stored: with `.batchDuplicate` one of the messages is in the stream
    /// already, by its `Nats-Msg-Id`, and the others should be published one by one. A time-out means that the outcome
    /// is **unknown**, for the batch as a whole: publish the same messages again.
    ///
    /// - Parameters:
    ///   - messages: At most ``maximumBatchCount``; their `Nats-Msg-Id` is in their headers. Their replies are not used.
    ///   - expectedStream: The stream that must own the subjects.
    ///   - timeout: How long to wait in all.
    /// - Throws: `JetStreamError`, `NATSError`, `CancellationError`, which does not take the batch back.
    public func publishBatch(
        _ messages: [NATSMessage],
        expectedStream: String? = nil,
        timeout: Duration = .seconds(10)
    ) async throws -> BatchAcknowledgement {
        guard !messages.isEmpty, messages.count <= Self.maximumBatchCount else {
            throw NATSError(
                .invalidArgument,
                "a batch has 1 to \(Self.maximumBatchCount) messages, not \(messages.count)"
            )
        }
        let batch = Subjects.randomToken()
        let limit = connection.maximumPayload
        var outgoing: [OutgoingMessage] = []
        outgoing.reserveCapacity(messages.count)
        for (index, message) in messages.enumerated() {
            var fields = [
                NATSHeaders.Field(name: "Nats-Batch-Id", value: batch),
                NATSHeaders.Field(name: "Nats-Batch-Sequence", value: "\(index + 1)"),
            ]
            if index == messages.count - 1 { fields.append(NATSHeaders.Field(name: "Nats-Batch-Commit", value: "1")) }
            if let expectedStream {
                fields.append(NATSHeaders.Field(name: "Nats-Expected-Stream", value: expectedStream))
            }
            let encoded = try EncodedMessage(
                subject: message.subject,
                headers: message.headers,
                adding: fields,
                payload: message.payload
            )
            try encoded.validate(maximumPayload: limit)
            outgoing.append(OutgoingMessage(encoded))
        }
        let subject = messages[messages.count - 1].subject
        return try await Self.retryingNoResponders(subject, timeout: timeout) { remaining in
            let reply = try await connection.core.request(outgoing, subject: subject, timeout: remaining)
            let action = "publish a batch of \(messages.count) messages"
            if let error = try Self.decode(APIErrorEnvelope.self, from: reply.payload, action).error {
                throw error.error(action)
            }
            return try Self.decode(BatchAcknowledgement.self, from: reply.payload, action)
        }
    }
}

extension ConnectionCore {
    /// Queues messages that belong together and waits for the reply to the last one.
    fileprivate func request(
        _ messages: [OutgoingMessage],
        subject: String,
        timeout: Duration
    ) async throws -> NATSMessage {
        let deadline = ContinuousClock.now + timeout
        while !state.withLock({ hasRoom($0) || !$0.isRunning }) { try await waitForRoom(until: deadline) }
        let reply = SingleReply()
        let request = PendingRequest(
            subject: subject,
            timeout: timeout,
            deadline: deadline,
            receiver: .handler(reply)
        )
        try enqueue(messages, request: request)
        return try await reply.value()
    }
}
