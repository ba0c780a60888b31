/// A message that a consumer has delivered, to be acknowledged (NATS ADR-15).
///
/// Acknowledge once. Until then, or until `ack_wait` is over, the message is this process's.
public struct JetStreamMessage: Sendable, CustomStringConvertible {
    private let message: NATSMessage
    private let acknowledgementSubject: String
    private let connection: ConnectionCore
    /// What JetStream says about this delivery.
    public let metadata: MessageMetadata

    /// Creates a message; `nil` when it did not come from a consumer.
    init?(_ message: NATSMessage, connection: ConnectionCore) {
        guard let reply = message.reply, let metadata = MessageMetadata(acknowledgementSubject: reply) else {
            return nil
        }
        self.message = message
        self.connection = connection
        self.metadata = metadata
        acknowledgementSubject = reply
    }

    /// The subject that it was published to.
    public var subject: String { message.subject }
    /// The headers.
    public var headers: NATSHeaders { message.headers }
    /// The payload.
    public var payload: [UInt8] { message.payload }

    /// The subject, the stream sequence and the delivery count; never the payload.
    public var description: String {
        "JetStreamMessage(\(subject), \(metadata.stream) \(metadata.streamSequence), "
            + "delivery \(metadata.deliveryCount))"
    }

    /// Acknowledges without waiting: should it get lost, the message comes again.
    ///
    /// - Throws: `NATSError` with `.queueFull` or `.closed`.
    public func ack() throws {
        try answer("+ACK")
    }

    /// Acknowledges and waits until the server has noted it.
    ///
    /// - Throws: `NATSError`; after `.timeout` the message may come again.
    public func ackSync(timeout: Duration = .seconds(5)) async throws {
        _ = try await connection.request(
            acknowledgementSubject,
            headers: nil,
            payload: Array("+ACK".utf8),
            timeout: timeout
        )
    }

    /// Asks for redelivery after `delay`. Without a delay the server redelivers at once, whatever `backoff` says.
    ///
    /// - Throws: `NATSError` with `.queueFull` or `.closed`.
    public func nak(delay: Duration) throws {
        try answer(#"-NAK {"delay": \#(max(0, delay.nanoseconds))}"#)
    }

    /// Says that the work goes on: `ack_wait` starts again.
    ///
    /// - Throws: `NATSError` with `.queueFull` or `.closed`.
    public func inProgress() throws {
        try answer("+WPI")
    }

    /// Ends delivery of the message for good; a work queue deletes it.
    ///
    /// - Parameter reason: Why, for the advisory that the server publishes.
    /// - Throws: `NATSError` with `.queueFull` or `.closed`.
    public func terminate(reason: String? = nil) throws {
        try answer(Self.termination(reason))
    }

    /// Ends delivery of the message for good and waits until the server has noted it.
    ///
    /// - Throws: `NATSError`; after `.timeout` the message may come again.
    public func terminateSync(reason: String? = nil, timeout: Duration = .seconds(5)) async throws {
        _ = try await connection.request(
            acknowledgementSubject,
            headers: nil,
            payload: Array(Self.termination(reason).utf8),
            timeout: timeout
        )
    }

    private static func termination(_ reason: String?) -> String {
        reason.map { "+TERM \($0)" } ?? "+TERM"
    }

    private func answer(_ text: String) throws {
        try connection.enqueue(OutgoingMessage(subject: acknowledgementSubject, payload: Array(text.utf8)))
    }
}
