import JetStream
import Logging
import Observability
import Resilience
import Synchronization
import TestKit
import Testing
import Tracing

@testable import ContrailInstrumentation

@Suite("Dead letters, read and redriven without a server")
struct DeadLettersTests {
    /// A handler that rejects everything until it has been repaired.
    private final class Handler: Sendable {
        private let state = Mutex((isRepaired: false, handled: [EventEnvelope]()))

        var handled: [String] { state.withLock { $0.handled.map(\.id) } }
        var times: [UInt64] { state.withLock { $0.handled.map(\.time) } }

        func repair() {
            state.withLock { $0.isRepaired = true }
        }

        func handle(_ delivery: EventDelivery) throws {
            try state.withLock { state in
                guard state.isRepaired else { throw EventRejection(reason: "undecodable", message: "no thing") }
                state.handled.append(delivery.event)
            }
        }
    }

    private struct Bench: Sendable {
        let letters: DeadLetters
        let publisher: TracedPublisher
        let jetStream: InMemoryJetStream
        let spans: InMemorySpanProcessor
        let telemetry: Telemetry
        let handler: Handler

        /// Publishes an event below a span of its own, which the handler gives up.
        func bury(_ id: String) async throws -> DeadLetter {
            let before = try await letters.last()
            try await telemetry.tracer("test").withSpan("origin \(id)", parent: ActiveContext()) { _ in
                let event = EventEnvelope(
                    id: id,
                    type: "thing.happened",
                    source: "/test",
                    subject: "thing",
                    time: 1,
                    dataSchema: "thing/1"
                )
                try await publisher.publish(event, payload: [7], headers: TraceHeaders.current(), stream: "THINGS")
            }
            let isDead = try await eventually { try await letters.last() > before }
            #expect(isDead)
            let isGone = try await eventually { try await jetStream.streamInfo("THINGS").state.messages == 0 }
            #expect(isGone)
            return try #require(try await letters.letter(before + 1))
        }
    }

