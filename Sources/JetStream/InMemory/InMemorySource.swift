internal import Synchronization

/// Reads a consumer of a broker in memory. A message leaves the broker when a reader takes it, not before.
final class InMemorySource: MessageSource {
    private let broker: InMemoryJetStream
    private let stream: String
    private let consumer: String
    private let state = Mutex(State())

    private struct State {
        var isStopped = false
        var delivered = 0
    }

    init(broker: InMemoryJetStream, stream: String, consumer: String) {
        self.broker = broker
        self.stream = stream
        self.consumer = consumer
    }

    var statistics: PullStatistics {
        var statistics = PullStatistics()
        statistics.delivered = state.withLock { $0.delivered }
        return statistics
    }

    func next() async throws -> JetStreamMessage? {
        while !Task.isCancelled, !state.withLock({ $0.isStopped }) {
            switch broker.take(stream: stream, consumer: consumer) {
            case .message(let message):
                state.withLock { $0.delivered += 1 }
                return message
            case .nothing(let version, let deadline):
                await broker.wait(since: version, until: deadline, stream: stream, consumer: consumer)
            }
        }
        return nil
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        broker.wakeAll()
    }

    func takeBuffered() -> [JetStreamMessage] { [] }
}

/// A delivery by a broker in memory.
final class InMemoryDelivery: Delivery {
    private let broker: InMemoryJetStream
    private let message: NATSMessage
    private let metadata: MessageMetadata

    init(broker: InMemoryJetStream, message: NATSMessage, metadata: MessageMetadata) {
        self.broker = broker
        self.message = message
        self.metadata = metadata
    }

    var subject: String { message.subject }
    var headers: NATSHeaders { message.headers }
    var payload: [UInt8] { message.payload }

    func answer(_ answer: DeliveryAnswer) throws {
        broker.answer(answer, metadata)
    }

    func confirm(_ answer: DeliveryAnswer, timeout: Duration) async throws {
        broker.answer(answer, metadata)
    }
}
