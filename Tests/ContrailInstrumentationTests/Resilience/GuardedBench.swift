import ContrailInstrumentation
import Foundation
import GRPCCore
import Logging
import Observability
import Resilience
import Synchronization
import TestKit
import Testing

/// Whether tests are run in their long form.
let isLong = ProcessInfo.processInfo.environment["CONTRAIL_LONG_TESTS"]?.isEmpty == false

/// A service that does what a test says, and knows what was asked of it.
final class ScriptedService: RegistrableRPCService {
    typealias Script = @Sendable (_ message: String, _ number: Int) async throws -> Void

    private let calls = Mutex<[Metadata]>([])
    private let script: Script

    init(_ script: @escaping Script) {
        self.script = script
    }

    /// The metadata of all calls that arrived.
    var metadata: [Metadata] { calls.withLock { $0 } }

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        for method in [EchoService.unary, EchoService.stream] {
            router.registerHandler(
                forMethod: method,
                deserializer: StringCoder(),
                serializer: StringCoder()
            ) { request, _ in
                let number = self.calls.withLock { calls in
                    calls.append(request.metadata)
                    return calls.count
                }
                if method == EchoService.stream {
                    return StreamingServerResponse { writer in
                        for try await message in request.messages {
                            try await writer.write(message)
                            try await self.script(message, number)
                        }
                        return [:]
                    }
                }
                var messages: [String] = []
                for try await message in request.messages { messages.append(message) }
                try await self.script(messages.first ?? "", number)
                return StreamingServerResponse { [messages] writer in
                    for message in messages { try await writer.write(message) }
                    return [:]
                }
            }
        }
    }
}

/// A guarded client, and a server behind a proxy.
struct GuardedBench: Sendable {
    let client: GuardedClient<GRPCConnection>
    /// The client's first connection, for calls that are not protected.
    let connection: GRPCConnection
    let service: ScriptedService
    let proxy: TCPProxy
    let spans: InMemorySpanProcessor
    let telemetry: Telemetry
    let log: LogRecorder

    /// Lends a client and a server.
    static func run(
        _ configuration: ResilienceConfiguration,
        connections: Int = 1,
        script: @escaping ScriptedService.Script = { _, _ in },
        _ body: (GuardedBench) async throws -> Void
    ) async throws {
        let spans = InMemorySpanProcessor()
        let log = LogRecorder()
        let telemetry = Telemetry(
            provider: TracerProvider(testing: spans),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in log }
        )
        let service = ScriptedService(script)
        let server = TracedGRPCServer(
            address: NetworkAddress(host: "127.0.0.1", port: 0),
            services: [service],
            telemetry: telemetry
        )
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await server.run()
                return true
            }
            let proxy = try await TCPProxy(to: server.listeningAddress().port)
            var connection: GRPCConnection?
            let client = try GuardedClient(
                "users",
                target: NetworkAddress(host: "127.0.0.1", port: proxy.port),
                connections: connections,
                configuration: configuration,
                telemetry: telemetry
            ) { made -> GRPCConnection in
                connection = connection ?? made
                return made
            }
            group.addTask {
                try await client.run()
                return true
            }
            try await body(
                GuardedBench(
                    client: client,
                    connection: try #require(connection),
                    service: service,
                    proxy: proxy,
                    spans: spans,
                    telemetry: telemetry,
                    log: log
                )
            )
            proxy.mode = .pass
            client.beginGracefulShutdown()
            server.beginGracefulShutdown()
            // A connection that was silent for long may not say good-bye.
            group.addTask {
                try? await Task.sleep(for: .seconds(3))
                await proxy.stop()
                return false
            }
            var running = 2
            while running > 0, let isServerOrClient = try await group.next() {
                if isServerOrClient { running -= 1 }
            }
            group.cancelAll()
        }
    }

    /// Makes one call.
    func call(
        _ message: String = "a",
        _ method: MethodDescriptor = EchoService.unary,
        isIdempotent: Bool = false
    ) async throws -> [String] {
        try await client.call(method, isIdempotent: isIdempotent) { connection, options in
            try await connection.bidirectionalStreaming(
                request: StreamingClientRequest { try await $0.write(message) },
                descriptor: method,
                serializer: StringCoder(),
                deserializer: StringCoder(),
                options: options
            ) { response in
                try await response.messages.reduce(into: []) { $0.append($1) }
            }
        }
    }

    /// Makes one call below a span of its own, and returns what went wrong.
    func failure(of message: String = "a", in span: String, isIdempotent: Bool = false) async -> (any Error)? {
        await telemetry.tracer("test").withSpan(span) { _ in
            do {
                _ = try await call(message, isIdempotent: isIdempotent)
                return nil
            } catch {
                return error
            }
        }
    }

    /// The lines of the exposition that begin with a text.
    func metrics(_ prefix: String) -> [String] {
        String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self)
            .split(separator: "\n").map(String.init).filter { $0.hasPrefix(prefix) }
    }
}

extension ResilienceConfiguration {
    /// No retries and no breaker: only time-outs.
    static func plain(_ timeout: Duration) -> ResilienceConfiguration {
        ResilienceConfiguration(
            callTimeout: timeout,
            attemptTimeout: nil,
            retry: .never,
            retryBudget: nil,
            circuitBreaker: nil,
            bulkhead: nil
        )
    }
}

/// Keeps log lines for a test to look at.
final class LogRecorder: LogHandler {
    private let state = Mutex<[String]>([])

    /// Level and message of each line.
    var lines: [String] { state.withLock { $0 } }

    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        state.withLock { $0.append("\(event.level) \(event.message)") }
    }
}
