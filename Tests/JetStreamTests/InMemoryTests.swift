import JetStream
import Synchronization
import Testing

/// A clock that stands still until it is told.
final class ManualClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleepers: [Int: (until: Instant, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var last = 0
    }

    private let state = Mutex(State())

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .zero }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for sleeper in due { sleeper.resume() }
    }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.last += 1
            return state.last
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.now >= deadline || Task.isCancelled { return true }
                    state.sleepers[id] = (deadline, continuation)
                    return false
                }
                if isOver { continuation.resume() } else if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func cancel(_ id: Int) {
        state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
    }
}

@Suite("The broker in memory")
struct InMemoryTests {
    private let clock = ManualClock()

    private func setUp(_ consumer: ConsumerConfiguration) async throws -> (InMemoryJetStream, PullConsumer) {
        let broker = InMemoryJetStream(clock: clock)
        try await broker.ensureStream(StreamTests.orders)
        try await broker.ensureConsumer(consumer, on: "ORDERS")
        return (broker, try broker.messages(stream: "ORDERS", consumer: "n"))
    }

    @Test("redelivers by its clock: after the wait of each delivery, and no sooner")
    func backoff() async throws {
        let (broker, consumer) = try await setUp(
            ConsumerConfiguration(durableName: "n", backoff: [.seconds(10), .seconds(60)])
        )
        _ = try await broker.publish(subject: "order.paid", payload: [])
        var message = try #require(try await consumer.next())
        for (count, wait) in [(1, 10), (2, 60), (3, 60)] as [(UInt64, Int)] {
            #expect(message.metadata.deliveryCount == count)
            let next = Task { try await consumer.next() }
            clock.advance(by: .seconds(wait) - .milliseconds(1))
            try await eventually("the reader waits") {
                try await broker.consumerInfo(stream: "ORDERS", consumer: "n").waiting == 1
            }
            clock.advance(by: .milliseconds(1))
            message = try #require(try await next.value)
        }
        #expect(message.metadata.deliveryCount == 4)
        try message.ack()
        #expect(try await broker.streamInfo("ORDERS").state.messages == 0)
    }

    @Test("forgets an id when its window is over, and those of removed messages at a restart")
    func window() async throws {
        let (broker, consumer) = try await setUp(ConsumerConfiguration(durableName: "n"))
        func publish(_ id: String) async throws -> Bool {
            try await broker.publish(subject: "order.paid", payload: [], messageID: id).isDuplicate
        }
        #expect(try await publish("a") == false)
        clock.advance(by: .seconds(119))
        #expect(try await publish("a"))
        clock.advance(by: .seconds(2))
        #expect(try await publish("a") == false)

        #expect(try await publish("b") == false)
        try await consumer.next()?.ackSync()
        try await consumer.next()?.ackSync()
        broker.restart()
        // What is not acknowledged is stored, and so remembered.
        #expect(try await publish("a") == false)
        #expect(try await publish("b"))
    }

    @Test("removes what is too old from a stream with limits")
    func age() async throws {
        let broker = InMemoryJetStream(clock: clock)
        try await broker.ensureStream(BrokerConformanceTests.deadLetters)
        _ = try await broker.publish(subject: "dead.a", payload: [])
        clock.advance(by: .seconds(3600))
        #expect(try await broker.streamInfo("DEAD_LETTERS").state.messages == 0)
    }
}
