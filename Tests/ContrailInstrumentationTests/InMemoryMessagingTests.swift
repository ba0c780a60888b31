import JetStream
import Logging
import Observability
import Resilience
import TestKit
import Testing

@testable import ContrailInstrumentation

@Suite("Traced messaging without a server")
struct InMemoryMessagingTests {
    private struct Failed: Error {}

    private func withBroker(
        handler: @escaping TracedConsumer.Handler,
        _ body: (TracedPublisher, InMemoryJetStream, InMemorySpanProcessor) async throws -> Void
    ) async throws {
        let spans = InMemorySpanProcessor()
        let telemetry = Telemetry(
            provider: TracerProvider(testing: spans),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let jetStream = InMemoryJetStream()
        let broker = MessageBroker(jetStream: jetStream, telemetry: telemetry)
        var configuration = TracedConsumer.Configuration(
            stream: "THINGS",
            consumer: "tester",
            subjects: ["thing.happened"]
        )
        configuration.maximumAttempts = 2
        configuration.backoff = ExponentialBackoff(initial: .milliseconds(5), maximum: .milliseconds(10))
        let consumer = TracedConsumer(configuration, broker: broker, telemetry: telemetry, handler: handler)
        try await broker.ensure(EventStreamDeclaration(name: "THINGS", subjects: ["thing.*"], retention: .workQueue))
        try await broker.ensure(
            EventStreamDeclaration(
                name: "DEAD_LETTERS",
                subjects: ["dead.>"],
                retention: .limits(maximumAge: .seconds(3600))
            )
        )
        try await broker.ensure(configuration)
        try await broker.check()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            group.addTask { try await consumer.run() }
            defer {
                consumer.beginShutdown()
                broker.beginShutdown()
            }
            try await body(TracedPublisher(broker: broker, telemetry: telemetry), jetStream, spans)
        }
    }

    private func publish(_ id: String, _ publisher: TracedPublisher) async throws {
        let event = EventEnvelope(
            id: id,
            type: "thing.happened",
            source: "/test",
            subject: "thing",
            time: 1,
            dataSchema: "thing/1"
        )
        try await publisher.publish(event, payload: [1], headers: [:], stream: "THINGS")
    }

    @Test("handles an event that fails once, and acknowledges it")
    func retried() async throws {
        try await withBroker { delivery in
            if delivery.attempt == 1 { throw Failed() }
            try await delivery.record {}
        } _: { publisher, jetStream, spans in
            try await publish("a", publisher)
            let isDone = await eventually { spans.spans(named: "process thing.happened").count == 2 }
            #expect(isDone)
            #expect(try await jetStream.streamInfo("THINGS").state.messages == 0)
            #expect(try await jetStream.streamInfo("DEAD_LETTERS").state.messages == 0)
        }
    }

    @Test("moves an event that fails always to the dead letters, with its story")
    func deadLetter() async throws {
        try await withBroker { _ in
            throw Failed()
        } _: { publisher, jetStream, _ in
            try await publish("a", publisher)
            let isDone = try await eventually { try await jetStream.streamInfo("THINGS").state.messages == 0 }
            #expect(isDone)
            let letter = try await jetStream.lastMessage(stream: "DEAD_LETTERS", subject: "dead.THINGS.tester")
            #expect(letter.message.headers["Contrail-Dead-Attempts"] == "2")
            #expect(letter.message.headers["Contrail-Dead-Subject"] == "thing.happened")
            #expect(letter.message.headers["traceparent"] != nil)
            #expect(letter.message.payload == [1])
        }
    }
}
