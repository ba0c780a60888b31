public import Contracts
public import ContrailInstrumentation
internal import EventSourcing
internal import Observability
public import PostgresEventStore

/// How a service publishes its events, as parts: the connection to NATS, the streams and the outbox relay.
public struct EventPublishing: Sendable {
    /// The connection to NATS.
    public let broker: MessageBroker
    /// The relay.
    public let relay: OutboxRelay
    /// Declares the streams.
    public let preparation: Preparation
    /// Keeps the connection.
    public let connectionWork: BackgroundWork
    /// Publishes what waits.
    public let relayWork: BackgroundWork
    /// Asks whether NATS is connected.
    public let dependency: Dependency

    private let requested: MetricFamily<CounterMetric>

    /// Puts a service's publishing together.
    ///
    /// - Parameters:
    ///   - name: The service.
    ///   - streams: The streams that its events go to.
    ///   - storage: The database with the outbox.
    ///   - settings: The environment.
    ///   - telemetry: Where to record.
    /// - Throws: An error that names the variable that is wrong.
    public init(
        _ name: String,
        streams: [EventStreamName],
        storage: ServiceStorage,
        settings: inout Settings,
        telemetry: Telemetry
    ) throws {
        let broker = try settings.broker(name, telemetry: telemetry)
        let replicas = settings.streamReplicas()
        let publisher = TracedPublisher(broker: broker, telemetry: telemetry)
        var relayConfiguration = OutboxRelay.Configuration()
        relayConfiguration.overdueAfter = settings.notificationLateAfter()
        let relay = OutboxRelay(
            pool: storage.pool,
            configuration: relayConfiguration,
            logger: telemetry.logger
        ) { message in
            try await publisher.publish(
                EventEnvelope(message, source: "/contrail/\(name)"),
                payload: message.event.payload,
                headers: message.headers,
                stream: EventCatalogue.stream(of: message.event.type)
            )
        }
        self.broker = broker
        self.relay = relay
        preparation = .streams(streams, broker: broker, replicas: replicas)
        connectionWork = .broker(broker)
        relayWork = BackgroundWork("outbox relay") {
            try await relay.run()
        } beginShutdown: {
            relay.beginShutdown()
        }
        dependency = .broker(broker, isNeededForCalls: false)
        requested = telemetry.metrics.counter(
            "notification_requested_total",
            help: "Committed events, each of which must become a notification.",
            labels: ["event_type"]
        )
        // From the start: what an objective divides by must see the first event of a process, too.
        for type in streams.flatMap(\.subjects) { _ = requested.labels(type) }
        Self.registerGauges(relay, registry: telemetry.metrics)
    }

    /// Counts what a transaction has committed, and makes the relay publish it at once.
    ///
    /// - Parameter types: The types of its events.
    public func committed(_ types: [String]) {
        for type in types { requested.labels(type).increment() }
        relay.nudge()
    }

    /// What the relay that works knows of the outbox. The others know nothing: their series are absent.
    private static func registerGauges(_ relay: OutboxRelay, registry: MetricsRegistry) {
        let backlog: @Sendable () -> OutboxBacklog? = { [weak relay] in
            guard let relay, relay.isActive else { return nil }
            return relay.backlog
        }
        registry.gauge("outbox_depth", help: "Events that wait to be published.") { backlog().map { Double($0.depth) } }
        registry.gauge(
            "outbox_oldest_age_seconds",
            help: "Age of the oldest event that waits to be published; 0 when none waits."
        ) {
            backlog().map { backlog in
                guard let oldest = backlog.oldest else { return 0 }
                let now = TracerProvider.wallClock()
                return now > oldest ? Double(now - oldest) / 1e9 : 0
            }
        }
        registry.gauge("outbox_relay_active", help: "Whether this process publishes for the database: 1 or 0.") {
            [weak relay] in relay?.isActive == true ? 1 : 0
        }
        registry.pendingNotifications(at: "outbox") {
            backlog().map { PendingNotifications(overdue: Double($0.overdue), oldest: $0.oldest) }
        }
        registry.notificationLedger {
            backlog().map { [("requested", Double($0.queued)), ("pending", Double($0.depth))] } ?? []
        }
    }
}

extension EventEnvelope {
    /// Describes an event of the outbox.
    init(_ message: OutboxMessage, source: String) {
        self.init(
            id: message.id.text,
            type: message.event.type,
            source: source,
            subject: message.aggregateID,
            time: message.recordedAt,
            dataSchema: EventCatalogue.schema(of: message.event.type, version: message.event.schemaVersion)
        )
    }
}
