"""The rows: what is compared with what, by which bar. The bars are ratios wherever a peer can be had."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One line of the table.

    `ours` and `peer` are keys "name" or "name@value" of the row's results (the value is `ns` unless it is given).
    `kind` says what the bar is about:
      most, least      our value alone
      ratio            ours / peer, at most
      times            ours / peer, at least
      minus            ours - peer, at most

    Without a bar the line is for information, or for its stretch goal.
    """

    metric: str
    kind: str
    bar: float | None
    ours: str
    peer: str = ""
    stretch: float | None = None
    unit: str = "ns"


ROWS = {
    "T1": (
        "A sampled span on the fast path",
        "Start with three attributes as the child of a sampled span, end, hand-off to the batch processor's queue; the "
        "exporter discards. Two batches a window, so that waking the exporter's thread is in it.",
        [
            Check("against Go with its batch processor", "ratio", 1 / 25, "contrail", "go, batch processor"),
            Check("against Go without a processor", "ratio", 1 / 12, "contrail", "go, no processor"),
            Check("against the C floor", "ratio", None, "contrail", "C floor", stretch=1.5),
            Check("allocations", "most", 0, "contrail@allocs", unit=""),
            Check(
                "allocations, attributes set one by one",
                "most",
                0,
                "contrail, attributes set one by one@allocs",
                unit="",
            ),
        ],
    ),
    "T2": (
        "The same span through swift-distributed-tracing",
        "`withSpan` of the standard API, with our tracer and with its no-op tracer in the same binary.",
        [
            Check("more than the no-op tracer", "minus", 250, "contrail", "no-op tracer", stretch=100),
            Check(
                "more, with 3 attributes",
                "minus",
                250,
                "contrail, 3 attributes",
                "no-op tracer, 3 attributes",
                stretch=100,
            ),
            Check("more, body may suspend", "minus", 250, "contrail, async", "no-op tracer, async", stretch=100),
            Check("against Go with its batch processor", "ratio", 0.2, "contrail", "go, batch processor"),
        ],
    ),
    "T3": (
        "An unsampled span",
        "The calls of T1 with sampling off.",
        [
            Check("time", "most", 20, "contrail", stretch=8),
            Check("against Go, NeverSample", "ratio", 1 / 15, "contrail", "go"),
            Check("allocations", "most", 0, "contrail@allocs", unit=""),
            Check("time, child of an unsampled span", "most", 20, "contrail, unsampled parent", stretch=8),
        ],
    ),
    "T4": (
        "Identifiers and propagation",
        "New trace and span ids, written into a `traceparent` and read from it again: as bytes, for carriers that own "
        "bytes, and as text through the propagator.",
        [
            Check("bytes, against Go's TraceContext", "ratio", 1 / 4, "contrail", "go"),
            Check("text, against Go's TraceContext", "ratio", 1 / 4, "contrail, text through the propagator", "go"),
            Check("time", "most", None, "contrail", stretch=40),
            Check("allocations", "most", 0, "contrail@allocs", unit=""),
        ],
    ),
    "T5": (
        "Encoding a batch",
        "512 spans with five attributes, from our spans to the bytes of an OTLP request; all figures are for one span.",
        [
            Check("time", "most", 150, "contrail", stretch=80),
            Check("against swift-protobuf, same binary", "ratio", 1 / 5, "contrail", "swift-protobuf"),
            Check("against protobuf-c", "ratio", None, "contrail", "protobuf-c"),
            Check("against otlp-proto (Rust)", "ratio", 1 / 100, "contrail", "otlp-proto"),
            Check(
                "bytes equal to swift-protobuf's", "least", 1, "contrail, bytes equal to swift-protobuf@equal", unit=""
            ),
            Check("size", "most", 240, "contrail, size@bytes", unit="B"),
        ],
    ),
    "T6": (
        "The export pipeline",
        "Spans with five attributes, from their start to a receiver's answer on the same machine; spans per second of "
        "CPU time of the whole process. The receiver counts what arrives.",
        [
            Check("spans per CPU second", "least", 500e3, "contrail@rate", stretch=1e6, unit="/s"),
            Check("against fastotel (Rust)", "times", 20, "contrail@rate", "fastotel@rate", unit="/s"),
            Check("spans per CPU second, gzip", "least", 350e3, "contrail, gzip@rate", unit="/s"),
            Check("against fastotel, gzip", "times", 10, "contrail, gzip@rate", "fastotel, gzip@rate", unit="/s"),
            Check("size, gzip", "most", 40, "contrail, gzip@bytes", unit="B"),
            Check("spans that did not arrive", "most", 0, "contrail@lost", unit=""),
            Check("spans that did not arrive, gzip", "most", 0, "contrail, gzip@lost", unit=""),
        ],
    ),
    "T7": (
        "What tracing and metrics cost a service",
        "A unary gRPC service on core 0 with eight spans and a histogram in each request against grpc-swift alone; the "
        "load (h2load, 4 connections, 8 streams each) on core 1. Rounds in ABBA order; the figure that counts is the "
        "pessimistic "
        'end of the 95 % confidence interval. "Exported" sends every span to a receiver.',
        [
            Check("CPU per request, exported", "most", 1.03, "export@cpu_ratio_high", stretch=1.01, unit="×"),
            Check("99th percentile, exported", "most", 1.03, "export@p99_ratio_high", unit="×"),
            Check("spans that did not arrive", "most", 0, "export@lost", unit=""),
            Check("CPU per request, recorded", "most", 1.03, "record@cpu_ratio_high", stretch=1.01, unit="×"),
            Check("99th percentile, recorded", "most", 1.03, "record@p99_ratio_high", unit="×"),
        ],
    ),
    "M1": (
        "A counter",
        "One increment; with a second thread on the same counter, the time that one thread spends on an increment.",
        [
            Check("against client_golang", "ratio", 0.75, "contrail", "client_golang"),
            Check("time", "most", None, "contrail", stretch=3),
            Check("against prometheus-cpp", "ratio", 0.5, "contrail", "prometheus-cpp"),
            Check(
                "two threads, against client_golang", "ratio", 0.4, "contrail, 2 threads", "client_golang, 2 threads"
            ),
            Check("two threads, time", "most", None, "contrail, 2 threads", stretch=3),
            Check("allocations", "most", 0, "contrail@allocs", unit=""),
            Check(
                "allocations of a look-up by 2 labels",
                "most",
                0,
                "contrail, with a look-up of 2 labels@allocs",
                unit="",
            ),
        ],
    ),
    "M2": (
        "A histogram",
        "One observation in the middle of eleven bounds.",
        [
            Check("against client_golang", "ratio", 0.5, "contrail", "client_golang"),
            Check("time", "most", None, "contrail", stretch=9),
            Check("against prometheus-cpp", "ratio", 0.7, "contrail", "prometheus-cpp"),
            Check(
                "two threads, against client_golang", "ratio", 0.25, "contrail, 2 threads", "client_golang, 2 threads"
            ),
            Check("allocations", "most", 0, "contrail@allocs", unit=""),
        ],
    ),
    "M3": (
        "A scrape",
        "The text of 10,000 counters with two labels each.",
        [
            Check("against client_golang", "ratio", 1 / 16, "contrail", "client_golang"),
            Check("against prometheus-cpp", "ratio", 1 / 12, "contrail", "prometheus-cpp"),
            Check("time", "most", None, "contrail", stretch=0.4e6),
            Check("allocations", "most", 10, "contrail@allocs", unit=""),
            Check("100,000 series against 10,000", "most", 12, "linearity@large", unit="×"),
            Check("10,000 series against 1,000", "most", 12, "linearity@small", unit="×"),
            Check("99th percentile of requests while scraped", "most", 1.03, "scraped@p99_ratio_high", unit="×"),
        ],
    ),
    "N1": (
        "Publishing to JetStream",
        "256 bytes, 1024 in flight, file storage, one replica, the server's own `sync_interval`; server and publisher "
        "share the cores. Ours makes a PRODUCER span for each message, whose `traceparent` goes with it, and a "
        "`Nats-Msg-Id`. libnats publishes with `js_PublishAsync` and `SendAsap`; its headers are the same ones through "
        "`natsMsgHeader_Set`. Here and below: programs forth and back in each round, the figure that counts is the "
        "pessimistic end of the 95 % confidence interval.",
        [
            Check(
                "against C without headers",
                "least",
                0.9,
                "traced, against C without headers@ratio_low",
                stretch=1,
                unit="×",
            ),
            Check(
                "against C with the same headers",
                "least",
                1.4,
                "traced, against C with the same headers@ratio_low",
                unit="×",
            ),
            Check("against nats-py", "least", 10, "traced, against nats-py@ratio_low", unit="×"),
            Check(
                "both without headers", "least", None, "without headers, against C without headers@ratio_low", unit="×"
            ),
            Check("memory after a tenth, and later", "most", 1.05, "memory@growth", unit="×"),
        ],
    ),
    "N2": (
        "Consuming from JetStream",
        "256 bytes, an explicit acknowledgement each, from a full stream until the last acknowledgement has reached "
        "the server. Ours pulls 4096 ahead; libnats has a push consumer's callback with 4096 unacknowledged, about where "
        "it is fastest.",
        [Check("against C", "least", 0.9, "consume, against C@ratio_low", stretch=1.2, unit="×")],
    ),
    "N3": (
        "Publishing durably",
        "`sync_interval: always`, the messages of N1 without spans. Ours: atomic batches of 1000, four at once. C: "
        "message by message with 1024 in flight. nats-py: atomic batches of 1000, one after the other.",
        [
            Check(
                "against C, message by message",
                "least",
                20,
                "batches, against C message by message@ratio_low",
                unit="×",
            ),
            Check("messages a second", "least", None, "batches, against C message by message@ours", unit="/s"),
            Check(
                "against the batches of nats-py",
                "least",
                2,
                "batches, against batches of nats-py@ratio_low",
                unit="×",
            ),
        ],
    ),
    "N4": (
        "From publish to handler",
        "1000 messages of 256 bytes a second, one connection publishes and another consumes, in one process. Once with "
        "cores that sleep when they have nothing to do, which makes waking them most of the time, and once with a loop "
        "of the lowest priority on each (`chrt --idle`).",
        [
            Check("median, idle", "most", 1.15, "median, idle, against C@ratio_high", stretch=1, unit="×"),
            Check("99th percentile, idle", "most", 1.3, "99th percentile, idle, against C@ratio_high", unit="×"),
            Check("median, spinning", "most", 1.15, "median, spinning, against C@ratio_high", stretch=1, unit="×"),
            Check(
                "99th percentile, spinning", "most", 1.3, "99th percentile, spinning, against C@ratio_high", unit="×"
            ),
            Check(
                "median, idle, against libnats' default",
                "most",
                0.35,
                "median, idle, against C without SendAsap@ratio_high",
                unit="×",
            ),
        ],
    ),
}
