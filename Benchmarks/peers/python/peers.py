"""Rows T1, T3–T6 and M1–M3 in Python: the OpenTelemetry SDK, prometheus_client, otlp-proto and fastotel.

    peers.py [--repeats N] [row...]              the rows that are measured in windows
    peers.py --export fastotel|sdk --endpoint URL [--compression gzip] [--spans N]
                                                 T6: a pipeline to a sink; prints spans and CPU seconds

The method is that of all harnesses: the minimum and the first decile of many short windows, one line of JSON a result.
A package that is not installed is left out.
"""

import argparse
import importlib.util
import json
import time


def has(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def emit(row, name, **values):
    print(json.dumps({"row": row, "name": name, **values}), flush=True)


class Harness:
    WINDOW = 0.8e6

    def __init__(self, repeats):
        self.repeats = repeats

    def measure(self, row, name, most, body, units=1, between=lambda: None):
        operations, clock = most, time.perf_counter_ns

        def window():
            between()
            begin = clock()
            body(operations)
            return clock() - begin

        for _ in range(8):
            fastest = min(window() for _ in range(3))
            if fastest <= self.WINDOW or operations == 1:
                break
            operations = max(1, int(operations * 0.9 * self.WINDOW / fastest))
        # What takes long is repeated less: two seconds are enough.
        repeats = max(5, min(self.repeats, int(2e9 / fastest)))
        results = sorted(window() / (operations * units) for _ in range(repeats))
        emit(row, name, ns=results[0], p10=results[len(results) // 10], windows=len(results))


ATTRIBUTES = {"http.request.method": "GET", "http.route": "/orders/{id}", "http.response.status_code": 200}


def spans(harness, rows):
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider, sampling
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Discard(SpanExporter):
        def export(self, spans):
            return SpanExportResult.SUCCESS

    def run(tracer):
        context = trace.set_span_in_context(tracer.start_span("parent"))

        def body(operations):
            for _ in range(operations):
                span = tracer.start_span(
                    "GET /orders/{id}", context=context, kind=trace.SpanKind.SERVER, attributes=ATTRIBUTES
                )
                span.end()

        return body

    if "T1" in rows:
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Discard()))
        body = run(provider.get_tracer("bench"))
        harness.measure("T1", "python, batch processor", 256, body, between=provider.force_flush)
        harness.measure("T1", "python, no processor", 256, run(TracerProvider().get_tracer("bench")))
    if "T3" in rows:
        harness.measure("T3", "python", 512, run(TracerProvider(sampler=sampling.ALWAYS_OFF).get_tracer("bench")))
    if "T4" in rows:
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        ids, propagator = RandomIdGenerator(), TraceContextTextMapPropagator()

        def body(operations):
            for _ in range(operations):
                context = trace.SpanContext(
                    ids.generate_trace_id(), ids.generate_span_id(), False, trace.TraceFlags(trace.TraceFlags.SAMPLED)
                )
                carrier = {}
                propagator.inject(carrier, trace.set_span_in_context(trace.NonRecordingSpan(context)))
                propagator.extract(carrier)

        harness.measure("T4", "python", 64, body)


def finished_spans(count):
    """The spans of T5: the same as BatchOfSpans.swift makes."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanKind

    resource = Resource({"service.name": "bench", "service.version": "1", "service.instance.id": "1"})
    tracer = TracerProvider(resource=resource, shutdown_on_exit=False).get_tracer("bench")
    result = []
    with tracer.start_as_current_span("parent"):
        for index in range(count):
            span = tracer.start_span("GET /orders/{id}", kind=SpanKind.SERVER, attributes=export_attributes(index))
            span.end()
            result.append(span)
    return result


def export_attributes(index):
    return {
        "http.request.method": "GET",
        "http.route": "/orders/{id}",
        "http.response.status_code": 200,
        "server.address": "orders",
        "url.path": f"/orders/{100000 + index}",
    }


def encoding(harness):
    batch = finished_spans(512)
    if has("opentelemetry.exporter.otlp.proto.common"):
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        def body(operations):
            for _ in range(operations):
                encode_spans(batch).SerializeToString()

        harness.measure("T5", "python", 1, body, units=len(batch))
    if has("otlp_proto"):
        import otlp_proto

        def body(operations):
            for _ in range(operations):
                otlp_proto.encode_spans(batch)

        harness.measure("T5", "otlp-proto", 1, body, units=len(batch))
        emit("T5", "otlp-proto, size", bytes=len(otlp_proto.encode_spans(batch)) / len(batch))


def export(kind, endpoint, compression, count):
    """T6. Spans are made as fast as the queue takes them; the CPU time of the process pays for everything."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanKind

    if kind == "fastotel":
        from fastotel import OTLPSpanProcessor

        processor = OTLPSpanProcessor(
            endpoint=endpoint, compression=compression or "none", max_queue_size=16384, max_export_batch_size=512
        )
    else:
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = OTLPSpanExporter(
            endpoint=endpoint, compression=Compression.Gzip if compression == "gzip" else Compression.NoCompression
        )
        processor = BatchSpanProcessor(exporter, max_queue_size=16384, max_export_batch_size=512)
    resource = Resource({"service.name": "bench", "service.version": "1", "service.instance.id": "1"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("bench")
    begin_wall, begin = time.perf_counter(), time.process_time()
    for index in range(count):
        span = tracer.start_span("GET /orders/{id}", kind=SpanKind.SERVER, attributes=export_attributes(index % 512))
        span.end()
        # Nothing may be dropped: wait for the exporter well before the queue is full.
        if index % 8192 == 8191:
            provider.force_flush()
    provider.force_flush()
    cpu, wall = time.process_time() - begin, time.perf_counter() - begin_wall
    label = ", gzip" if compression else ""
    emit("T6", f"{'python SDK' if kind == 'sdk' else kind}{label}", spans=count, cpu_seconds=cpu, wall_seconds=wall)
    provider.shutdown()


def metrics(harness, rows):
    import prometheus_client as prometheus

    if "M1" in rows:
        counter = prometheus.Counter("bench_events", "Events.", registry=None)

        def body(operations):
            for _ in range(operations):
                counter.inc()

        harness.measure("M1", "prometheus_client", 512, body)
    if "M2" in rows:
        bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        histogram = prometheus.Histogram("bench_duration_seconds", "Durations.", registry=None, buckets=bounds)

        def body(operations):
            for _ in range(operations):
                histogram.observe(0.12)

        harness.measure("M2", "prometheus_client", 512, body)
    if "M3" in rows:
        registry = prometheus.CollectorRegistry()
        family = prometheus.Counter("bench_requests", "Requests.", ["method", "path"], registry=registry)
        for index in range(10000):
            family.labels("POST" if index % 2 else "GET", f"/orders/{index}").inc(index * 977)

        def body(operations):
            for _ in range(operations):
                prometheus.generate_latest(registry)

        harness.measure("M3", "prometheus_client", 1, body)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--export", choices=["fastotel", "sdk"])
    parser.add_argument("--endpoint")
    parser.add_argument("--compression", choices=["gzip"])
    parser.add_argument("--spans", type=int, default=40960)
    options = parser.parse_args()
    if options.export:
        return export(options.export, options.endpoint, options.compression, options.spans)
    rows = set(options.rows or ["T1", "T3", "T4", "T5", "M1", "M2", "M3"])
    harness = Harness(options.repeats)
    if has("opentelemetry.sdk"):
        spans(harness, rows)
        if "T5" in rows:
            encoding(harness)
    if has("prometheus_client"):
        metrics(harness, rows)


main()
