internal import BenchHarness
internal import Foundation
internal import Observability
internal import Tracing

/// Takes batches and forgets them: what is left is the cost of recording and handing over.
struct DiscardingExporter: SpanExporter {
    func export(_ batch: [FinishedSpan], resource: Resource, deadline: ContinuousClock.Instant) -> SpanExportResult {
        SpanExportResult(exported: batch.count)
    }

    func shutdown(deadline: ContinuousClock.Instant) {}
}

let benchResource = Resource(serviceName: "bench", serviceVersion: "1", instanceID: "1")

func makeBatchProcessor() -> BatchSpanProcessor {
    var configuration = BatchSpanProcessor.Configuration()
    configuration.scheduledDelay = .milliseconds(1)
    return BatchSpanProcessor(exporter: DiscardingExporter(), resource: benchResource, configuration: configuration)
}

extension BatchSpanProcessor {
    /// Waits until the exporter has taken everything, so that no window meets a full queue.
    func drain() {
        while true {
            let now = statistics
            if now.queued == 0, now.inFlight == 0 { return }
            usleep(100)
        }
    }
}

/// T1 and T3: a span with the three attributes that all peers set, child of a sampled parent that is passed on.
func spanRows(_ bench: Bench) {
    if bench.wants("T1") {
        let processor = makeBatchProcessor()
        let tracer = TracerProvider(resource: benchResource, processor: processor).tracer("bench")
        let parent = ActiveContext(tracer.startSpan("parent", parent: ActiveContext()))
        // Two batches in a window: the exporter's thread is woken within what is measured.
        bench.measure("T1", "contrail", most: 1024, between: processor.drain) { operations in
            for _ in 0..<operations { recordSpan(tracer, parent) }
        }
        bench.measure("T1", "contrail, attributes as a literal", most: 1024, between: processor.drain) { operations in
            for _ in 0..<operations { recordSpanWithLiteral(tracer, parent) }
        }
        bench.measure("T1", "contrail, attributes set one by one", most: 1024, between: processor.drain) { operations in
            for _ in 0..<operations {
                let span = tracer.startSpan("GET /orders/{id}", kind: .server, parent: parent)
                span.setAttribute("http.request.method", "GET")
                span.setAttribute("http.route", "/orders/{id}")
                span.setAttribute("http.response.status_code", 200)
                span.end()
            }
        }
        let direct = TracerProvider(resource: benchResource, processor: NoOpSpanProcessor()).tracer("bench")
        bench.measure("T1", "contrail, no processor", most: 1024) { operations in
            for _ in 0..<operations { recordSpan(direct, parent) }
        }
        withExtendedLifetime(processor) {}
    }
    if bench.wants("T3") {
        let off = TracerProvider(resource: benchResource, sampler: .alwaysOff, processor: NoOpSpanProcessor())
        let tracer = off.tracer("bench")
        let parent = ActiveContext(tracer.startSpan("parent", parent: ActiveContext()))
        bench.measure("T3", "contrail") { operations in
            for _ in 0..<operations { recordSpan(tracer, parent) }
        }
        let followed = TracerProvider(resource: benchResource, processor: NoOpSpanProcessor()).tracer("bench")
        bench.measure("T3", "contrail, unsampled parent") { operations in
            for _ in 0..<operations { recordSpan(followed, parent) }
        }
        bench.measure("T3", "contrail, attributes as a literal") { operations in
            for _ in 0..<operations { recordSpanWithLiteral(tracer, parent) }
        }
    }
}

@inline(__always)
private func recordSpan(_ tracer: OTelTracer, _ parent: ActiveContext) {
    let span = tracer.startSpan("GET /orders/{id}", kind: .server, parent: parent) { attributes in
        attributes["http.request.method"] = "GET"
        attributes["http.route"] = "/orders/{id}"
        attributes["http.response.status_code"] = 200
    }
    span.end()
}

@inline(__always)
private func recordSpanWithLiteral(_ tracer: OTelTracer, _ parent: ActiveContext) {
    let span = tracer.startSpan(
        "GET /orders/{id}",
        kind: .server,
        parent: parent,
        attributes: [
            "http.request.method": "GET",
            "http.route": "/orders/{id}",
            "http.response.status_code": 200,
        ]
    )
    span.end()
}
