internal import Hummingbird
public import Logging
internal import NIOCore

/// The part of Jaeger 2's HTTP query API (version 3) that reading a trace needs, over a ``TraceStore``.
///
/// - `GET /api/v3/traces/{trace_id}`: one trace in OTLP/JSON.
/// - `GET /api/v3/services`: the names of all services.
/// - `GET /api/v3/trace-summaries?query.serviceName=…&query.searchDepth=…`: the newest traces; other parameters of
///   Jaeger are ignored.
public struct TraceQueryServer: Sendable {
    private let listener: HTTPListener

    /// Creates a server, which listens when it runs.
    ///
    /// - Parameters:
    ///   - store: where the traces are.
    ///   - host: the address to bind; traces hold what users did, so a loopback address.
    ///   - port: the port to bind; 0 takes a free one, see ``port``.
    ///   - logger: says at `debug` when the server listens.
    public init(store: TraceStore, host: String = "127.0.0.1", port: Int = 16686, logger: Logger) {
        let endpoint = Endpoint(store: store)
        listener = HTTPListener(host: host, port: port, logger: logger) { endpoint.respond(to: $0) }
    }

    /// Serves until the task is cancelled or its service group shuts down; may be called once.
    ///
    /// - Throws: the error of the bind, for example when the port is taken.
    public func run() async throws {
        try await listener.run()
    }

    /// The port that the server listens on, as soon as it does.
    ///
    /// - Throws: ``TraceBackendError`` with the code `notListening` when ``run()`` ended before.
    public var port: Int {
        get async throws { try await listener.port() }
    }
}

extension TraceQueryServer {
    /// The logic of the endpoints.
    struct Endpoint: Sendable {
        let store: TraceStore

        private static let tracePrefix = "/api/v3/traces/"

        func respond(to request: Request) -> Response {
            guard request.method == .get else {
                return failure(.methodNotAllowed, "the method is \(request.method.rawValue); only GET is served")
            }
            switch request.uri.path {
            case "/":
                return Response(
                    status: .ok,
                    headers: [.contentType: "text/plain; charset=utf-8"],
                    body: ResponseBody(byteBuffer: ByteBuffer(string: Self.greeting))
                )
            case "/api/v3/services":
                return json(JaegerAnswer.Services(services: store.services()))
            case "/api/v3/trace-summaries":
                return summaries(request)
            case let path where path.hasPrefix(Self.tracePrefix):
                return trace(String(path.dropFirst(Self.tracePrefix.count)))
            default:
                return failure(.notFound, "no such path; traces are at \(Self.tracePrefix){trace_id}")
            }
        }

        private func trace(_ id: String) -> Response {
            guard Hex.id(id, digits: 32) != nil else {
                return failure(.badRequest, "malformed parameter trace_id: not 1 to 32 hexadecimal digits")
            }
            guard let resourceSpans = store.resourceSpans(id) else {
                return failure(.notFound, "trace not found")
            }
            return json(JaegerAnswer.Success(result: JaegerAnswer.TracesData(resourceSpans: resourceSpans)))
        }

        private func summaries(_ request: Request) -> Response {
            let parameters = request.uri.queryParameters
            let service = parameters["query.serviceName"].map(String.init)
            var depth = 20
            if let text = parameters["query.searchDepth"] {
                guard let number = Int(text), number > 0 else {
                    return failure(.badRequest, "malformed parameter query.searchDepth: not a positive number")
                }
                depth = number
            }
            let summaries = store.summaries(service: service == "" ? nil : service, limit: depth)
            return json(JaegerAnswer.Summaries(summaries: summaries))
        }

        private func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
            // Only a value that JSON cannot express could fail, and the messages have none.
            guard let bytes = try? JaegerAnswer.json(value) else { return Response(status: .internalServerError) }
            return Response(
                status: status,
                headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
            )
        }

        private func failure(_ status: HTTPResponse.Status, _ message: String) -> Response {
            json(JaegerAnswer.ErrorAnswer(error: .init(httpCode: status.code, message: message)), status: status)
        }

        private static let greeting = """
            This is Contrail's small trace store, a stand-in for Jaeger on a developer's machine. It has no pages.

              contrail trace <trace id>             shows a trace in the terminal
              GET /api/v3/traces/<trace id>         the trace as Jaeger's JSON
              GET /api/v3/trace-summaries           the newest traces
              GET /api/v3/services                  the services that sent spans

            """
    }
}
