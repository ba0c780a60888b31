import Foundation
import JetStream
import LocalStack
import Logging
import Observability
import Synchronization
import TestKit
import Testing
import Tracing

@testable import ContrailInstrumentation

@Suite("Lag, advisories and counters of the connection, against a NATS server")
struct AdvisoryTests {
    @Test("Lag counts what is pending, at work, overdue and stuck, and knows the oldest event")
    func lag() async throws {
        try await MessagingBench.run { bench in
            var consumer = MessagingBench.consumer
            consumer.lateAfter = .seconds(60)
            let stream = try await bench.broker.jetStream()
            // One delivery, and then nobody gets the event any more.
            var declaration = ConsumerConfiguration(durableName: "tester")
            declaration.ackWait = .milliseconds(100)
            declaration.maxDeliver = 1
            try await stream.ensureConsumer(declaration, on: "THINGS")
            let now = bench.telemetry.provider.now()
            #expect(try await bench.broker.lag(of: consumer, now: now) == EventLag())

            try await bench.publish("old", age: .seconds(120))
            for id in ["a", "b"] { try await bench.publish(id) }
            var lag = try await bench.broker.lag(of: consumer, now: bench.telemetry.provider.now())
            #expect((lag.stored, lag.pending, lag.stuck, lag.acknowledgementPending) == (3, 3, 0, 0))
            let oldest = try #require(lag.oldest)
            #expect(oldest <= now - 119_000_000_000 && oldest >= now - 122_000_000_000)
            // Waiting begins with the storing: what came a moment ago is not overdue, however old it is.
            #expect(lag.overdue == 0)

            let messages = try stream.messages(
                stream: "THINGS",
                consumer: "tester",
                options: PullOptions(maximumBuffered: 1)
            )
            _ = try #require(try await messages.next())
            messages.stop()
            for message in messages.takeBuffered() { try message.nak(delay: .zero) }
            let isStuck = try await eventually {
                try await bench.broker.lag(of: consumer, now: bench.telemetry.provider.now()).stuck >= 1
            }
            #expect(isStuck)

            // An hour later all that was stored before is overdue, and what came since is not.
            lag = try await bench.broker.lag(of: consumer, now: bench.telemetry.provider.now() + 3_600_000_000_000)
            #expect(lag.overdue == 3)
            consumer.lateAfter = .milliseconds(300)
            let isOverdue = try await eventually {
                try await bench.broker.lag(of: consumer, now: bench.telemetry.provider.now()).overdue == 3
            }
            #expect(isOverdue)
            try await bench.publish("young")
            lag = try await bench.broker.lag(of: consumer, now: bench.telemetry.provider.now())
            #expect(lag.stored == 4 && lag.overdue == 3)
        }
    }

    @Test("Lag is read on the broker in memory too")
    func lagInMemory() async throws {
        let telemetry = Telemetry(
            provider: TracerProvider(testing: InMemorySpanProcessor()),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let broker = MessageBroker(jetStream: InMemoryJetStream(), telemetry: telemetry)
        try await broker.ensure(EventStreamDeclaration(name: "THINGS", subjects: ["thing.*"], retention: .workQueue))
        try await broker.ensure(MessagingBench.consumer)
        let publisher = TracedPublisher(broker: broker, telemetry: telemetry)
        let event = EventEnvelope(id: "a", type: "thing.a", source: "", subject: "", time: 5, dataSchema: "")
        try await publisher.publish(event, payload: [], headers: [:], stream: "THINGS")
        let now = telemetry.provider.now()
        let lag = try await broker.lag(of: MessagingBench.consumer, now: now + 3_600_000_000_000)
        #expect(lag.stored == 1 && lag.pending == 1 && lag.overdue == 1 && lag.oldest == 5)
    }

    @Test("A message that reached its last delivery has a span in its own trace and is counted")
    func maximumDeliveries() async throws {
        try await MessagingBench.run { bench in
            let watch = AdvisoryWatch(broker: bench.broker, consumer: "watcher", telemetry: bench.telemetry)
            try await watch.prepare()
            let stream = try await bench.broker.jetStream()
            var declaration = ConsumerConfiguration(durableName: "tester")
            declaration.ackWait = .milliseconds(100)
            declaration.maxDeliver = 2
            try await stream.ensureConsumer(declaration, on: "THINGS")
            try await bench.publish("a")
            let messages = try stream.messages(stream: "THINGS", consumer: "tester")
            for _ in 1...2 { _ = try #require(try await messages.next()) }
            let isCaptured = await eventually {
                (try? await stream.getMessage(stream: AdvisoryWatch.stream, sequence: 1)) != nil
            }
            #expect(isCaptured)
            let captured = bench.telemetry.provider.now()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await watch.run() }
                defer { watch.beginShutdown() }
                let isTold = await eventually { !bench.spans.spans(named: "advisory max_deliveries").isEmpty }
                #expect(isTold)
                messages.stop()
            }
            let span = try #require(bench.spans.spans(named: "advisory max_deliveries").first)
            let publish = try #require(bench.spans.spans(named: "publish thing.happened").first)
            #expect(span.context.traceID == publish.context.traceID)
            #expect(span.parentSpanID == publish.context.spanID)
            #expect(span.attributes["messaging.nats.stream_sequence"] == .int(1))
            #expect(span.attributes["messaging.nats.delivery_count"] == .int(2))
            // When JetStream gave up, not when somebody read that.
            #expect(span.startTime == span.endTime && span.startTime < captured)
            try expectDeclared(span, bench.telemetry)
            let samples = bench.samples("jetstream_advisories_total")
            #expect(samples == [#"{kind="max_deliveries",stream="THINGS",consumer="tester"}"#: 1], "\(samples)")
        }
    }

