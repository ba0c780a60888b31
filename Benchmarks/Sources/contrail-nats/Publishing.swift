internal import BenchHarness
internal import JetStream
internal import Observability
internal import Tracing

/// Publishes with a window and without headers.
func publishBare(_ run: Run, _ jetStream: JetStreamContext) async throws {
    let publisher = JetStreamPublisher(jetStream, maximumInFlight: run.window, timeout: .seconds(60))
    let begin = Bench.now
    for _ in 0..<run.count {
        try await publisher.send(EncodedMessage(subject: run.subject, payload: run.payload))
    }
    try await publisher.drain()
    try publisher.mustHaveStored(run.count)
    run.report(since: begin)
}

/// N1: every message has a PRODUCER span of its own, whose context travels in its `traceparent`, and a `Nats-Msg-Id`.
func publishTraced(_ run: Run, _ jetStream: JetStreamContext) async throws {
    let source = TracedMessages(run)
    let publisher = JetStreamPublisher(jetStream, maximumInFlight: run.window, timeout: .seconds(60))
    let begin = Bench.now
    for number in 0..<run.count { try await publisher.send(source.message(number)) }
    try await publisher.drain()
    try publisher.mustHaveStored(run.count)
    run.report(since: begin)
    await source.shutdown()
}

/// N3: atomic batches of 1000 messages with the headers of N1, as many at once as the window says.
func publishBatches(_ run: Run, _ jetStream: JetStreamContext) async throws {
    let size = min(JetStreamContext.maximumBatchCount, run.count)
    let begin = Bench.now
    try await withThrowingTaskGroup(of: Void.self) { group in
        var running = 0
        for start in stride(from: 0, to: run.count, by: size) {
            if running == run.window { try await group.next() } else { running += 1 }
            group.addTask {
                let messages = (start..<min(start + size, run.count)).map { number in
                    NATSMessage(
                        subject: run.subject,
                        headers: [
                            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                            "Nats-Msg-Id": run.messageID(number),
                        ],
                        payload: run.payload
                    )
                }
                let stored = try await jetStream.publishBatch(messages, timeout: .seconds(60))
                guard stored.count == messages.count else { throw PublishError(missing: messages.count - stored.count) }
            }
        }
        try await group.waitForAll()
    }
    run.report(since: begin)
}

/// Messages as `TracedPublisher` makes them, with an exporter that discards.
struct TracedMessages: Sendable {
    private let run: Run
    private let provider: TracerProvider
    private let tracer: OTelTracer
    private let parent: ActiveContext

    init(_ run: Run) {
        self.run = run
        let resource = Resource(serviceName: "bench", serviceVersion: "1", instanceID: "1")
        provider = TracerProvider(
            resource: resource,
            processor: BatchSpanProcessor(exporter: DiscardingExporter(), resource: resource)
        )
        tracer = provider.tracer("bench")
        parent = ActiveContext(tracer.startSpan("parent", parent: ActiveContext()))
    }

    func message(_ number: Int) throws -> EncodedMessage {
        let span = tracer.startSpan("publish bench.event", kind: .producer, parent: parent) { attributes in
            attributes["messaging.system"] = "nats"
            attributes["messaging.operation.name"] = "publish"
            attributes["messaging.destination.name"] = .string(run.subject)
        }
        defer { span.end() }
        var headers = NATSHeaders()
        W3CPropagator.inject(ActiveContext(span)) { name, value in headers.append(name, value) }
        return try EncodedMessage(
            subject: run.subject,
            headers: headers,
            payload: run.payload,
            messageID: run.messageID(number)
        )
    }

    func shutdown() async {
        _ = await provider.shutdown(timeout: .seconds(5))
    }
}

extension JetStreamPublisher {
    /// A run that lost messages is none.
    func mustHaveStored(_ count: Int) throws {
        guard acknowledged == count else { throw PublishError(missing: count - acknowledged) }
    }
}

struct PublishError: Error {
    let missing: Int
}

private struct DiscardingExporter: SpanExporter {
    func export(_ batch: [FinishedSpan], resource: Resource, deadline: ContinuousClock.Instant) -> SpanExportResult {
        SpanExportResult(exported: batch.count)
    }

    func shutdown(deadline: ContinuousClock.Instant) {}
}
