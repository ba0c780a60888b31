internal import JetStream
internal import Logging
internal import Observability
public import Resilience
private import Synchronization
internal import Tracing

/// Handles the events of one durable consumer, traced and measured.
///
/// Each delivery runs in a CONSUMER span below the context that the message carries; a wait span fills the time before it.
/// A handler that throws gets the event again after a delay; one that rejects it, or has failed too often, sends it to the
/// dead letters. Handlers must recognise an event that they have handled: delivery is at least once.
public final class TracedConsumer: Sendable {
    /// How events are consumed.
    public struct Configuration: Sendable {
        /// The stream.
        public var stream: String
        /// The durable consumer's name.
        public var consumer: String
        /// The events that are handled; others are rejected.
        public var subjects: [String]
        /// Handlers that run at the same time. Each may hold a database connection for as long as its provider takes.
        public var concurrency = 4
        /// How long JetStream waits for an acknowledgement or a sign of progress.
        public var acknowledgementWait = Duration.seconds(30)
        /// Deliveries before an event goes to the dead letters. With the default backoff this is about eight hours: what
        /// fails that often is usually a dependency that is away, and no fault of the event. Events that can never be
        /// handled are rejected at once.
        public var maximumAttempts = 500
        /// The age of an event, when it has been handled, from which on its whole trace is kept whatever the sampler said.
        public var lateAfter = Duration.seconds(10)
        /// The delay before the next delivery.
        public var backoff = ExponentialBackoff(initial: .milliseconds(500), maximum: .seconds(60))

        /// Creates the defaults for a consumer.
        public init(stream: String, consumer: String, subjects: [String]) {
            self.stream = stream
            self.consumer = consumer
            self.subjects = subjects
        }
    }

    /// Handles one delivery; throws to get it again.
    public typealias Handler = @Sendable (EventDelivery) async throws -> Void

    /// How events are consumed.
    public let configuration: Configuration

    private let broker: MessageBroker
    private let publisher: TracedPublisher
    private let telemetry: Telemetry
    private let tracer: OTelTracer
    private let metrics: ConsumeMetrics
    private let handler: Handler
    private let memory = AttemptMemory()
    private let stop = Mutex(StopState.running(nil))

    private enum StopState {
        case running(PullConsumer?)
        case stopped
    }

    /// Creates a consumer, which does nothing until it runs.
    ///
    /// - Parameters:
    ///   - configuration: How events are consumed.
    ///   - broker: The connection.
    ///   - telemetry: Where to record.
    ///   - handler: Handles one delivery.
    public init(
        _ configuration: Configuration,
        broker: MessageBroker,
        telemetry: Telemetry,
        handler: @escaping Handler
    ) {
        self.configuration = configuration
        self.broker = broker
        self.telemetry = telemetry
        self.handler = handler
        publisher = TracedPublisher(broker: broker, telemetry: telemetry, tracer: telemetry.tracer(for: .publish))
        tracer = telemetry.tracer(
            for: .process,
            .streamWait,
            .redeliveryWait,
            .record,
            .acknowledge,
            .retry,
            .terminate
        )
        metrics = ConsumeMetrics(registry: telemetry.metrics)
    }

