internal import JetStream
internal import Observability
internal import Tracing

/// Publishes events to JetStream, traced and measured.
public struct TracedPublisher: Sendable {
    private let broker: MessageBroker
    private let tracer: OTelTracer
    private let metrics: PublishMetrics
    private let propagators: Propagators
    private let timeout: Duration

    /// Creates a publisher.
    ///
    /// - Parameters:
    ///   - broker: The connection.
    ///   - telemetry: Where to record.
    ///   - timeout: How long to wait for JetStream's acknowledgement.
    public init(broker: MessageBroker, telemetry: Telemetry, timeout: Duration = .seconds(5)) {
        let tracer = telemetry.tracer(for: .publish, .outboxWait)
        self.init(broker: broker, telemetry: telemetry, tracer: tracer, timeout: timeout)
    }

    /// Creates a publisher of what waits in no outbox.
    init(broker: MessageBroker, telemetry: Telemetry, tracer: OTelTracer, timeout: Duration = .seconds(5)) {
        self.broker = broker
        self.tracer = tracer
        self.timeout = timeout
        propagators = telemetry.propagators
        metrics = PublishMetrics(registry: telemetry.metrics)
    }

    /// Publishes an event and waits until it is stored.
    ///
    /// Records a PRODUCER span below the context that was stored with the event, and an `outbox wait` span that fills the
    /// time before it. The PRODUCER's context travels with the message. Publishing the same event again is harmless: its
    /// id is the message's id.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - payload: Its payload.
    ///   - headers: What ``TraceHeaders/current(_:)`` answered when it was recorded.
    ///   - stream: The stream that must keep it.
    /// - Throws: What JetStream answers. A time-out means that the outcome is unknown.
    public func publish(
        _ event: EventEnvelope,
        payload: [UInt8],
        headers: [String: String],
        stream: String
    ) async throws {
        let origin = propagators.extract { name in headers[name].map { [$0] } ?? [] }
        let start = tracer.provider.now()
        var sent = event.headers
        if let arrival = headers[JourneyHeaders.acceptedAt] { sent.set(JourneyHeaders.acceptedAt, to: arrival) }
        sent.set(JourneyHeaders.publishedAt, to: String(start))
        try await publish(
            event,
            to: event.type,
            payload: payload,
            headers: sent,
            stream: stream,
            parent: origin,
            startTime: start,
            attributes: [SemanticConventions.stage: Stage.publish.attribute]
        )
        // Recorded once the publish succeeded, so that failed attempts are inside the wait and not counted twice.
        let wait = tracer.startSpan(
            .outboxWait,
            parent: origin,
            startTime: Swift.min(event.time, start),
            attributes: Attributes.event(event).merging([SemanticConventions.stage: Stage.outboxWait.attribute])
        )
        if event.time > start { wait.recordSkew(nanoseconds: event.time - start) }
        wait.end(at: start)
    }

    /// Publishes a message below a context, for events and dead letters alike.
    @discardableResult
    func publish(
        _ event: EventEnvelope,
        to subject: String,
        payload: [UInt8],
        headers: NATSHeaders,
        stream: String,
        messageID: String? = nil,
        parent: ActiveContext = .current,
        startTime: UInt64? = nil,
        attributes: Attributes = [:]
    ) async throws -> PublishAcknowledgement {
        let span = tracer.startSpan(
            .publish,
            subject,
            parent: parent,
            startTime: startTime,
            attributes: Attributes.messaging("publish", type: "send", subject: subject)
                .merging(broker.server).merging(.event(event)).merging(attributes)
        )
        span.setAttribute(SemanticConventions.natsStream, .string(stream))
        defer { span.end() }
        let stopwatch = Stopwatch()
        var headers = headers
        for field in W3CPropagator.fields { headers.remove(field) }
        propagators.inject(ActiveContext(span)) { name, value in headers.set(name, to: value) }
        do {
            let context = try await broker.jetStream()
            let acknowledgement = try await context.publish(
                subject: subject,
                headers: headers,
                payload: payload,
                messageID: messageID ?? event.id,
                expectedStream: stream,
                timeout: timeout
            )
            span.setAttributes([
                SemanticConventions.natsStreamSequence: .int(acknowledgement.sequence),
                SemanticConventions.natsDuplicate: .bool(acknowledgement.isDuplicate),
            ])
            metrics.published(to: subject, seconds: stopwatch.seconds, errorType: "", span: span.exportedContext)
            return acknowledgement
        } catch {
            let type = error.messagingErrorType
            span.setError(type: type, message: "\(error)")
            metrics.published(to: subject, seconds: stopwatch.seconds, errorType: type, span: span.exportedContext)
            throw error
        }
    }
}
