internal import JetStream
internal import Observability
private import Synchronization
internal import Tracing

/// One delivery of an event to a handler.
public struct EventDelivery: Sendable {
    /// What is known about the event.
    public let event: EventEnvelope
    /// The payload's bytes.
    public let payload: [UInt8]
    /// How often the event has been delivered, 1 for the first time.
    public let attempt: Int
    /// The stream that keeps it.
    public let stream: String

    private let settlement: Settlement

    init(event: EventEnvelope, message: JetStreamMessage, settlement: Settlement) {
        self.event = event
        payload = message.payload
        attempt = Int(clamping: message.metadata.deliveryCount)
        stream = message.metadata.stream
        self.settlement = settlement
    }

    /// Makes the handler's effect durable and acknowledges the event, as the journey's `record` stage.
    ///
    /// The body commits; then the event is acknowledged and the acknowledgement is confirmed by the server. Should the
    /// confirmation fail, the event comes again and the handler must recognise it.
    ///
    /// - Parameter body: Commits.
    /// - Throws: What the body throws, or the failed acknowledgement.
    public func record(_ body: () async throws -> Void) async throws {
        try await settlement.record(body)
    }
}

/// Acknowledges one message, once.
final class Settlement: Sendable {
    private let message: JetStreamMessage
    private let event: EventEnvelope
    private let tracer: OTelTracer
    private let metrics: ConsumeMetrics
    private let server: Attributes
    private let isSettled = Mutex(false)

    init(
        message: JetStreamMessage,
        event: EventEnvelope,
        tracer: OTelTracer,
        metrics: ConsumeMetrics,
        server: Attributes
    ) {
        self.message = message
        self.event = event
        self.tracer = tracer
        self.metrics = metrics
        self.server = server
    }

    /// Whether the server has confirmed an acknowledgement.
    var isDone: Bool { isSettled.withLock { $0 } }

    func record(_ body: () async throws -> Void) async throws {
        try await tracer.withSpan(.record, attributes: [SemanticConventions.stage: Stage.record.attribute]) { _ in
            try await body()
            try await acknowledge()
        }
    }

    /// Acknowledges and waits for the confirmation.
    func acknowledge() async throws {
        guard !isDone else { return }
        try await settle("ack", .acknowledge) { try await message.ackSync(timeout: .seconds(5)) }
        isSettled.withLock { $0 = true }
    }

    /// Asks for another delivery after a delay.
    func retry(after delay: Duration) async throws {
        try await settle("nak", .retry) { try message.nak(delay: delay) }
    }

    /// Takes the message out of its stream for good.
    func terminate(reason: String) async throws {
        try await settle("term", .terminate) { try await message.terminateSync(reason: reason) }
    }

    private func settle(
        _ operation: String,
        _ declaration: SpanDeclaration,
        _ body: () async throws -> Void
    ) async throws {
        let stopwatch = Stopwatch()
        try await tracer.withSpan(
            declaration,
            message.subject,
            attributes: Attributes.messaging(operation, type: "settle", subject: message.subject)
                .merging(server).merging([SemanticConventions.messagingMessageID: .string(event.id)])
        ) { span in
            do {
                try await body()
                metrics.settled(operation, subject: message.subject, seconds: stopwatch.seconds, errorType: "")
            } catch {
                let type = error.messagingErrorType
                span.setError(type: type, message: "\(error)")
                metrics.settled(operation, subject: message.subject, seconds: stopwatch.seconds, errorType: type)
                throw error
            }
        }
    }
}

/// A handler's verdict that no further delivery can help: the event goes to the dead letters at once.
public struct EventRejection: Error, Sendable, CustomStringConvertible {
    /// Why, as a word of low cardinality: `undecodable`, `unknown_type`.
    public let reason: String
    /// Why, for people; without personal data.
    public let message: String

    /// Creates a verdict.
    public init(reason: String, message: String) {
        self.reason = reason
        self.message = message
    }

    /// Why, for people.
    public var description: String { message }
}