    private func withBench(_ body: @Sendable (Bench) async throws -> Void) async throws {
        let spans = InMemorySpanProcessor()
        let telemetry = Telemetry(
            provider: TracerProvider(testing: spans),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let jetStream = InMemoryJetStream()
        let broker = MessageBroker(jetStream: jetStream, telemetry: telemetry)
        let bench = Bench(
            letters: DeadLetters(broker: broker, telemetry: telemetry),
            publisher: TracedPublisher(broker: broker, telemetry: telemetry),
            jetStream: jetStream,
            spans: spans,
            telemetry: telemetry,
            handler: Handler()
        )
        let configuration = TracedConsumer.Configuration(
            stream: "THINGS",
            consumer: "tester",
            subjects: ["thing.happened"]
        )
        let consumer = TracedConsumer(configuration, broker: broker, telemetry: telemetry) { delivery in
            try bench.handler.handle(delivery)
        }
        try await broker.ensure(EventStreamDeclaration(name: "THINGS", subjects: ["thing.*"], retention: .workQueue))
        try await broker.ensure(
            EventStreamDeclaration(
                name: "DEAD_LETTERS",
                subjects: ["dead.>"],
                retention: .limits(maximumAge: .seconds(3600))
            )
        )
        try await broker.ensure(configuration)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await consumer.run() }
            defer { consumer.beginShutdown() }
            try await body(bench)
        }
    }

    @Test("A letter tells its story; one after the other is read in order")
    func reading() async throws {
        try await withBench { bench in
            #expect(try await bench.letters.count() == 0)
            #expect(try await bench.letters.next(from: 1) == nil)
            let first = try await bench.bury("a")
            let second = try await bench.bury("b")
            #expect(try await bench.letters.count() == 2)
            #expect((first.sequence, second.sequence) == (1, 2))
            #expect(first.event.id == "a" && first.event.type == "thing.happened" && first.event.source == "/test")
            #expect(first.reason == "undecodable" && first.error == "no thing" && first.attempts == 1)
            #expect((first.subject, first.stream, first.streamSequence) == ("thing.happened", "THINGS", 1))
            #expect(first.consumer == "tester" && first.payload == [7])
            let origin = try #require(bench.spans.spans(named: "origin a").first)
            #expect(first.trace?.traceID == origin.context.traceID)
            #expect(try await bench.letters.next(from: 2)?.event.id == "b")
            #expect(try await bench.letters.letter(3) == nil)
        }
    }

    @Test("A redriven event is handled in its old trace, once, and its letter is gone")
    func redrive() async throws {
        try await withBench { bench in
            let letter = try await bench.bury("a")
            bench.handler.repair()
            let redrive = try await bench.letters.redrive(letter)
            #expect(!redrive.isDuplicate)
            let isHandled = await eventually { bench.handler.handled == ["a"] }
            #expect(isHandled)
            #expect(try await bench.letters.letter(letter.sequence) == nil)
            let origin = try #require(bench.spans.spans(named: "origin a").first)
            let isRecorded = await eventually { bench.spans.spans(named: "process thing.happened").count == 2 }
            #expect(isRecorded)
            for span in bench.spans.spans(named: "process thing.happened") {
                #expect(span.context.traceID == origin.context.traceID)
            }
            // The time as a dead letter is a wait between attempts, and the attempt that was given up is the one before.
            let wait = try #require(bench.spans.spans(named: "redelivery wait").first)
            let attempts = bench.spans.spans(named: "process thing.happened")
            #expect(wait.endTime == attempts[1].startTime && wait.startTime >= attempts[0].startTime)
            #expect(wait.attributes["contrail.retry.reason"] == "undecodable")
            #expect(attempts[1].links.last?.context.spanID == attempts[0].context.spanID)
            #expect(attempts[1].attributes["contrail.clock_skew"] == nil)
            guard case .double(let waited)? = attempts[1].attributes["contrail.stage.redelivery_wait.duration"] else {
                Issue.record("the journey is not told")
                return
            }
            #expect(abs(waited - Double(wait.endTime - wait.startTime) / 1e9) < 1e-6)

            // Whoever read the letter before may redrive it too: the stream recognises the event.
            let again = try await bench.letters.redrive(letter)
            #expect(again.isDuplicate && again.streamSequence == redrive.streamSequence)
            #expect(try await bench.jetStream.streamInfo("THINGS").state.messages == 0)
            #expect(bench.handler.handled == ["a"])
        }
    }

    @Test("An event that is given up again after its redrive is another letter of the same trace, with no old story")
    func redriveInVain() async throws {
        try await withBench { bench in
            let letter = try await bench.bury("a")
            _ = try await bench.letters.redrive(letter)
            let isDead = try await eventually { try await bench.letters.last() == 2 }
            #expect(isDead)
            let second = try #require(try await bench.letters.letter(2))
            #expect(second.event.id == "a")
            #expect(second.trace?.traceID == letter.trace?.traceID)
            #expect(second.streamSequence == 2)
            let reasons = second.headers.filter { $0.name == "Contrail-Dead-Reason" }
            #expect(reasons.count == 1)
            #expect(!second.headers.contains { $0.name == "Contrail-Redriven-From" })
            #expect(try await bench.letters.count() == 1)
        }
    }

    @Test(
        "An event of a foreign producer keeps its identity and its time as a dead letter and after its redrive",
        arguments: [
            ["Nats-Msg-Id": "foreign-1"], [:], ["ce-id": ""], ["ce-id": String(repeating: "x", count: 3000)],
            ["ce-id": String(repeating: "x", count: 201), "Nats-Msg-Id": "foreign-1"],
        ] as [NATSHeaders]
    )
    func foreign(headers: NATSHeaders) async throws {
        try await withBench { bench in
            _ = try await bench.jetStream.publish(subject: "thing.happened", headers: headers, payload: [7])
            let isDead = try await eventually { try await bench.letters.last() == 1 }
            #expect(isDead)
            let letter = try #require(try await bench.letters.letter(1))
            #expect(letter.event.id == headers["Nats-Msg-Id"] ?? "THINGS:1")
            let time = letter.event.time
            bench.handler.repair()
            _ = try await bench.letters.redrive(letter)
            let isHandled = await eventually { bench.handler.handled == [letter.event.id] }
            #expect(isHandled)
            #expect(bench.handler.times == [time])
        }
    }

    @Test("The message in the stream names the letter that it came from and keeps the event's headers")
    func headers() async throws {
        try await withBench { bench in
            let letter = try await bench.bury("a")
            // Nobody takes it: the message can be looked at.
            _ = try await bench.jetStream.ensureStream(StreamConfiguration(name: "COPIES", subjects: ["copy.>"]))
            var copy = letter
            copy.redirect(to: "copy.thing", stream: "COPIES")
            _ = try await bench.letters.redrive(copy)
            let stored = try await bench.jetStream.lastMessage(stream: "COPIES", subject: "copy.thing")
            #expect(stored.message.headers["Contrail-Redriven-From"] == "1")
            #expect(stored.message.headers["ce-id"] == "a")
            #expect(!stored.message.headers.contains { $0.name.hasPrefix("Contrail-Dead") })
        }
    }
}

extension DeadLetter {
    /// Sends the event to another stream.
    fileprivate mutating func redirect(to subject: String, stream: String) {
        self = DeadLetter(
            sequence: sequence,
            event: event,
            reason: reason,
            errorType: errorType,
            error: error,
            attempts: attempts,
            subject: subject,
            stream: stream,
            streamSequence: streamSequence,
            consumer: consumer,
            deadAt: deadAt,
            trace: trace,
            headers: headers,
            payload: payload
        )
    }
}
