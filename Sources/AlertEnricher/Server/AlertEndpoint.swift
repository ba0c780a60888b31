internal import Hummingbird
internal import NIOCore
internal import Observability

/// The enricher's HTTP endpoint.
struct AlertEndpoint: Sendable {
    /// The most bytes of a notification; hundreds of alerts fit.
    static let bodyLimit = 1 << 20

    let handler: AlertHandler
    let metrics: MetricsRegistry

    func respond(to request: Request) async -> Response {
        switch (request.uri.path, request.method) {
        case ("/alerts", .post): return await take(request)
        case ("/livez", .get): return Self.text(.ok, "ok")
        case ("/metrics", .get): return exposition(request)
        case ("/alerts", _): return Self.text(.methodNotAllowed, "alerts are sent with POST", allow: "POST")
        case ("/livez", _), ("/metrics", _): return Self.text(.methodNotAllowed, "only GET is served", allow: "GET")
        default: return Self.text(.notFound, "no such path; Alertmanager's webhook is /alerts")
        }
    }

    private func take(_ request: Request) async -> Response {
        let tooLarge = Self.text(
            .contentTooLarge,
            "the notification is larger than \(Self.bodyLimit) bytes; set max_alerts of the webhook in Alertmanager"
        )
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > Self.bodyLimit {
            return tooLarge
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.bodyLimit)
        } catch is NIOTooManyBytesError {
            return tooLarge
        } catch {
            return Self.text(.badRequest, "the body ended early")
        }
        switch await handler.take(Array(buffer: body)) {
        case .taken: return Self.text(.ok, "ok")
        case .malformed(let reason): return Self.text(.badRequest, reason)
        case .notTaken(let reason): return Self.text(.badGateway, reason)
        }
    }

    private func exposition(_ request: Request) -> Response {
        let format = ExpositionFormat.negotiate(accept: request.headers[.accept])
        return Response(
            status: .ok,
            headers: [.contentType: format.contentType, .vary: "Accept"],
            body: .init(byteBuffer: ByteBuffer(bytes: metrics.withExposition(format) { Array($0) }))
        )
    }

    /// Alertmanager logs the text of answers that are failures.
    private static func text(_ status: HTTPResponse.Status, _ text: String, allow: String? = nil) -> Response {
        var headers: HTTPFields = [.contentType: "text/plain; charset=utf-8"]
        if let allow { headers[.allow] = allow }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}
