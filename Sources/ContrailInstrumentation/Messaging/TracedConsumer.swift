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
        /// How long nothing may be delivered while events are pending before the subscription is recreated; servers can
        /// forget a consumer's requests when they restart.
        public var stallTimeout = Duration.seconds(30)
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
    private let journal: (any DeliveryJournal)?
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
    ///   - journal: Keeps what became of attempts; without one, only this process remembers them.
    ///   - handler: Handles one delivery.
    public init(
        _ configuration: Configuration,
        broker: MessageBroker,
        telemetry: Telemetry,
        journal: (any DeliveryJournal)? = nil,
        handler: @escaping Handler
    ) {
        self.configuration = configuration
        self.broker = broker
        self.telemetry = telemetry
        self.handler = handler
        self.journal = journal
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
        metrics.watches(configuration)
    }

    /// Consumes until the shutdown; handlers that run are awaited.
    ///
    /// - Throws: What makes consuming impossible.
    public func run() async throws {
        let context = try await broker.jetStream()
        let messages = try context.messages(
            stream: configuration.stream,
            consumer: configuration.consumer,
            options: PullOptions(maximumBuffered: configuration.concurrency, stallTimeout: configuration.stallTimeout),
            onStall: { [metrics, configuration] _ in metrics.stalled(configuration) }
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
        metrics.consumed(from: message.subject, consumer: configuration.consumer)
        let stopwatch = Stopwatch()
        let span = tracer.startSpan(
            .process,
            message.subject,
            parent: parent,
            startTime: now,
            attributes: processAttributes(message, event: event, now: now),
            links: parent.spanContext.map { [OTelSpan.Link(context: $0)] } ?? []
        )
        // A message that comes again is worth its whole trace, also when nobody knows any more that it failed.
        if message.metadata.deliveryCount > 1 { span.keepTrace(.retried) }
        let errorType = await ActiveContext(span).run {
            let failures = await failedAttempts(at: event, message)
            if let last = failures.last { span.addLink(OTelSpan.Link(context: last.span, attributes: last.attributes)) }
            recordWait(message, event: event, parent: parent, previous: failures.last, now: now)
            let attempt = Attempt(
                message: message,
                event: event,
                failures: failures,
                progress: AttemptProgress(start: now) { [tracer] in tracer.provider.now() },
                settlement: Settlement(
                    message: message,
                    event: event,
                    tracer: tracer,
                    metrics: metrics,
                    server: broker.server
                ),
                span: span
            )
            return await process(attempt)
        }
        metrics.processed(
            from: message.subject,
            consumer: configuration.consumer,
            seconds: stopwatch.seconds,
            errorType: errorType,
            span: span.exportedContext
        )
        span.end()
    }

    /// One attempt at an event.
    private struct Attempt: Sendable {
        let message: JetStreamMessage
        let event: EventEnvelope
        /// Those before it that failed.
        let failures: [DeliveryAttempt]
        let progress: AttemptProgress
        let settlement: Settlement
        let span: OTelSpan
    }

    /// Runs the handler and settles the message.
    ///
    /// - Returns: The `error.type` of a failure; empty when there was none.
    private func process(_ attempt: Attempt) async -> String {
        let delivery = EventDelivery(
            event: attempt.event,
            message: attempt.message,
            failures: attempt.failures,
            lateAfter: configuration.lateAfter,
            progress: attempt.progress,
            settlement: attempt.settlement,
            span: attempt.span
        )
        let failure = await keepingAlive(attempt.message) {
            await self.outcome(of: delivery, deliveries: attempt.message.metadata.deliveryCount)
        }
        guard let failure else {
            // A handler that had nothing to record, because it knew the event.
            if !attempt.settlement.isDone { _ = try? await delivery.acknowledge() }
            memory.forget(attempt.event.id)
            return ""
        }
        attempt.span.setError(type: failure.type, message: "\(failure.error)")
        await settle(failure, attempt)
        return failure.type
    }

    /// What is known of earlier attempts. An event that comes for the first time needs nobody to be asked.
    private func failedAttempts(at event: EventEnvelope, _ message: JetStreamMessage) async -> [DeliveryAttempt] {
        let remembered = memory.attempts(atEvent: event.id)
        guard let journal, message.metadata.deliveryCount > 1 || !remembered.isEmpty || message.isRedriven else {
            return remembered
        }
        do {
            let kept = try await journal.attempts(atEvent: event.id, by: configuration.consumer)
            // The journal was away when the last one failed.
            return kept.count >= remembered.count ? kept : remembered
        } catch {
            telemetry.logger.debug(
                "earlier attempts cannot be read",
                metadata: ["event.id": "\(event.id)", "reason": "\(error)"]
            )
            return remembered
        }
    }

    private struct Failure {
        let error: any Error
        /// The `error.type`, which is the reason of the next attempt.
        let type: String
        /// Why the event is given up; `nil` when it is asked for again.
        let deadReason: String?
    }

    /// - Parameter deliveries: Those since the event was published, or sent on its way again: what the limit counts.
    private func outcome(of delivery: EventDelivery, deliveries: UInt64) async -> Failure? {
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
            return Failure(error: error, type: error.reason, deadReason: error.reason)
        } catch {
            let isLast = deliveries >= UInt64(max(1, configuration.maximumAttempts))
            return Failure(
                error: error,
                type: error.failureReason,
                deadReason: isLast ? "maximum_attempts" : nil
            )
        }
    }

    /// Asks for another delivery, or moves the message to the dead letters.
    private func settle(_ failure: Failure, _ attempt: Attempt) async {
        var log = telemetry.logger
        log[metadataKey: "event.id"] = "\(attempt.event.id)"
        log[metadataKey: "event.type"] = "\(attempt.message.subject)"
        log[metadataKey: "attempt"] = "\(attempt.message.metadata.deliveryCount)"
        log[metadataKey: "error.type"] = "\(failure.type)"
        log[metadataKey: "error"] = "\(failure.error)"
        do {
            if let reason = failure.deadReason {
                // Who redrives it continues from here.
                await remember(failure, attempt, delay: .zero)
                try await bury(attempt, failure: failure, reason: reason)
                attempt.span.setAttribute(SemanticConventions.deadLetterReason, .string(reason))
                log.error("event moved to the dead letters")
            } else {
                let delay = retryDelay(failure, attempt.message)
                await remember(failure, attempt, delay: delay)
                try await attempt.settlement.retry(after: delay)
                log.warning("event will be delivered again", metadata: ["delay": "\(delay)"])
            }
        } catch {
            // Should this fail too, JetStream delivers it again after the acknowledgement wait.
            try? await attempt.settlement.retry(after: retryDelay(failure, attempt.message))
            log.warning("event could not be settled, it will come again", metadata: ["reason": "\(error)"])
        }
    }

    private func remember(_ failure: Failure, _ attempt: Attempt, delay: Duration) async {
        let failed = DeliveryAttempt(
            number: attempt.failures.count + 1,
            times: attempt.progress.times,
            failedAt: attempt.progress.now(),
            reason: failure.type,
            delay: delay,
            span: attempt.span.exportedContext
        )
        memory.keep(attempt.failures + [failed], atEvent: attempt.event.id)
        do {
            try await journal?.keep(failed, atEvent: attempt.event.id, by: configuration.consumer)
        } catch {
            telemetry.logger.debug(
                "an attempt cannot be kept",
                metadata: ["event.id": "\(attempt.event.id)", "reason": "\(error)"]
            )
        }
    }

    private func retryDelay(_ failure: Failure, _ message: JetStreamMessage) -> Duration {
        let delay = configuration.backoff.delay(afterFailures: Int(clamping: message.metadata.deliveryCount))
        guard let retryAfter = CircuitOpen.reason(of: failure.error)?.retryAfter else { return delay }
        // A breaker that says when it may be asked again is not asked before, nor by all at once.
        let wait = retryAfter + .milliseconds(Int.random(in: 0...500))
        return max(delay, min(wait, configuration.backoff.maximum))
    }

    /// Moves an event to the dead letters: publish, wait until that is stored, note it, then terminate.
    ///
    /// Each step can be repeated, so that an event that comes again in between is moved once. It is noted as given up only
    /// when it is: until then another attempt may still handle it.
    private func bury(_ attempt: Attempt, failure: Failure, reason: String) async throws {
        let (message, event) = (attempt.message, attempt.event)
        let notice = DeadLetterNotice(
            event: event,
            reason: reason,
            errorType: failure.type,
            attempts: Int(clamping: message.metadata.deliveryCount),
            stream: message.metadata.stream
        )
        try await publisher.publish(
            event,
            to: DeadLetterHeaders.subject(of: message.metadata),
            payload: message.payload,
            headers: DeadLetterHeaders.make(message, notice: notice, error: failure.error),
            stream: DeadLetterHeaders.stream,
            messageID: DeadLetterHeaders.messageID(of: event, message.metadata)
        )
        try await journal?.keep(notice, by: configuration.consumer)
        try await attempt.settlement.terminate(reason: reason)
    }

    /// Tells JetStream that the handler is still at work, so that a long one is not delivered twice.
    private func keepingAlive<T: Sendable>(
        _ message: JetStreamMessage,
        _ body: @escaping @Sendable () async -> T
    ) async -> T {
        let interval = configuration.acknowledgementWait / 3
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // The first one soon: the message may have waited here for others to be handled.
                var pause = min(interval, .seconds(1))
                while !Task.isCancelled {
                    guard (try? await Task.sleep(for: pause)) != nil else { return }
                    try? message.inProgress()
                    pause = interval
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
        previous: DeliveryAttempt?,
        now: UInt64
    ) {
        var attributes = Attributes.event(event)
        attributes[SemanticConventions.natsDeliveryCount] = .int(message.metadata.deliveryCount)
        // A server that was killed may have forgotten deliveries; what this process remembers it knows.
        let isFirst = message.metadata.deliveryCount == 1 && previous == nil && !message.isRedriven
        let stage = isFirst ? Stage.streamWait : .redeliveryWait
        attributes[SemanticConventions.stage] = stage.attribute
        let start: UInt64
        if let previous {
            start = previous.failedAt
            attributes.merge(previous.attributes)
        } else {
            start = message.firstStored
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
}

extension DeliveryAttempt {
    /// Why the next attempt was necessary, on its link and on the wait before it.
    fileprivate var attributes: Attributes {
        [
            SemanticConventions.retryReason: .string(reason),
            SemanticConventions.retryDelay: .double(delay / .seconds(1)),
        ]
    }
}
