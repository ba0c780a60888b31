import Observability
import TestKit
import Testing

/// Points of the metric conventions and of the Prometheus exporter that no other suite happens to prove.
@Suite("Conformance of metrics")
struct ConformanceMetricsTests {
    private func text(_ registry: MetricsRegistry, _ format: ExpositionFormat = .prometheusText) -> String {
        registry.withExposition(format) { String(decoding: $0, as: UTF8.self) }
    }

    @Test("the bounds of the conventions' advice, and those without advice, are these")
    func advice() {
        #expect(
            HistogramBuckets.rpcSeconds.bounds
                == [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
        )
        #expect(HistogramBuckets.databaseSeconds.bounds == [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])
        #expect(
            HistogramBuckets.general.bounds
                == [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000]
        )
    }

    @Test("a series stays in every exposition, unchanged ones too, without a timestamp")
    func everyScrape() {
        let registry = MetricsRegistry()
        registry.counter("jobs", help: "Jobs.", labels: ["kind"]).labels("a").increment()
        registry.gauge("depth", help: "Depth.").set(2)
        let first = text(registry)
        #expect(first.contains("\njobs_total{kind=\"a\"} 1\n"))
        #expect(first.contains("\ndepth 2\n"))
        for _ in 0..<3 { #expect(text(registry) == first) }
        let open = text(registry, .openMetrics)
        #expect(open.contains("\njobs_total{kind=\"a\"} 1\n") && open.contains("\ndepth 2\n"))
    }

    @Test("metrics without labels are there from their registration, at zero")
    func zero() {
        let registry = MetricsRegistry()
        _ = registry.counter("jobs", help: "Jobs.")
        _ = registry.histogram("work", help: "Work.", unit: .seconds, buckets: [1])
        let text = text(registry)
        #expect(text.contains("\njobs_total 0\n"))
        #expect(text.contains("\nwork_seconds_bucket{le=\"+Inf\"} 0\n") && text.contains("\nwork_seconds_count 0\n"))
    }

    @Test("a value that is not known is left out instead of being NaN, also when it is asked for at the scrape")
    func notANumber() {
        let registry = MetricsRegistry()
        registry.counter("observed", help: "Observed.") { .nan }
        registry.gauge("absent", help: "Absent.") { nil }
        registry.counter("jobs", help: "Jobs.").increment(by: .nan)
        let text = text(registry)
        #expect(!text.contains("NaN") && !text.contains("absent") && !text.contains("observed"))
        #expect(text.contains("\njobs_total 0\n"))
    }

    @Test("the SDK's own metrics tell each span once, and what became of it")
    func selfMetrics() async {
        // Of each batch one span is lost.
        let exporter = ScriptedExporter {
            SpanExportResult(exported: $0.count - 1, failed: 1, errorType: "rejected")
        }
        let resource = Resource(serviceName: "test", serviceVersion: "0", instanceID: "1")
        var configuration = BatchSpanProcessor.Configuration()
        configuration.maximumQueueSize = 64
        configuration.scheduledDelay = .seconds(3600)
        let processor = BatchSpanProcessor(exporter: exporter, resource: resource, configuration: configuration)
        let provider = TracerProvider(resource: resource, processor: processor)
        let registry = MetricsRegistry()
        registry.registerSDKMetrics(of: provider, processor)
        let tracer = provider.tracer("t")
        let caller = SpanContext(traceID: TraceID(high: 1, low: 2), spanID: SpanID(3), flags: .sampled, isRemote: true)
        let unsampled = SpanContext(traceID: TraceID(high: 1, low: 2), spanID: SpanID(3), flags: [], isRemote: true)

        let root = tracer.startSpan("root", parent: ActiveContext())
        tracer.startSpan("child", parent: ActiveContext(root)).end()
        tracer.startSpan("remote", parent: ActiveContext(spanContext: caller)).end()
        tracer.startSpan("dropped", parent: ActiveContext(spanContext: unsampled)).end()

        let before = text(registry)
        let component =
            #"otel_component_type="batching_span_processor",otel_component_name="batching_span_processor/0""#
        let sender =
            #"server_address="backend",server_port="4318",otel_component_type="otlp_http_span_exporter","#
            + #"otel_component_name="otlp_http_span_exporter/0""#
        for line in [
            #"otel_sdk_span_started_total{otel_span_parent_origin="none",otel_span_sampling_result="RECORD_AND_SAMPLE"} 1"#,
            #"otel_sdk_span_started_total{otel_span_parent_origin="local",otel_span_sampling_result="RECORD_AND_SAMPLE"} 1"#,
            #"otel_sdk_span_started_total{otel_span_parent_origin="remote",otel_span_sampling_result="RECORD_AND_SAMPLE"} 1"#,
            #"otel_sdk_span_started_total{otel_span_parent_origin="remote",otel_span_sampling_result="DROP"} 1"#,
            #"otel_sdk_span_live{otel_span_sampling_result="RECORD_AND_SAMPLE"} 1"#,
            "otel_sdk_processor_span_queue_size{\(component)} 2",
            "otel_sdk_processor_span_queue_capacity{\(component)} 64",
        ] { #expect(before.contains("\n\(line)\n"), "\(line) is not in:\n\(before)") }

        root.end()
        // One span is lost, and the shutdown says so.
        #expect(!(await provider.shutdown(timeout: .seconds(30))))
        tracer.startSpan("late").end()
        let after = text(registry)
        for line in [
            #"otel_sdk_span_live{otel_span_sampling_result="RECORD_AND_SAMPLE"} 0"#,
            "otel_sdk_processor_span_queue_size{\(component)} 0",
            #"otel_sdk_processor_span_processed_total{\#(component),error_type=""} 3"#,
            #"otel_sdk_processor_span_processed_total{\#(component),error_type="already_shutdown"} 1"#,
            #"otel_sdk_processor_span_processed_total{\#(component),error_type="queue_full"} 0"#,
            "otel_sdk_exporter_span_inflight{\(sender)} 0",
            #"otel_sdk_exporter_span_exported_total{\#(sender),error_type=""} 2"#,
            #"otel_sdk_exporter_span_exported_total{\#(sender),error_type="rejected"} 1"#,
        ] { #expect(after.contains("\n\(line)\n"), "\(line) is not in:\n\(after)") }
    }
}