    /// Consumes until the shutdown; handlers that run are awaited.
    ///
    /// - Throws: What makes consuming impossible.
    public func run() async throws {
        let context = try await broker.jetStream()
        let messages = try context.messages(
            stream: configuration.stream,
            consumer: configuration.consumer,
            options: PullOptions(maximumBuffered: configuration.concurrency)
        )
        let goesOn = stop.withLock { state in
            guard case .running = state else { return false }
            state = .running(messages)
            return true
        }
        guard goesOn else { return messages.stop() }
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            do {
                for try await message in messages {
                    if running == configuration.concurrency {
                        await group.next()
                        running -= 1
                    }
                    running += 1
                    group.addTask { await self.handle(message) }
                }
            } catch {
                telemetry.logger.error(
                    "consuming ended",
                    metadata: ["stream": "\(configuration.stream)", "error": "\(error)"]
                )
            }
        }
    }

    /// Takes no more events; ``run()`` returns after the handlers that run.
    public func beginShutdown() {
        let messages = stop.withLock { state -> PullConsumer? in
            defer { state = .stopped }
            guard case .running(let messages) = state else { return nil }
            return messages
        }
        messages?.stop()
    }

    // MARK: One delivery

    private func handle(_ message: JetStreamMessage) async {
        let event = EventEnvelope(message)
        let parent = telemetry.propagators.extract(message.headers)
        let now = tracer.provider.now()
        let previous = memory.take(message.metadata.streamSequence)
        recordWait(message, event: event, parent: parent, previous: previous, now: now)
        metrics.consumed(from: message.subject, consumer: configuration.consumer)
        let stopwatch = Stopwatch()
        let settlement = Settlement(
            message: message,
            event: event,
            tracer: tracer,
            metrics: metrics,
            server: broker.server
        )
        let span = tracer.startSpan(
            .process,
            message.subject,
            parent: parent,
            startTime: now,
            attributes: processAttributes(message, event: event, now: now),
            links: links(parent: parent, previous: previous)
        )
        // A message that comes again is worth its whole trace, also when an earlier process has forgotten that it failed.
        if message.metadata.deliveryCount > 1 { span.keepTrace(.retried) }
        let failure = await ActiveContext(span).run {
            await keepingAlive(message) {
                await self.outcome(of: EventDelivery(event: event, message: message, settlement: settlement))
            }
        }
        var errorType = ""
        if let failure {
            errorType = failure.type
            span.setError(type: failure.type, message: "\(failure.error)")
            await ActiveContext(span).run {
                await settle(failure, message: message, event: event, settlement: settlement, span: span)
            }
        } else if !settlement.isDone {
            // A handler that had nothing to record, because it knew the event.
            await ActiveContext(span).run { try? await settlement.acknowledge() }
        }
        metrics.processed(
            from: message.subject,
            consumer: configuration.consumer,
            seconds: stopwatch.seconds,
            errorType: errorType
        )
        if isLate(event) { span.keepTrace(.late) }
        span.end()
    }

    private func isLate(_ event: EventEnvelope) -> Bool {
        let now = tracer.provider.now()
        return now > event.time && Double(now - event.time) / 1e9 > configuration.lateAfter / .seconds(1)
    }

    private struct Failure {
        let error: any Error
        let type: String
        let isFinal: Bool
    }

    private func outcome(of delivery: EventDelivery) async -> Failure? {
        do {
            guard configuration.subjects.contains(delivery.event.type) else {
                throw EventRejection(
                    reason: "unknown_type",
                    message: "“\(delivery.event.type.prefix(64))” is no event that \(configuration.consumer) handles"
                )
            }
            try await handler(delivery)
            return nil
        } catch let error as EventRejection {
            return Failure(error: error, type: error.reason, isFinal: true)
        } catch {
            return Failure(
                error: error,
                type: error.messagingErrorType,
                isFinal: delivery.attempt >= configuration.maximumAttempts
            )
        }
    }

    /// Asks for another delivery, or moves the message to the dead letters: publish, wait, then terminate.
    private func settle(
        _ failure: Failure,
        message: JetStreamMessage,
        event: EventEnvelope,
        settlement: Settlement,
        span: OTelSpan
    ) async {
        var log = telemetry.logger
        log[metadataKey: "event.id"] = "\(event.id)"
        log[metadataKey: "event.type"] = "\(message.subject)"
        log[metadataKey: "attempt"] = "\(message.metadata.deliveryCount)"
        log[metadataKey: "error.type"] = "\(failure.type)"
        log[metadataKey: "error"] = "\(failure.error)"
        do {
            if failure.isFinal {
                try await deadLetter(message, event: event, failure: failure)
                try await settlement.terminate(reason: failure.type)
                span.setAttribute(SemanticConventions.deadLetterReason, .string(failure.type))
                log.error("event moved to the dead letters")
            } else {
                let delay = retryDelay(message)
                let attempt = AttemptMemory.Attempt(
                    span: span.spanContext,
                    failedAt: tracer.provider.now(),
                    reason: failure.type,
                    delay: delay
                )
                memory.remember(attempt, of: message.metadata.streamSequence)
                try await settlement.retry(after: delay)
                log.warning("event will be delivered again", metadata: ["delay": "\(delay)"])
            }
        } catch {
            // Should this fail too, JetStream delivers it again after the acknowledgement wait.
            try? await settlement.retry(after: retryDelay(message))
            log.warning("event could not be settled, it will come again", metadata: ["reason": "\(error)"])
        }
    }

    private func retryDelay(_ message: JetStreamMessage) -> Duration {
        configuration.backoff.delay(afterFailures: Int(clamping: message.metadata.deliveryCount))
    }

    private func deadLetter(_ message: JetStreamMessage, event: EventEnvelope, failure: Failure) async throws {
        var headers = NATSHeaders(message.headers.filter { !$0.name.lowercased().hasPrefix("nats-") })
        headers.set("Contrail-Dead-Reason", to: failure.type)
        headers.set("Contrail-Dead-Error", to: String("\(failure.error)".prefix(512).filter { !$0.isNewline }))
        headers.set("Contrail-Dead-Attempts", to: String(message.metadata.deliveryCount))
        headers.set("Contrail-Dead-Subject", to: message.subject)
        headers.set("Contrail-Dead-Stream", to: message.metadata.stream)
        headers.set("Contrail-Dead-Sequence", to: String(message.metadata.streamSequence))
        headers.set("Contrail-Dead-Consumer", to: message.metadata.consumer)
        try await publisher.publish(
            event,
            to: "dead.\(message.metadata.stream).\(message.metadata.consumer)",
            payload: message.payload,
            headers: headers,
            stream: "DEAD_LETTERS",
            messageID: "\(event.id):\(message.metadata.consumer)"
        )
    }

    /// Tells JetStream that the handler is still at work, so that a long one is not delivered twice.
    private func keepingAlive<T: Sendable>(
        _ message: JetStreamMessage,
        _ body: @escaping @Sendable () async -> T
    ) async -> T {
        let interval = configuration.acknowledgementWait / 3
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    guard (try? await Task.sleep(for: interval)) != nil else { return }
                    try? message.inProgress()
                }
            }
            let result = await body()
            group.cancelAll()
            return result
        }
    }
}

