internal import JetStream
internal import Logging
internal import Observability
private import Synchronization
internal import Tracing

/// Listens to what JetStream says about messages that a consumer will not get again, and shows it as a counter and as a
/// span in the message's own trace.
///
/// Advisories are core NATS and are lost when nobody listens, so a stream captures them. One consumer is shared by all
/// processes of the service: each advisory is counted once, or again when its acknowledgement is lost.
public final class AdvisoryWatch: Sendable {
    /// The stream that captures advisories.
    public static let stream = "ADVISORIES"

    private let broker: MessageBroker
    private let consumer: String
    private let telemetry: Telemetry
    private let tracer: OTelTracer
    private let advisories: MetricFamily<CounterMetric>
    private let state = Mutex(State.running(nil))

    private enum State {
        case running(PullConsumer?)
        case stopped
    }

    /// How many dead letters are looked at, from the newest, for the one of a message that is gone.
    private static let looks = 256

    /// Creates a watch, which does nothing until it runs.
    ///
    /// - Parameters:
    ///   - broker: The connection.
    ///   - consumer: The name of its durable consumer.
    ///   - telemetry: Where to record.
    public init(broker: MessageBroker, consumer: String, telemetry: Telemetry) {
        self.broker = broker
        self.consumer = consumer
        self.telemetry = telemetry
        tracer = telemetry.tracer(for: .advisory)
        advisories = telemetry.metrics.counter(
            "jetstream_advisories_total",
            help: "Messages that a consumer will not get again, by what JetStream said about them.",
            labels: ["kind", "stream", "consumer"]
        )
    }

    /// Declares the stream and the consumer.
    ///
    /// - Parameter replicas: 1 for a single server, 3 for a cluster.
    /// - Throws: An error that names each difference that cannot be reconciled.
    public func prepare(replicas: Int = 1) async throws {
        let context = try await broker.jetStream()
        try await context.ensureStream(.advisories(name: Self.stream, replicas: replicas))
        var configuration = ConsumerConfiguration(durableName: consumer)
        configuration.ackPolicy = .explicit
        // No limit: its own advisories would come back to it.
        configuration.maxDeliver = -1
        try await context.ensureConsumer(configuration, on: Self.stream)
    }

    /// Listens until the shutdown.
    ///
    /// - Throws: What makes listening impossible.
    public func run() async throws {
        let messages = try await broker.jetStream()
            .messages(stream: Self.stream, consumer: consumer, options: PullOptions(maximumBuffered: 64))
        let goesOn = state.withLock { state in
            guard case .running = state else { return false }
            state = .running(messages)
            return true
        }
        guard goesOn else { return messages.stop() }
        do {
            for try await message in messages { await handle(message) }
        } catch {
            telemetry.logger.error(
                "advisories are not heard any more",
                metadata: ["stream": "\(Self.stream)", "error": "\(error)"]
            )
        }
    }

    /// Takes no more advisories.
    public func beginShutdown() {
        let messages = state.withLock { state -> PullConsumer? in
            defer { state = .stopped }
            guard case .running(let messages) = state else { return nil }
            return messages
        }
        messages?.stop()
    }

    private func handle(_ message: JetStreamMessage) async {
        do {
            if let advisory = try? ConsumerAdvisory(payload: message.payload) {
                let parent = try await context(of: advisory)
                record(advisory, below: parent)
            }
            try await message.ackSync()
        } catch {
            telemetry.logger.debug(
                "an advisory will be read again",
                metadata: ["stream": "\(Self.stream)", "reason": "\(error)"]
            )
            try? message.nak(delay: .seconds(1))
        }
    }

    private func record(_ advisory: ConsumerAdvisory, below parent: ActiveContext) {
        advisories.labels(advisory.kind, advisory.stream, advisory.consumer).increment(exemplar: parent.spanContext)
        // The message is not there any more and left no dead letter: there is no trace that it could belong to.
        guard parent.spanContext != nil else { return }
        var attributes: Attributes = [
            SemanticConventions.messagingSystem: "nats",
            SemanticConventions.natsAdvisory: .string(advisory.kind),
            SemanticConventions.natsStream: .string(advisory.stream),
            SemanticConventions.natsConsumer: .string(advisory.consumer),
            SemanticConventions.natsStreamSequence: .int(advisory.streamSequence),
            SemanticConventions.natsDeliveryCount: .int(advisory.deliveries),
        ]
        if case .terminated(let reason?) = advisory.event, !reason.isEmpty {
            attributes[SemanticConventions.deadLetterReason] = .string(reason)
        }
        let instant = UInt64(clamping: advisory.timestamp)
        let span = tracer.startSpan(
            .advisory,
            advisory.kind,
            parent: parent,
            startTime: instant,
            attributes: attributes
        )
        span.end(at: instant)
    }

    /// The context that the message carries, or its dead letter when the message is gone: a work queue deletes what is
    /// terminated.
    private func context(of advisory: ConsumerAdvisory) async throws -> ActiveContext {
        let context = try await broker.jetStream()
        do {
            let stored = try await context.getMessage(stream: advisory.stream, sequence: advisory.streamSequence)
            return telemetry.propagators.extract(stored.message.headers)
        } catch let error as JetStreamError where [.messageNotFound, .streamNotFound].contains(error.kind) {
            return try await deadLetter(of: advisory, in: context).map { telemetry.propagators.extract($0) }
                ?? ActiveContext()
        }
    }

    private func deadLetter(
        of advisory: ConsumerAdvisory,
        in context: any JetStreamBroker
    ) async throws -> NATSHeaders? {
        let newest: UInt64
        do {
            newest = try await context.streamInfo(DeadLetterHeaders.stream).state.lastSequence
        } catch let error as JetStreamError where error.kind == .streamNotFound {
            return nil
        }
        for step in 0..<UInt64(Self.looks) where step < newest {
            let letter: StoredMessage
            do {
                letter = try await context.getMessage(stream: DeadLetterHeaders.stream, sequence: newest - step)
            } catch let error as JetStreamError where error.kind == .messageNotFound {
                continue
            }
            let headers = letter.message.headers
            if headers.first(named: DeadLetterHeaders.sequence) == String(advisory.streamSequence),
                headers.first(named: DeadLetterHeaders.sourceStream) == advisory.stream,
                headers.first(named: DeadLetterHeaders.consumer) == advisory.consumer
            {
                return headers
            }
        }
        return nil
    }
}

extension ConsumerAdvisory {
    /// The value of `messaging.nats.advisory` and of the label `kind`.
    fileprivate var kind: String {
        switch event {
        case .maximumDeliveries: "max_deliveries"
        case .terminated: "terminated"
        }
    }
}
