internal import Observability
internal import Synchronization
internal import Tracing

let benchResource = Resource(
    attributes: ["service.name": "bench", "service.version": "1", "service.instance.id": "1"]
)

/// The attributes of the spans of T5 and T6; the peers set the same.
func exportAttributes(path: String) -> Attributes {
    [
        "http.request.method": "GET",
        "http.route": "/orders/{id}",
        "http.response.status_code": 200,
        "server.address": "orders",
        "url.path": .string(path),
    ]
}

/// Paths that are made beforehand, as a service has them from its requests.
let exportPaths = (0..<512).map { "/orders/\(100_000 + $0)" }

/// Spans as the tracer makes them, with five attributes each.
func makeBatch(_ count: Int) -> [FinishedSpan] {
    let collector = Collector()
    let tracer = TracerProvider(resource: benchResource, processor: collector).tracer("bench")
    let parent = ActiveContext(tracer.startSpan("parent", parent: ActiveContext()))
    for index in 0..<count {
        let attributes = exportAttributes(path: exportPaths[index % exportPaths.count])
        tracer.startSpan("GET /orders/{id}", kind: .server, parent: parent, attributes: attributes).end()
    }
    return collector.spans.withLock(\.self)
}

private final class Collector: SpanProcessor {
    let spans = Mutex<[FinishedSpan]>([])

    func onEnd(_ span: EndedSpan) {
        spans.withLock { $0.append(span.finished) }
    }

    func forceFlush(timeout: Duration) async -> Bool { true }

    func shutdown(timeout: Duration) async -> Bool { true }
}
