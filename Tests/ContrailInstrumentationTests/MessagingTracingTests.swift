import Foundation
import JetStream
import LocalStack
import Logging
import Observability
import Resilience
import Synchronization
import TestKit
import Testing
import Tracing

@testable import ContrailInstrumentation

@Suite("Spans and metrics of messages, against a NATS server")
struct MessagingTracingTests {
    private func withBench(
        attempts: Int = 500,
        backoff: ExponentialBackoff = ExponentialBackoff(initial: .milliseconds(20), maximum: .milliseconds(40)),
        handler: @escaping TracedConsumer.Handler = { _ in },
        _ body: @Sendable (MessagingBench) async throws -> Void
    ) async throws {
        var consumer = MessagingBench.consumer
        consumer.maximumAttempts = attempts
        consumer.backoff = backoff
        try await MessagingBench.run(consumer: consumer, handler: handler, body)
    }

    @Test("A handler that always fails is called no more often than the backoff allows")
    func boundedRedelivery() async throws {
        // `make test` looks for five seconds, `make test-long` for sixty.
        let isLong = ProcessInfo.processInfo.environment["CONTRAIL_LONG_TESTS"] == "1"
        let time = Duration.seconds(isLong ? 60 : 5)
        let backoff = ExponentialBackoff(initial: .milliseconds(500), maximum: .seconds(60))
        let events = 20
        let calls = Mutex<[String: Int]>([:])
        try await withBench(backoff: backoff) { delivery in
            calls.withLock { $0[delivery.event.id, default: 0] += 1 }
            throw AlwaysFails()
        } _: { bench in
            let start = ContinuousClock.now
            for number in 0..<events { try await bench.publish("event-\(number)") }
            // A time in which something must not happen.
            try await Task.sleep(for: time)
            let counts = calls.withLock { $0 }
            let elapsed = ContinuousClock.now - start
            // Equal jitter waits at least half of each ceiling.
            var most = 1
            var earliest = Duration.zero
            while true {
                earliest += backoff.ceiling(afterFailures: most) / 2
                guard earliest <= elapsed else { break }
                most += 1
            }
            #expect(counts.count == events)
            #expect(counts.values.allSatisfy { $0 <= most }, "\(counts), at most \(most)")
            #expect(counts.values.allSatisfy { $0 >= 3 }, "the handler was not called again: \(counts)")
        }
    }

    private struct AlwaysFails: Error {}

    @Test("An event's trace goes through the outbox, the broker and the handler")
    func handled() async throws {
        let inner = InMemorySpanProcessor()
        let tracer = TracerProvider(testing: inner, seed: 7).tracer("inner")
        try await withBench { delivery in
            await tracer.withSpan("inside") { _ in }
            try await delivery.record {}
        } _: { bench in
            try await bench.publish("one", age: .seconds(2))
            let origin = try await bench.wait(for: "origin one")[0]
            let publish = try await bench.wait(for: "publish thing.happened")[0]
            let process = try await bench.wait(for: "process thing.happened")[0]
            let record = try await bench.wait(for: "record")[0]
            let ack = try await bench.wait(for: "ack thing.happened")[0]
            let outbox = try await bench.wait(for: "outbox wait")[0]
            let stream = try await bench.wait(for: "stream wait")[0]
            let all = [publish, process, record, ack, outbox, stream]
            #expect(all.allSatisfy { $0.context.traceID == origin.context.traceID })
            #expect(all.allSatisfy { $0.status == .unset })

            #expect(publish.kind == .producer && publish.parentSpanID == origin.context.spanID)
            #expect(publish.attributes["messaging.nats.stream_sequence"] == .int(1))
            #expect(outbox.parentSpanID == origin.context.spanID)
            #expect(outbox.endTime - outbox.startTime >= 2_000_000_000)
            #expect(outbox.endTime <= publish.endTime)
            #expect(process.kind == .consumer && process.parentSpanID == publish.context.spanID)
            #expect(process.parentIsRemote)
            #expect(process.links.map(\.context.spanID) == [publish.context.spanID])
            #expect(stream.parentSpanID == publish.context.spanID)
            #expect(stream.endTime == process.startTime)
            #expect(record.parentSpanID == process.context.spanID)
            #expect(ack.kind == .client && ack.parentSpanID == record.context.spanID)
            let inside = try #require(inner.spans.first)
            #expect(inside.parentSpanID == process.context.spanID)

            for span in all { try expectDeclared(span, bench.telemetry) }
            #expect(bench.lines("messaging_client_sent_messages_total{").count == 1)
            #expect(bench.lines("messaging_client_consumed_messages_total{").count == 1)
            _ = await eventually { bench.lines("messaging_process_duration_seconds_count{").count == 1 }
            #expect(bench.lines("messaging_process_duration_seconds_count{").count == 1)
            let operations = bench.lines("messaging_client_operation_duration_seconds_count{")
            #expect(operations.contains { $0.contains("\"publish\"") && $0.hasSuffix(" 1") })
            #expect(operations.contains { $0.contains("\"ack\"") && $0.hasSuffix(" 1") })
            #expect(bench.lines("nats_connected") == ["nats_connected 1"])
        }
    }

