import AlertEnricher
import HTTPTransport
import Logging
import Observability
import Synchronization

/// A real enricher on a free port, and what it says.
struct RunningEnricher: Sendable {
    let port: Int
    let printed: @Sendable () -> [String]
    let log: @Sendable () -> String

    /// Runs an enricher for the time of a body.
    static func run<T: Sendable>(
        _ configuration: AlertEnricherConfiguration,
        _ body: @escaping @Sendable (RunningEnricher) async throws -> T
    ) async throws -> T {
        var configuration = configuration
        configuration.port = 0
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let output = Lines()
        let log = Lines()
        let writer = LogWriter { log.append($0) }
        let server = try AlertEnricherServer(
            configuration: configuration,
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") {
                StructuredLogHandler(label: $0, configuration: .init(format: .json, level: .trace, writer: writer))
            },
            output: { output.append($0) },
            onListening: { continuation.yield($0) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await server.run()
            }
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else {
                try await group.waitForAll()
                throw CancellationError()
            }
            defer { group.cancelAll() }
            return try await body(
                RunningEnricher(port: port, printed: { output.all }, log: { log.all.joined() })
            )
        }
    }

    func send(
        _ method: String = "GET",
        _ path: String,
        _ body: [UInt8] = []
    ) async throws -> (status: Int, headers: HTTPFields, text: String) {
        let client = try CurlClient()
        let result: Result<HTTPResponse, CurlError>
        do {
            result = .success(
                try await client.send(HTTPRequest(method, url: "http://127.0.0.1:\(port)\(path)", body: body))
            )
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        let response = try result.get()
        return (response.status, response.headers, String(decoding: response.body, as: UTF8.self))
    }

    func post(_ body: [UInt8]) async throws -> (status: Int, text: String) {
        let answer = try await send("POST", "/alerts", body)
        return (answer.status, answer.text)
    }

    /// The value of a series of the enricher's own metrics.
    func metric(_ series: String) async throws -> Double? {
        let text = try await send("GET", "/metrics").text
        return text.split(separator: "\n").first { $0.hasPrefix("\(series) ") }?
            .split(separator: " ").last.flatMap { Double($0) }
    }

    private final class Lines: Sendable {
        private let state = Mutex<[String]>([])

        var all: [String] { state.withLock { $0 } }

        func append(_ bytes: [UInt8]) {
            let text = String(decoding: bytes, as: UTF8.self)
            state.withLock { $0.append(text) }
        }
    }
}
