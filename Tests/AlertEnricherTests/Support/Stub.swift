import Hummingbird
import Logging
import NIOCore
import Synchronization

/// A Prometheus or a receiver in this process, which does what a test says and remembers what it was asked.
final class Stub: Sendable {
    struct Asked: Sendable {
        let method: String
        /// The path with its query.
        let target: String
        let contentType: String?
        let authorization: String?
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    typealias Answer = @Sendable (Asked) async -> (status: Int, body: [UInt8])

    private let state = Mutex<[Asked]>([])
    private let answer: Answer
    let port: Int

    var url: String { "http://127.0.0.1:\(port)" }
    var asked: [Asked] { state.withLock { $0 } }

    private init(port: Int, _ answer: @escaping Answer) {
        self.port = port
        self.answer = answer
    }

    /// Runs a stub for the time of a body.
    static func run<T: Sendable>(
        _ answer: @escaping Answer,
        _ body: @escaping @Sendable (Stub) async throws -> T
    ) async throws -> T {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let stub = Mutex<Stub?>(nil)
        let application = Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in
                let bytes = try await request.body.collect(upTo: 2 << 20)
                let asked = Asked(
                    method: request.method.rawValue,
                    target: request.uri.description,
                    contentType: request.headers[.contentType],
                    authorization: request.headers[.authorization],
                    body: Array(buffer: bytes)
                )
                guard let stub = stub.withLock({ $0 }) else { return Response(status: .serviceUnavailable) }
                stub.state.withLock { $0.append(asked) }
                let (status, body) = await stub.answer(asked)
                var headers: HTTPFields = [:]
                if (300..<400).contains(status) { headers[.location] = "/elsewhere" }
                return Response(
                    status: HTTPResponse.Status(code: status),
                    headers: headers,
                    body: .init(byteBuffer: ByteBuffer(bytes: body))
                )
            },
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) },
            logger: Logger(label: "stub") { _ in SwiftLogNoOpLogHandler() }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await application.run()
            }
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else {
                try await group.waitForAll()
                throw CancellationError()
            }
            let running = Stub(port: port, answer)
            stub.withLock { $0 = running }
            defer { group.cancelAll() }
            return try await body(running)
        }
    }
}
