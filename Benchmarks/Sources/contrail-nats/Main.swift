internal import BenchHarness
internal import JetStream
internal import Logging

/// Rows N1–N4: publishing to JetStream and consuming from it, in the roles that `peers/c/nats.c` has too.
///
///     contrail-nats publish|traced|batch|consume|latency|memory --url URL --count N [--window N] [--stream NAME]
///
/// The stream exists and has the subject `bench.event`. Each run is one line of JSON.
@main
enum Main {
    static func main() async throws {
        let bench = Bench(arguments: CommandLine.arguments)
        let run = try Run(bench)
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let connection = try await NATSConnection.connect(
            NATSConfiguration(servers: [run.url]),
            logger: logger
        )
        let jetStream = JetStreamContext(connection, timeout: .seconds(30))
        switch bench.rows.first {
        case "publish": try await publishBare(run, jetStream)
        case "traced": try await publishTraced(run, jetStream)
        case "batch": try await publishBatches(run, jetStream)
        case "consume": try await consume(run, jetStream)
        case "memory": try await watchMemory(run, jetStream)
        case "latency":
            let other = try await NATSConnection.connect(NATSConfiguration(servers: [run.url]), logger: logger)
            try await measureLatency(run, publishing: jetStream, consuming: JetStreamContext(other))
            await other.shutdown()
        default: throw UsageError()
        }
        await connection.shutdown()
    }
}

/// What all roles are told.
struct Run: Sendable {
    let bench: Bench
    let url: String
    let count: Int
    let window: Int
    let stream: String
    let subject = "bench.event"
    let payload = [UInt8](repeating: UInt8(ascii: "x"), count: 256)
    /// What tells the message ids of this run from those of the others.
    let base = UInt64.random(in: 0..<1_000_000_000_000)

    init(_ bench: Bench) throws {
        guard let url = bench.options["url"], let count = bench.options["count"].flatMap(Int.init), count > 0 else {
            throw UsageError()
        }
        self.bench = bench
        self.url = url
        self.count = count
        window = bench.options["window"].flatMap(Int.init) ?? 1024
        stream = bench.options["stream"] ?? "BENCH"
    }

    /// A message id of 26 to 31 characters.
    func messageID(_ number: Int) -> String {
        "\(base)-0123456789-\(number)"
    }

    /// Prints how long the messages took.
    func report(since begin: UInt64) {
        bench.emit("", "contrail", ["seconds": Double(Bench.now - begin) / 1e9, "count": Double(count)])
    }
}

struct UsageError: Error, CustomStringConvertible {
    var description: String { "usage: contrail-nats publish|traced|batch|consume|latency|memory --url URL --count N" }
}
