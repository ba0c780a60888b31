/// A message that a consumer has delivered, to be acknowledged (NATS ADR-15).
///
/// Acknowledge once. Until then, or until `ack_wait` is over, the message is this process's.
public struct JetStreamMessage: Sendable, CustomStringConvertible {
    private let delivery: any Delivery
    /// What JetStream says about this delivery.
    public let metadata: MessageMetadata

    init(_ delivery: any Delivery, _ metadata: MessageMetadata) {
        self.delivery = delivery
        self.metadata = metadata
    }

    /// The subject that it was published to.
    public var subject: String { delivery.subject }
    /// The headers.
    public var headers: NATSHeaders { delivery.headers }
    /// The payload.
    public var payload: [UInt8] { delivery.payload }

    /// The subject, the stream sequence and the delivery count; never the payload.
    public var description: String {
        "JetStreamMessage(\(subject), \(metadata.stream) \(metadata.streamSequence), "
            + "delivery \(metadata.deliveryCount))"
    }

    /// Acknowledges without waiting: should it get lost, the message comes again.
    ///
    /// - Throws: `NATSError` with `.queueFull` or `.closed`.
    public func ack() throws {
        try delivery.answer(.acknowledge)
    }

    /// Acknowledges and waits until the server has noted it.
    ///
    /// - Throws: `NATSError`; after `.timeout` the message may come again.
    public func ackSync(timeout: Duration = .seconds(5)) async throws {
        try await delivery.confirm(.acknowledge, timeout: timeout)
    }

    /// Asks for redelivery after `delay`. Without a delay the server redelivers at once, whatever `backoff` says.
    ///
    /// - Throws: `NATSError` with `.queueFull` or `.closed`.
    public func nak(delay: Duration) throws {
        try delivery.answer(.retry(after: delay))
    }

    /// Says that the work goes on: `ack_wait` starts again.
    ///
    /// - Throws: `NATSError` with `.queueFull` or `.closed`.
    public func inProgress() throws {
        try delivery.answer(.inProgress)
    }

    /// Ends delivery of the message for good; a work queue deletes it.
    ///
    /// - Parameter reason: Why, for the advisory that the server publishes.
    /// - Throws: `NATSError` with `.queueFull` or `.closed`.
    public func terminate(reason: String? = nil) throws {
        try delivery.answer(.terminate(reason: reason))
    }

    /// Ends delivery of the message for good and waits until the server has noted it.
    ///
    /// - Throws: `NATSError`; after `.timeout` the message may come again.
    public func terminateSync(reason: String? = nil, timeout: Duration = .seconds(5)) async throws {
        try await delivery.confirm(.terminate(reason: reason), timeout: timeout)
    }
}
