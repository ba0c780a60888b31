internal import ContrailInstrumentation
internal import Logging
internal import Observability
internal import ServiceRuntime
private import Synchronization
internal import Tracing

/// Looks at what waits, where the truth is: in the streams and in the database, and not at what has been completed.
final class NotificationWatch: Sendable {
    private struct State {
        var lags: [String: EventLag] = [:]
        var totals: NotificationStorage.Totals?
    }

    private let broker: MessageBroker
    private let consumers: [TracedConsumer.Configuration]
    private let storage: NotificationStorage
    private let logger: Logger
    private let state = Mutex(State())

    init(
        broker: MessageBroker,
        consumers: [TracedConsumer.Configuration],
        storage: NotificationStorage,
        telemetry: Telemetry
    ) {
        self.broker = broker
        self.consumers = consumers
        self.storage = storage
        logger = telemetry.logger
        register(telemetry.metrics)
    }

    /// Looks again and again until the task is cancelled.
    func run() async throws {
        while true {
            await look()
            try await Task.sleep(for: .seconds(2))
        }
    }

    private func look() async {
        for consumer in consumers {
            do {
                let lag = try await broker.lag(of: consumer, now: TracerProvider.wallClock())
                state.withLock { $0.lags[consumer.stream] = lag }
            } catch {
                // What was seen before is no longer the truth.
                state.withLock { $0.lags[consumer.stream] = nil }
                logger.debug(
                    "a stream cannot be watched",
                    metadata: ["stream": "\(consumer.stream)", "reason": "\(error)"]
                )
            }
        }
        do {
            let totals = try await storage.totals(since: state.withLock { $0.totals })
            state.withLock { $0.totals = totals }
        } catch {
            logger.debug("notifications cannot be counted", metadata: ["reason": "\(error)"])
        }
    }

    private func register(_ registry: MetricsRegistry) {
        for consumer in consumers {
            registry.pendingNotifications(at: consumer.stream) { [weak self] in
                self?.lag(of: consumer.stream).map {
                    PendingNotifications(overdue: Double($0.overdue), oldest: $0.oldest)
                }
            }
        }
        gauge(registry, "jetstream_consumer_pending", "Events that have not been delivered yet.") { Double($0.pending) }
        gauge(registry, "jetstream_consumer_ack_pending", "Events that have been delivered and not been settled.") {
            Double($0.acknowledgementPending)
        }
        gauge(registry, "jetstream_consumer_redelivered", "Events that are at work again after a failed delivery.") {
            Double($0.redelivered)
        }
        gauge(registry, "jetstream_consumer_stuck", "Events that are stored and will not be delivered any more.") {
            Double($0.stuck)
        }
        registry.notificationLedger { [weak self] in
            guard let self else { return [] }
            return state.withLock { state in
                var ledger: [(String, Double)] = []
                if state.lags.count == self.consumers.count {
                    ledger.append(("pending", state.lags.values.reduce(0) { $0 + Double($1.stored) }))
                }
                if let totals = state.totals {
                    ledger.append(("delivered", Double(totals.delivered)))
                    ledger.append(("dead_lettered", Double(totals.deadLettered)))
                }
                return ledger
            }
        }
    }

    private func lag(of stream: String) -> EventLag? {
        state.withLock { $0.lags[stream] }
    }

    private func gauge(
        _ registry: MetricsRegistry,
        _ name: String,
        _ help: String,
        _ value: @escaping @Sendable (EventLag) -> Double
    ) {
        registry.gauge(name, help: help, labels: ["stream", "consumer"]) { [weak self] in
            guard let self else { return [] }
            return consumers.compactMap { consumer in
                self.lag(of: consumer.stream).map { ObservedValue(value($0), consumer.stream, consumer.consumer) }
            }
        }
    }
}