    @Test("A failed attempt is asked for again, and the next one links to it and shows the wait")
    func retried() async throws {
        struct Busy: Error {}
        try await withBench { delivery in
            if delivery.attempt == 1 { throw Busy() }
        } _: { bench in
            try await bench.publish("one")
            let attempts = try await bench.wait(for: "process thing.happened", count: 2)
            let (first, second) = (attempts[0], attempts[1])
            #expect(first.attributes["error.type"] != nil)
            #expect(second.status == .unset)
            #expect(second.parentSpanID == first.parentSpanID)
            let link = try #require(second.links.last)
            #expect(second.links.count == 2 && link.context.spanID == first.context.spanID)
            #expect(link.attributes["contrail.retry.reason"] == first.attributes["error.type"])
            let nak = try await bench.wait(for: "nak thing.happened")[0]
            #expect(nak.parentSpanID == first.context.spanID)
            let wait = try await bench.wait(for: "redelivery wait")[0]
            #expect(wait.attributes["messaging.nats.delivery_count"] == .int(2))
            #expect(wait.attributes["contrail.retry.delay"] != nil)
            #expect(wait.startTime >= first.startTime && wait.endTime == second.startTime)
            // A handler that had nothing to record: acknowledged all the same.
            _ = try await bench.wait(for: "ack thing.happened")
            for span in bench.spans.spans where span.scope.name != "test" { try expectDeclared(span, bench.telemetry) }
            let operations = bench.lines("messaging_client_operation_duration_seconds_count{")
            #expect(operations.contains { $0.contains("\"nak\"") })
            let failures = bench.lines("messaging_process_duration_seconds_count{")
            #expect(failures.contains { $0.contains("Busy") })
        }
    }

    @Test("What an open breaker refused is not delivered again before the breaker may be asked")
    func openBreaker() async throws {
        let backoff = ExponentialBackoff(initial: .milliseconds(20), maximum: .seconds(60))
        try await withBench(backoff: backoff) { delivery in
            guard delivery.attempt == 1 else { return }
            throw CircuitOpen(breaker: "users", state: .open, retryAfter: .seconds(1))
        } _: { bench in
            try await bench.publish("one")
            let attempts = try await bench.wait(for: "process thing.happened", count: 2)
            #expect(attempts[0].attributes["error.type"] == "breaker_open")
            let wait = try await bench.wait(for: "redelivery wait")[0]
            guard case .double(let delay)? = wait.attributes["contrail.retry.delay"] else {
                Issue.record("the delay is not told")
                return
            }
            #expect(delay >= 1 && delay <= 1.5)
            #expect(attempts[1].startTime - attempts[0].startTime >= 1_000_000_000)
        }
    }

    @Test("A handler that takes longer than JetStream waits is not called twice")
    func longHandler() async throws {
        let calls = Mutex(0)
        var consumer = MessagingBench.consumer
        consumer.acknowledgementWait = .seconds(1)
        try await MessagingBench.run(consumer: consumer) { delivery in
            calls.withLock { $0 += 1 }
            // The length of the work.
            try await Task.sleep(for: .seconds(3))
        } _: { bench in
            try await bench.publish("one")
            _ = try await bench.wait(for: "ack thing.happened")
            #expect(calls.withLock { $0 } == 1)
            #expect(bench.samples("messaging_client_consumed_messages_total").values.reduce(0, +) == 1)
        }
    }

    @Test("A rejected event keeps its trace in the dead letters")
    func deadLetter() async throws {
        try await withBench { _ in
            throw EventRejection(reason: "undecodable", message: "no thing")
        } _: { bench in
            try await bench.publish("one")
            let term = try await bench.wait(for: "term thing.happened")[0]
            let process = try await bench.wait(for: "process thing.happened")[0]
            let letter = try await bench.wait(for: "publish dead.THINGS.tester")[0]
            #expect(term.parentSpanID == process.context.spanID)
            #expect(letter.parentSpanID == process.context.spanID)
            #expect(process.attributes["contrail.dead_letter.reason"] == "undecodable")
            #expect(bench.spans.spans(named: "outbox wait").count == 1, "a dead letter waits in no outbox")
            let connection = try await NATSConnection.connect(
                try NATSConfiguration(environment: ["NATS_URL": bench.server.url]),
                logger: bench.telemetry.logger
            )
            let stored = try await JetStreamContext(connection).getMessage(stream: "DEAD_LETTERS", sequence: 1)
            await connection.shutdown()
            let context = W3CPropagator.extract { stored.message.headers.values(named: $0) }.spanContext
            #expect(context?.traceID == process.context.traceID)
            #expect(context?.spanID == letter.context.spanID)
            let read = try await DeadLetters(broker: bench.broker, telemetry: bench.telemetry).next(from: 1)
            #expect(read?.trace?.spanID == letter.context.spanID && read?.reason == "undecodable")
            for span in [term, process, letter] { try expectDeclared(span, bench.telemetry) }
            let operations = bench.lines("messaging_client_operation_duration_seconds_count{")
            #expect(operations.contains { $0.contains("\"term\"") })
        }
    }

