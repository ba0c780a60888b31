internal import BenchHarness
internal import Foundation
internal import JetStream

/// N2: takes what the stream has, with an acknowledgement for each message.
func consume(_ run: Run, _ jetStream: JetStreamContext) async throws {
    let begin = Bench.now
    try await take(run, jetStream, maxAckPending: 10 * run.window) { _ in }
    run.report(since: begin)
}

/// Consumes and acknowledges as many messages as the run has, with a new consumer.
private func take(
    _ run: Run,
    _ jetStream: JetStreamContext,
    maxAckPending: Int,
    _ body: (Int) -> Void
) async throws {
    let name = "bench-\(run.base)"
    _ = try await jetStream.ensureConsumer(
        ConsumerConfiguration(durableName: name, maxAckPending: maxAckPending),
        on: run.stream
    )
    let messages = try jetStream.messages(
        stream: run.stream,
        consumer: name,
        options: PullOptions(maximumBuffered: run.window)
    )
    var seen = 0
    while seen < run.count, let message = try await messages.next() {
        try message.ack()
        seen += 1
        body(seen)
    }
    messages.stop()
    // The acknowledgements have reached the server.
    try await jetStream.connection.flush(timeout: .seconds(30))
}

/// N4: from the moment before `send` to the handler, at 1000 messages a second, through two connections.
func measureLatency(_ run: Run, publishing: JetStreamContext, consuming: JetStreamContext) async throws {
    let name = "bench-\(run.base)"
    _ = try await consuming.ensureConsumer(
        ConsumerConfiguration(durableName: name, maxAckPending: 1000),
        on: run.stream
    )
    let messages = try consuming.messages(stream: run.stream, consumer: name)
    async let latencies: [UInt64] = {
        var all: [UInt64] = []
        all.reserveCapacity(run.count)
        while all.count < run.count, let message = try await messages.next() {
            let now = Bench.now
            all.append(now - message.payload.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
            try message.ack()
        }
        return all
    }()
    let publisher = JetStreamPublisher(publishing, maximumInFlight: 512)
    let begin = Bench.now
    for number in 0..<run.count {
        // As the peer in C waits, so that both find the cores in the same state.
        while Bench.now < begin + UInt64(number) * 1_000_000 { usleep(100) }
        var payload = run.payload
        let now = Bench.now
        for index in 0..<8 { payload[index] = UInt8(truncatingIfNeeded: now >> (56 - 8 * UInt64(index))) }
        try await publisher.send(EncodedMessage(subject: run.subject, payload: payload))
    }
    // The first messages find cold caches and a pull request on its way.
    let sorted = try await latencies.dropFirst(run.count / 10).sorted()
    messages.stop()
    run.bench.emit(
        "",
        "contrail",
        [
            "p50_us": Double(sorted[sorted.count / 2]) / 1e3,
            "p99_us": Double(sorted[sorted.count * 99 / 100]) / 1e3,
            "count": Double(sorted.count),
        ]
    )
}

/// Publishes traced messages and consumes them at the same time, and looks at the memory of the process during the first
/// tenth of them and from there to the end.
func watchMemory(_ run: Run, _ jetStream: JetStreamContext) async throws {
    let begin = Bench.now
    async let published: Void = {
        let source = TracedMessages(run)
        let publisher = JetStreamPublisher(jetStream, maximumInFlight: run.window, timeout: .seconds(60))
        for number in 0..<run.count { try await publisher.send(source.message(number)) }
        try await publisher.drain()
        try publisher.mustHaveStored(run.count)
        await source.shutdown()
    }()
    var early = 0
    var highest = 0
    try await take(run, jetStream, maxAckPending: 10 * run.window) { seen in
        guard seen % 4096 == 0 else { return }
        let now = residentKilobytes()
        if seen <= run.count / 10 { early = max(early, now) } else { highest = max(highest, now) }
    }
    try await published
    run.bench.emit(
        "",
        "contrail",
        [
            "early_kb": Double(early), "highest_kb": Double(highest), "count": Double(run.count),
            "seconds": Double(Bench.now - begin) / 1e9,
        ]
    )
}

/// The resident memory of this process.
private func residentKilobytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(getpagesize()) / 1024
}
