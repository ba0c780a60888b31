internal import BenchHarness
internal import Foundation
internal import Logging
internal import OTLPExporter
internal import Observability
internal import Tracing

/// T6: spans through tracer, batch processor, encoder and libcurl to a receiver on this machine, none dropped.
///
/// The CPU time of the whole process is what they cost: starting and ending them included, as for the peers.
func pipelineRow(_ bench: Bench, endpoint: String) async throws {
    let count = bench.options["spans"].flatMap(Int.init) ?? 1 << 20
    var configuration = OTLPExporterConfiguration()
    configuration.endpoint = endpoint
    let isCompressed = bench.options["compression"] == "gzip"
    configuration.compression = isCompressed ? .gzip : .none
    let exporter = try OTLPHTTPSpanExporter(configuration: configuration, logger: Logger(label: "bench"))
    var batches = BatchSpanProcessor.Configuration()
    batches.maximumQueueSize = 16384
    batches.maximumBatchSize = 512
    let processor = BatchSpanProcessor(exporter: exporter, resource: benchResource, configuration: batches)
    let provider = TracerProvider(resource: benchResource, processor: processor)
    let tracer = provider.tracer("bench")
    let parent = ActiveContext(tracer.startSpan("parent", parent: ActiveContext()))

    // The connection is made before the clock starts.
    tracer.startSpan("first", parent: parent).end()
    guard await provider.forceFlush(timeout: .seconds(10)) else { throw PipelineError.flush }

    let begin = (cpu: Bench.cpuTime, wall: Bench.now)
    for index in 0..<count {
        let path = exportPaths[index % exportPaths.count]
        tracer.startSpan("GET /orders/{id}", kind: .server, parent: parent) { attributes in
            attributes["http.request.method"] = "GET"
            attributes["http.route"] = "/orders/{id}"
            attributes["http.response.status_code"] = 200
            attributes["server.address"] = "orders"
            attributes["url.path"] = .string(path)
        }.end()
        // Nothing may be dropped: whoever makes spans waits for the exporter well before the queue is full.
        if index % 512 == 511 {
            while processor.statistics.queued > 8192 { usleep(200) }
        }
    }
    guard await provider.forceFlush(timeout: .seconds(60)) else { throw PipelineError.flush }
    let cpu = Double(Bench.cpuTime - begin.cpu) / 1e9
    let wall = Double(Bench.now - begin.wall) / 1e9
    let statistics = processor.statistics
    bench.emit(
        "T6",
        isCompressed ? "contrail, gzip" : "contrail",
        [
            "spans": Double(count),
            "cpu_seconds": cpu,
            "wall_seconds": wall,
            "dropped": Double(count + 1 - statistics.exported),
        ]
    )
    _ = await provider.shutdown(timeout: .seconds(5))
}

private enum PipelineError: Error {
    case flush
}