// MARK: Spans

extension TracedConsumer {
    /// Fills the time before this delivery: in the stream for the first, since the failure for a later one.
    private func recordWait(
        _ message: JetStreamMessage,
        event: EventEnvelope,
        parent: ActiveContext,
        previous: AttemptMemory.Attempt?,
        now: UInt64
    ) {
        var attributes = Attributes.event(event)
        attributes[SemanticConventions.natsDeliveryCount] = .int(message.metadata.deliveryCount)
        // A server that was killed may have forgotten deliveries; what this process remembers it knows.
        let isFirst = message.metadata.deliveryCount == 1 && previous == nil
        let stage = isFirst ? Stage.streamWait : .redeliveryWait
        attributes[SemanticConventions.stage] = stage.attribute
        let start: UInt64
        if let previous {
            start = previous.failedAt
            attributes[SemanticConventions.retryReason] = .string(previous.reason)
            attributes[SemanticConventions.retryDelay] = .double(previous.delay / .seconds(1))
        } else {
            start = UInt64(clamping: message.metadata.timestamp)
        }
        let wait = tracer.startSpan(
            isFirst ? .streamWait : .redeliveryWait,
            parent: parent,
            startTime: Swift.min(start, now),
            attributes: attributes
        )
        if start > now { wait.recordSkew(nanoseconds: start - now) }
        wait.end(at: now)
    }

    private func processAttributes(_ message: JetStreamMessage, event: EventEnvelope, now: UInt64) -> Attributes {
        let age = now > event.time ? Double(now - event.time) / 1e9 : 0
        return Attributes.messaging("process", type: "process", subject: message.subject)
            .merging(broker.server).merging(.event(event))
            .merging([
                SemanticConventions.messagingConsumerGroupName: .string(configuration.consumer),
                SemanticConventions.natsStream: .string(message.metadata.stream),
                SemanticConventions.natsConsumer: .string(message.metadata.consumer),
                SemanticConventions.natsStreamSequence: .int(message.metadata.streamSequence),
                SemanticConventions.natsDeliveryCount: .int(message.metadata.deliveryCount),
                SemanticConventions.eventAge: .double(age),
            ])
    }

    /// The message's own context, as the conventions want it beside the parent, and the attempt before this one.
    private func links(parent: ActiveContext, previous: AttemptMemory.Attempt?) -> [OTelSpan.Link] {
        var links: [OTelSpan.Link] = []
        if let context = parent.spanContext { links.append(OTelSpan.Link(context: context)) }
        if let previous {
            links.append(
                OTelSpan.Link(
                    context: previous.span,
                    attributes: [
                        SemanticConventions.retryReason: .string(previous.reason),
                        SemanticConventions.retryDelay: .double(previous.delay / .seconds(1)),
                    ]
                )
            )
        }
        return links
    }
}