    @Test("A terminated message is gone: its dead letter says which trace it belongs to")
    func terminated() async throws {
        try await MessagingBench.run { bench in
            let watch = AdvisoryWatch(broker: bench.broker, consumer: "watcher", telemetry: bench.telemetry)
            try await watch.prepare()
            let consumer = TracedConsumer(MessagingBench.consumer, broker: bench.broker, telemetry: bench.telemetry) {
                _ in
                throw EventRejection(reason: "undecodable", message: "no thing")
            }
            try await bench.broker.ensure(MessagingBench.consumer)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await watch.run() }
                group.addTask { try await consumer.run() }
                defer {
                    watch.beginShutdown()
                    consumer.beginShutdown()
                }
                for id in ["a", "b", "c"] { try await bench.publish(id) }
                let areTold = await eventually { bench.spans.spans(named: "advisory terminated").count == 3 }
                #expect(areTold)
            }
            let origins = ["a", "b", "c"].compactMap { bench.spans.spans(named: "origin \($0)").first?.context.traceID }
            let told = bench.spans.spans(named: "advisory terminated")
            #expect(Set(told.map(\.context.traceID)) == Set(origins))
            for span in told {
                #expect(span.attributes["contrail.dead_letter.reason"] == .string("undecodable"))
                try expectDeclared(span, bench.telemetry)
            }
        }
    }

    @Test("A message that is gone without a trace is counted, and has no span")
    func untraceable() async throws {
        try await MessagingBench.run { bench in
            let watch = AdvisoryWatch(broker: bench.broker, consumer: "watcher", telemetry: bench.telemetry)
            try await watch.prepare()
            try await bench.broker.ensure(MessagingBench.consumer)
            let stream = try await bench.broker.jetStream()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await watch.run() }
                defer { watch.beginShutdown() }
                try await bench.publish("a")
                let messages = try stream.messages(stream: "THINGS", consumer: "tester")
                try await messages.next()?.terminateSync(reason: "tired")
                let isCounted = await eventually {
                    bench.samples("jetstream_advisories_total")
                        == [#"{kind="terminated",stream="THINGS",consumer="tester"}"#: 1]
                }
                #expect(isCounted)
                messages.stop()
            }
            #expect(bench.spans.spans(named: "advisory terminated").isEmpty)
        }
    }

    @Test("The connection's state and counters are there from the start, and tell of a loss and a return")
    func connection() async throws {
        try await MessagingBench.run { bench in
            func state(_ name: String) -> Double? { bench.samples("nats_connection_state")["{state=\"\(name)\"}"] }
            #expect(state("connected") == 1 && state("reconnecting") == 0)
            #expect(state("connecting") == 0 && state("closed") == 0)
            #expect(bench.samples("nats_reconnects_total") == ["": 0])
            #expect((bench.samples("nats_sent_messages_total")[""] ?? 0) > 0)
            #expect((bench.samples("nats_received_bytes_total")[""] ?? 0) > 0)
            let killed = await bench.server.kill()
            #expect(killed == .signalled(9))
            let isNoticed = await eventually { state("reconnecting") == 1 && state("connected") == 0 }
            #expect(isNoticed)
            #expect(bench.samples("nats_connected") == ["": 0])
            await #expect(throws: BrokerUnavailable.self) { try await bench.broker.check() }
            #expect(bench.samples("nats_disconnects_total") == ["": 1])
            try await bench.server.restart()
            let isBack = await eventually { state("connected") == 1 }
            #expect(isBack)
            #expect(bench.samples("nats_reconnects_total") == ["": 1])
            try await bench.broker.check()
        }
    }

    @Test("A consumer has a counter of its stalls from the start")
    func stalls() throws {
        let telemetry = Telemetry(
            provider: TracerProvider(testing: InMemorySpanProcessor()),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let broker = MessageBroker(jetStream: InMemoryJetStream(), telemetry: telemetry)
        let consumer = TracedConsumer(MessagingBench.consumer, broker: broker, telemetry: telemetry) { _ in }
        let text = String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self)
        #expect(text.contains(#"jetstream_consumer_stalls_total{stream="THINGS",consumer="tester"} 0"#))
        _ = consumer
    }
}
