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
    /// Which attempt it is, 1 for the first.
    public let attempt: Int
    /// The stream that keeps it.
    public let stream: String
    /// Whether the event may have been handled before: it was delivered more than once, or given up and redriven.
    public let isRedelivery: Bool
    /// How long its journey may take.
    public let lateAfter: Duration

    private let departure: Departure
    private let failures: [DeliveryAttempt]
    private let progress: AttemptProgress
    private let settlement: Settlement
    private let span: OTelSpan

    init(
        event: EventEnvelope,
        message: JetStreamMessage,
        failures: [DeliveryAttempt],
        lateAfter: Duration,
        progress: AttemptProgress,
        settlement: Settlement,
        span: OTelSpan
    ) {
        self.event = event
        payload = message.payload
        isRedelivery = message.metadata.deliveryCount > 1 || message.isRedriven
        // JetStream counts from 1 again after a redrive, and may after a crash.
        attempt = max(Int(clamping: message.metadata.deliveryCount), failures.count + 1)
        stream = message.metadata.stream
        departure = Departure(message, event: event)
        self.failures = failures
        self.lateAfter = lateAfter
        self.progress = progress
        self.settlement = settlement
        self.span = span
    }

    /// Says that the handler knows what it must know: the stage `lookup` of this attempt ends, and `deliver` begins.
    public func finishedLookup() { progress.finishedLookup() }

    /// Says that the provider has accepted: the stage `deliver` of this attempt ends, and `record` begins.
    public func finishedDelivery() { progress.finishedDelivery() }

    /// Makes the handler's effect durable and acknowledges the event, as the journey's stage `record`.
    ///
    /// The body commits; then the event is acknowledged and the acknowledgement is confirmed by the server. Should the
    /// confirmation fail, the event comes again and the handler must recognise it.
    ///
    /// - Parameter body: Commits.
    /// - Returns: Where the time went.
    /// - Throws: What the body throws, or the failed acknowledgement.
    @discardableResult
    public func record(_ body: () async throws -> Void) async throws -> EventJourney {
        try await settlement.record(body)
        return finish()
    }

    /// Acknowledges an event that was handled before.
    ///
    /// - Returns: Where the time went, this attempt included.
    /// - Throws: The failed acknowledgement.
    @discardableResult
    public func acknowledge() async throws -> EventJourney {
        try await settlement.acknowledge()
        return finish()
    }

    /// Whether a journey took longer than it may.
    public func isLate(_ journey: EventJourney) -> Bool {
        Double(journey.total) / 1e9 > lateAfter / .seconds(1)
    }

    /// Puts the journey together, which ends now, and shows it on the delivery's span.
    private func finish() -> EventJourney {
        let journey = EventJourney(
            departure,
            failures: failures,
            attempt: progress.times,
            hasForgottenAttempts: isRedelivery,
            end: progress.now()
        )
        for stage in Stage.allCases {
            span.setAttribute(stage.durationAttribute, .double(Double(journey[stage]) / 1e9))
        }
        span.setAttribute(SemanticConventions.journeyDuration, .double(Double(journey.total) / 1e9))
        if journey.skew >= EventJourney.noticeableSkew { span.recordSkew(nanoseconds: journey.skew) }
        // Said before it is measured, so that the measurements can lead to the trace.
        if isLate(journey) { span.keepTrace(.late) }
        return journey
    }
}

/// How far a running attempt has come.
final class AttemptProgress: Sendable {
    let now: @Sendable () -> UInt64
    private let state: Mutex<AttemptTimes>

    init(start: UInt64, now: @escaping @Sendable () -> UInt64) {
        self.now = now
        state = Mutex(AttemptTimes(start: start))
    }

    var times: AttemptTimes { state.withLock { $0 } }

    func finishedLookup() {
        let instant = now()
        state.withLock { $0.lookedUp = $0.lookedUp ?? instant }
    }

    func finishedDelivery() {
        let instant = now()
        state.withLock { $0.delivered = $0.delivered ?? instant }
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
