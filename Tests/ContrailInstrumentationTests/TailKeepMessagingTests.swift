import Foundation
import LocalStack
import Logging
import Observability
import Resilience
import Synchronization
import TestKit
import Testing

@testable import ContrailInstrumentation

@Suite("Traces that are kept across processes, against a NATS server")
struct TailKeepMessagingTests {
    /// One process with nothing sampled at the head.
    private struct Process: Sendable {
        let spans = InMemorySpanProcessor()
        let telemetry: Telemetry
        let broker: MessageBroker

        init(_ name: String, _ server: NATSServer, seed: UInt64) throws {
            var tail = TailKeep.Configuration()
            // No wait is a verdict by its length: it would come before the one that a test is about.
            tail.slowSpan = .seconds(600)
            telemetry = Telemetry(
                provider: TracerProvider(
                    resource: Resource(serviceName: name, serviceVersion: "0", instanceID: "1"),
                    sampler: .parentBased(root: .alwaysOff),
                    tailKeep: TailKeep(tail),
                    ids: IDGenerator(seed: seed),
                    processor: spans
                ),
                metrics: MetricsRegistry(),
                logger: Logger(label: name) { _ in SwiftLogNoOpLogHandler() }
            )
            broker = try MessageBroker(environment: ["NATS_URL": server.url], name: name, telemetry: telemetry)
        }

        var kept: [TailKeep.Reason: Int] { telemetry.provider.tailKeep?.statistics.keptTraces ?? [:] }

        func consumer(
            lateAfter: Duration = .seconds(600),
            _ handler: @escaping TracedConsumer.Handler
        ) -> TracedConsumer {
            TracedConsumer(
                Self.configuration(lateAfter: lateAfter),
                broker: broker,
                telemetry: telemetry,
                handler: handler
            )
        }

        static func configuration(lateAfter: Duration = .seconds(600)) -> TracedConsumer.Configuration {
            var configuration = TracedConsumer.Configuration(
                stream: "THINGS",
                consumer: "tester",
                subjects: ["thing.happened"]
            )
            configuration.backoff = ExponentialBackoff(initial: .milliseconds(20), maximum: .milliseconds(40))
            configuration.lateAfter = lateAfter
            return configuration
        }

        /// Publishes an event below a span of its own.
        func publish(age: Duration = .zero) async throws -> TraceID {
            let publisher = TracedPublisher(broker: broker, telemetry: telemetry)
            return try await telemetry.tracer("test").withSpan("origin", parent: ActiveContext()) { span in
                let event = EventEnvelope(
                    id: span.spanContext.spanID.hex,
                    type: "thing.happened",
                    source: "/test",
                    subject: "thing",
                    time: telemetry.provider.now() - UInt64(age / .nanoseconds(1)),
                    dataSchema: "thing/1"
                )
                try await publisher.publish(event, payload: [1], headers: TraceHeaders.current(), stream: "THINGS")
                return span.spanContext.traceID
            }
        }

        func names(_ trace: TraceID) -> [String] {
            spans.spans.filter { $0.context.traceID == trace }.map(\.name).sorted()
        }
    }

    private static let published = ["origin", "outbox wait", "publish thing.happened"]

    /// Runs two processes that are connected to a server of their own.
    private func withProcesses(_ body: @Sendable (_ first: Process, _ second: Process) async throws -> Void)
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.path + "/contrail-tail-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = try await NATSServer.start(in: folder, syncAlways: false, logger: silent)
        let result: Result<Void, any Error>
        do {
            let (first, second) = (try Process("first", server, seed: 1), try Process("second", server, seed: 2))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for process in [first, second] { group.addTask { try await process.broker.run() } }
                defer { for process in [first, second] { process.broker.beginShutdown() } }
                try await first.broker.ensure(
                    EventStreamDeclaration(name: "THINGS", subjects: ["thing.*"], retention: .workQueue)
                )
                try await first.broker.ensure(Process.configuration())
                try await hear(first, second)
                try await body(first, second)
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await server.stop()
        try result.get()
    }

    /// Waits until both processes hear each other: a verdict that nobody hears is lost by design.
    private func hear(_ first: Process, _ second: Process) async throws {
        for (speaker, listener) in [(first, second), (second, first)] {
            let isHeard = await eventually {
                let before = listener.kept[.remote] ?? 0
                let span = speaker.telemetry.tracer("test").startSpan("hello", parent: ActiveContext())
                span.setError(type: "Hello")
                span.end()
                return await eventually(within: .milliseconds(500)) { (listener.kept[.remote] ?? 0) > before }
            }
            try #require(isHeard)
        }
    }

    private func running(_ consumer: TracedConsumer, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await consumer.run() }
            defer { consumer.beginShutdown() }
            try await body()
            consumer.beginShutdown()
            try await group.waitForAll()
        }
    }

    @Test("A failed attempt keeps what the publisher did long before, and what is still to come")
    func failed() async throws {
        struct Busy: Error {}
        try await withProcesses { publisher, handler in
            let consumer = handler.consumer { delivery in if delivery.attempt == 1 { throw Busy() } }
            try await running(consumer) {
                let trace = try await publisher.publish()
                let all = [
                    "ack thing.happened", "nak thing.happened", "process thing.happened", "process thing.happened",
                    "redelivery wait", "stream wait",
                ]
                #expect(await eventually { handler.names(trace) == all }, "\(handler.names(trace))")
                #expect(await eventually { publisher.names(trace) == Self.published }, "\(publisher.names(trace))")
                #expect((handler.spans.spans + publisher.spans.spans).allSatisfy { $0.context.isSampled })
            }
            #expect((handler.kept[.error] ?? 0) >= 2)
        }
    }

    @Test("What was handled in time is not kept, what was handled late is")
    func late() async throws {
        try await withProcesses { publisher, handler in
            try await running(handler.consumer(lateAfter: .seconds(60)) { _ in }) {
                let inTime = try await publisher.publish()
                let late = try await publisher.publish(age: .seconds(61))
                let all = ["ack thing.happened", "process thing.happened", "stream wait"]
                #expect(await eventually { handler.names(late) == all }, "\(handler.names(late))")
                #expect(await eventually { publisher.names(late) == Self.published })
                #expect(handler.names(inTime) == [] && publisher.names(inTime) == [])
            }
            #expect(handler.kept[.late] == 1)
        }
    }

    @Test("A message that another process failed to handle is kept by the one that gets it next")
    func retriedElsewhere() async throws {
        struct Broken: Error {}
        try await withProcesses { first, second in
            // It stops after its failure, so that the next delivery is the other's; nobody is told of that failure.
            first.telemetry.provider.tailKeep?.setListener(nil)
            let stopping = Stopping()
            let failing = first.consumer { _ in
                stopping.consumer?.beginShutdown()
                throw Broken()
            }
            stopping.set(failing)
            let trace = try await second.publish()
            try await failing.run()
            try await running(second.consumer { _ in }) {
                let all = Self.published + ["ack thing.happened", "process thing.happened", "redelivery wait"]
                #expect(await eventually { second.names(trace) == all.sorted() }, "\(second.names(trace))")
            }
            #expect(second.kept[.retried] == 1)
        }
    }
}

/// A consumer that its own handler can stop.
private final class Stopping: Sendable {
    private let state = Mutex<TracedConsumer?>(nil)

    var consumer: TracedConsumer? { state.withLock { $0 } }

    func set(_ consumer: TracedConsumer) {
        state.withLock { $0 = consumer }
    }
}
