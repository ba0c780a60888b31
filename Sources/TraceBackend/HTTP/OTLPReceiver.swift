internal import Hummingbird
public import Logging
internal import NIOCore
internal import SwiftProtobuf

/// The receiving side of OTLP/HTTP for traces: `POST /v1/traces` in protobuf, into a ``TraceStore``.
///
/// It answers as the OTLP specification asks ("OTLP/HTTP Response"): 200 with an `ExportTraceServiceResponse`, whose
/// `partial_success` counts rejected spans; 400, 404, 405, 413 or 415 with a `google.rpc.Status` that says what is
/// wrong. It is for development and tests: it has no TLS and no authentication, so bind it to a loopback address.
public struct OTLPReceiver: Sendable {
    /// The most bytes of a request body unless told otherwise: 20 MiB, as Jaeger and the OpenTelemetry collector take.
    public static let defaultBodyLimit = 20 << 20

    private let listener: HTTPListener

    /// Creates a receiver, which listens when it runs.
    ///
    /// - Parameters:
    ///   - store: where the spans go.
    ///   - host: the address to bind.
    ///   - port: the port to bind; 0 takes a free one, see ``port``.
    ///   - bodyLimit: the most bytes of a request body, both as sent and decompressed.
    ///   - logger: says at `debug` what was taken and refused.
    public init(
        store: TraceStore,
        host: String = "127.0.0.1",
        port: Int = 4318,
        bodyLimit: Int = OTLPReceiver.defaultBodyLimit,
        logger: Logger
    ) {
        let endpoint = Endpoint(store: store, bodyLimit: bodyLimit, logger: logger)
        listener = HTTPListener(host: host, port: port, logger: logger) { await endpoint.respond(to: $0) }
    }

    /// Receives until the task is cancelled or its service group shuts down; may be called once.
    ///
    /// - Throws: the error of the bind, for example when the port is taken.
    public func run() async throws {
        try await listener.run()
    }

    /// The port that the receiver listens on, as soon as it does.
    ///
    /// - Throws: ``TraceBackendError`` with the code `notListening` when ``run()`` ended before.
    public var port: Int {
        get async throws { try await listener.port() }
    }
}

extension OTLPReceiver {
    /// Why a request is refused.
    struct Refusal: Error {
        var status: HTTPResponse.Status
        var code: RPCStatus.Code = .invalidArgument
        var message: String
    }

    /// The logic of the endpoint.
    struct Endpoint: Sendable {
        let store: TraceStore
        let bodyLimit: Int
        let logger: Logger

        func respond(to request: Request) async -> Response {
            do {
                return try await export(request)
            } catch {
                logger.debug(
                    "refused a request",
                    metadata: ["status": "\(error.status.code)", "reason": "\(error.message)"]
                )
                var headers: HTTPFields = [.contentType: "application/x-protobuf"]
                if error.status == .methodNotAllowed { headers[.allow] = "POST" }
                let body = RPCStatus(code: error.code, message: error.message).serialized
                return Response(
                    status: error.status,
                    headers: headers,
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
                )
            }
        }

        private func export(_ request: Request) async throws(Refusal) -> Response {
            guard request.uri.path == "/v1/traces" else {
                throw Refusal(
                    status: .notFound,
                    code: .notFound,
                    message: "no such path; traces go to /v1/traces, other signals are not kept here"
                )
            }
            guard request.method == .post else {
                throw Refusal(
                    status: .methodNotAllowed,
                    code: .unimplemented,
                    message: "the method is \(request.method.rawValue); traces are sent with POST"
                )
            }
            try checkContentType(request)
            let body = try await body(of: request)
            let message: OTLPExportTraceServiceRequest
            do {
                message = try OTLPExportTraceServiceRequest(serializedBytes: Array(buffer: body))
            } catch {
                throw Refusal(
                    status: .badRequest,
                    message: "the body is not an ExportTraceServiceRequest in protobuf"
                )
            }
            return try answer(store.insert(message))
        }

        private func checkContentType(_ request: Request) throws(Refusal) {
            let type = request.headers[.contentType] ?? ""
            let mediaType = type.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
            guard mediaType == "application/x-protobuf" else {
                throw Refusal(
                    status: .unsupportedMediaType,
                    message: type.isEmpty
                        ? "no content type; send application/x-protobuf (OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)"
                        : "the content type is \(type); send application/x-protobuf "
                            + "(OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)"
                )
            }
        }

        /// The request's body, decompressed; the limit holds before and after.
        private func body(of request: Request) async throws(Refusal) -> ByteBuffer {
            let encoding = request.headers[.contentEncoding]?.lowercased() ?? "identity"
            guard encoding == "gzip" || encoding == "identity" else {
                throw Refusal(
                    status: .unsupportedMediaType,
                    message: "the content encoding is \(encoding); send gzip or none"
                )
            }
            let tooLarge = Refusal(
                status: .contentTooLarge,
                code: .resourceExhausted,
                message: "the body is larger than \(bodyLimit) bytes; send smaller batches"
            )
            if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bodyLimit { throw tooLarge }
            let sent: ByteBuffer
            do {
                sent = try await request.body.collect(upTo: bodyLimit)
            } catch is NIOTooManyBytesError {
                throw tooLarge
            } catch {
                throw Refusal(status: .badRequest, message: "the body ended early")
            }
            guard encoding == "gzip" else { return sent }
            do {
                return try GzipBody.decompress(sent, limit: bodyLimit)
            } catch {
                switch error {
                case .tooLarge: throw tooLarge
                case .malformed: throw Refusal(status: .badRequest, message: "the body is not complete gzip data")
                }
            }
        }

        private func answer(_ result: TraceStore.InsertResult) throws(Refusal) -> Response {
            logger.debug(
                "took spans",
                metadata: [
                    "accepted": "\(result.accepted)", "duplicates": "\(result.duplicates)",
                    "rejected": "\(result.rejected)",
                ]
            )
            var message = OTLPExportTraceServiceResponse()
            if result.rejected > 0 {
                message.partialSuccess.rejectedSpans = Int64(result.rejected)
                var reasons: [String] = []
                if result.invalidIDs > 0 { reasons.append("\(result.invalidIDs) with an invalid trace id or span id") }
                if result.overTraceLimit > 0 {
                    reasons.append(
                        "\(result.overTraceLimit) of a trace that has \(store.limits.spansPerTrace) spans already"
                    )
                }
                message.partialSuccess.errorMessage = "spans rejected: " + reasons.joined(separator: ", ")
            }
            let bytes: [UInt8]
            do {
                bytes = try message.serializedBytes()
            } catch {
                throw Refusal(status: .internalServerError, message: "the answer could not be written")
            }
            return Response(
                status: .ok,
                headers: [.contentType: "application/x-protobuf"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
            )
        }
    }
}
