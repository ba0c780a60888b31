internal import Hummingbird
internal import Observability

/// Answers scrapes of `/metrics`.
///
/// The format is what the scraper's `Accept` asks for, text 0.0.4 or OpenMetrics 1.0, and the body is compressed when
/// its `Accept-Encoding` allows it. All of it happens beside the event loops. Implements "Content negotiation" of the
/// Prometheus documentation.
struct MetricsEndpoint: Sendable {
    let metrics: MetricsRegistry
    private let gzip = Gzip()

    init(metrics: MetricsRegistry) {
        self.metrics = metrics
    }

    func respond(to request: Request) async -> Response {
        let format = ExpositionFormat.negotiate(accept: request.headers[.accept])
        let exposition = metrics.withExposition(format) { Array($0) }
        var headers: HTTPFields = [.contentType: format.contentType, .vary: "Accept, Accept-Encoding"]
        var body = exposition
        if ContentCoding.negotiate(acceptEncoding: request.headers[.acceptEncoding]) == .gzip,
            let compressed = await gzip.compress(exposition)
        {
            headers[.contentEncoding] = ContentCoding.gzip.rawValue
            body = compressed
        }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}
