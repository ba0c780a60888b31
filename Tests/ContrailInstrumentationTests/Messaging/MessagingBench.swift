import Foundation
import JetStream
import LocalStack
import Logging
import Observability
import TestKit
import Testing

@testable import ContrailInstrumentation

/// A NATS server with the streams THINGS and DEAD_LETTERS, and a broker and a publisher that record into one processor.
struct MessagingBench: Sendable {
    let broker: MessageBroker
    let publisher: TracedPublisher
    let spans: InMemorySpanProcessor
    let telemetry: Telemetry
    let server: NATSServer

    /// The consumer of what ``publish(_:type:age:)`` publishes.
    static let consumer = TracedConsumer.Configuration(
        stream: "THINGS",
        consumer: "tester",
        subjects: ["thing.happened"]
    )

    /// Lends a bench.
    ///
    /// - Parameters:
    ///   - consumer: The consumer that runs beside the body, if any.
    ///   - handler: What the consumer does.
    ///   - body: What uses the bench.
    static func run(
        consumer configuration: TracedConsumer.Configuration? = nil,
        handler: @escaping TracedConsumer.Handler = { _ in },
        _ body: @Sendable (MessagingBench) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/contrail-bench-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let spans = InMemorySpanProcessor()
        let telemetry = Telemetry(
            provider: TracerProvider(testing: spans),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let server = try await NATSServer.start(in: folder, syncAlways: false, logger: telemetry.logger)
        let broker = try MessageBroker(environment: ["NATS_URL": server.url], name: "test", telemetry: telemetry)
        let consumer = configuration.map {
            TracedConsumer($0, broker: broker, telemetry: telemetry, handler: handler)
        }
        let result: Result<Void, any Error>
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await broker.run() }
                defer {
                    consumer?.beginShutdown()
                    broker.beginShutdown()
                }
                try await broker.ensure(
                    EventStreamDeclaration(name: "THINGS", subjects: ["thing.*"], retention: .workQueue)
                )
                try await broker.ensure(
                    EventStreamDeclaration(
                        name: "DEAD_LETTERS",
                        subjects: ["dead.>"],
                        retention: .limits(maximumAge: .seconds(3600))
                    )
                )
                if let configuration, let consumer {
                    try await broker.ensure(configuration)
                    group.addTask { try await consumer.run() }
                }
                try await body(
                    MessagingBench(
                        broker: broker,
                        publisher: TracedPublisher(broker: broker, telemetry: telemetry),
                        spans: spans,
                        telemetry: telemetry,
                        server: server
                    )
                )
                consumer?.beginShutdown()
                broker.beginShutdown()
                try await group.waitForAll()
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await server.stop()
        try result.get()
    }

    /// Publishes an event of some age below a span of its own.
    func publish(_ id: String, type: String = "thing.happened", age: Duration = .zero) async throws {
        try await telemetry.tracer("test").withSpan("origin \(id)", parent: ActiveContext()) { _ in
            let time = Int64(telemetry.provider.now()) - Int64(age / .nanoseconds(1))
            let event = EventEnvelope(
                id: id,
                type: type,
                source: "/test",
                subject: "thing",
                time: UInt64(time),
                dataSchema: "thing/1"
            )
            try await publisher.publish(event, payload: [1], headers: TraceHeaders.current(), stream: "THINGS")
        }
    }

    /// Waits for spans of a name, of which there must be so many.
    func wait(for name: String, count: Int = 1) async throws -> [FinishedSpan] {
        _ = await eventually { spans.spans(named: name).count >= count }
        let found = spans.spans(named: name)
        try #require(found.count == count, "\(spans.spans.map(\.name))")
        return found
    }

    /// The samples of all metrics whose names begin so, as they are written.
    func lines(_ prefix: String) -> [Substring] {
        String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix(prefix) }
    }

    /// The samples of a metric, by their labels as they are written.
    func samples(_ metric: String) -> [String: Double] {
        var samples: [String: Double] = [:]
        for line in lines(metric) {
            let rest = line.dropFirst(metric.count)
            guard let space = rest.lastIndex(of: " "), "{ ".contains(rest.first ?? "?") else { continue }
            samples[String(rest[..<space])] = Double(rest[rest.index(after: space)...])
        }
        return samples
    }
}