    @Test("A message without context begins a trace without links, and its dead letter has no header of the stream's")
    func withoutContext() async throws {
        try await withBench { _ in
            throw EventRejection(reason: "undecodable", message: "no thing")
        } _: { bench in
            let connection = try await NATSConnection.connect(
                try NATSConfiguration(environment: ["NATS_URL": bench.server.url]),
                logger: bench.telemetry.logger
            )
            _ = try await JetStreamContext(connection).publish(
                subject: "thing.happened",
                headers: ["Nats-Expected-Stream": "THINGS", "Nats-Other": "1", "x-kept": "1"],
                payload: [1],
                messageID: "one"
            )
            let process = try await bench.wait(for: "process thing.happened")[0]
            #expect(process.parentSpanID == nil && process.links.isEmpty)
            _ = try await bench.wait(for: "term thing.happened")
            let stored = try await JetStreamContext(connection).getMessage(stream: "DEAD_LETTERS", sequence: 1)
            await connection.shutdown()
            let headers = stored.message.headers
            #expect(headers["x-kept"] == "1")
            #expect(headers["Nats-Msg-Id"] == "one:tester:1")
            #expect(headers["Nats-Expected-Stream"] == "DEAD_LETTERS" && headers["Nats-Other"] == nil)
        }
    }

    @Test("An event from the future shows the clocks' difference instead of a negative wait")
    func skew() async throws {
        try await withBench { bench in
            try await bench.publish("one", age: .seconds(-5))
            let outbox = try await bench.wait(for: "outbox wait")[0]
            #expect(outbox.startTime == outbox.endTime)
            guard case .double(let skew)? = outbox.attributes["contrail.clock_skew"] else {
                Issue.record("no skew is told")
                return
            }
            #expect(skew > 4 && skew <= 5)
            try expectDeclared(outbox, bench.telemetry)
        }
    }

    @Test("A publish that nobody stores is a failed PRODUCER span and no wait")
    func refused() async throws {
        try await withBench { bench in
            await #expect(throws: (any Error).self) { try await bench.publish("one", type: "nobody.stores.this") }
            let publish = try await bench.wait(for: "publish nobody.stores.this")[0]
            #expect(publish.attributes["error.type"] != nil)
            #expect(publish.status != .unset)
            #expect(bench.spans.spans(named: "outbox wait").isEmpty)
            #expect(
                bench.lines("messaging_client_sent_messages_total{").allSatisfy { !$0.contains("error_type=\"\"") }
            )
            try expectDeclared(publish, bench.telemetry)
        }
    }

    @Test("Headers for the outbox carry the context of the code that asks")
    func headers() async throws {
        let provider = TracerProvider(testing: InMemorySpanProcessor())
        #expect(TraceHeaders.current() == [:])
        await provider.tracer("test").withSpan("now") { span in
            #expect(TraceHeaders.current()["traceparent"]?.contains(span.spanContext.spanID.hex) == true)
        }
    }
}

/// Expects that a span is one that the parts have declared, with the attributes that it then has.
func expectDeclared(
    _ span: FinishedSpan,
    _ telemetry: Telemetry,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let declaration = telemetry.spans.declarations.first { declaration in
        guard declaration.kind == span.kind, declaration.scope == span.scope.name else { return false }
        guard let detail = declaration.pattern.firstMatch(of: /\{(.*)\}/) else {
            return declaration.pattern == span.name
        }
        guard case .string(let value)? = span.attributes[String(detail.1)] else { return false }
        return declaration.pattern.replacing(detail.0, with: value) == span.name
    }
    let found = try #require(declaration, "\(span.name) is not declared", sourceLocation: sourceLocation)
    let keys = Set(span.attributes.map(\.key))
    #expect(keys.isSuperset(of: found.attributes), "\(span.name) lacks an attribute", sourceLocation: sourceLocation)
    #expect(
        keys.isSubset(of: found.attributes + found.sometimes.map(\.key)),
        "\(span.name) has more",
        sourceLocation: sourceLocation
    )
}
