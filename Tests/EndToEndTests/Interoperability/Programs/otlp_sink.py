"""Takes OTLP/HTTP exports of traces and logs the way a strict collector would, and writes down what came.

    otlp_sink.py PORT FOLDER [FORWARD_URL]

Every request is checked and decoded with OpenTelemetry's own Python classes; traces are passed on unchanged to
FORWARD_URL. FOLDER gets requests.jsonl (one line a request, with its problems), spans.jsonl (one line a span),
logs.jsonl (one line a log record), bodies.bin (all bodies, uncompressed) and, once the port is open, the empty file
"ready".
"""

import gzip
import json
import pathlib
import re
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PROTOBUF = "application/x-protobuf"
folder = pathlib.Path(sys.argv[2])
forward_url = sys.argv[3] if len(sys.argv) > 3 else None
lock = threading.Lock()


def plain(value):
    """An AnyValue as the JSON value nearest to it."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(element) for element in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind) if kind else None


def attributes(pairs):
    return {pair.key: plain(pair.value) for pair in pairs}


def spans_of(request):
    for group in request.resource_spans:
        resource = attributes(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield {
                    "traceID": span.trace_id.hex(),
                    "spanID": span.span_id.hex(),
                    "parentSpanID": span.parent_span_id.hex(),
                    "name": span.name,
                    "kind": span.kind,
                    "flags": span.flags,
                    "traceState": span.trace_state,
                    "attributes": attributes(span.attributes),
                    "links": [
                        {"traceID": link.trace_id.hex(), "spanID": link.span_id.hex(), "flags": link.flags}
                        for link in span.links
                    ],
                    "status": span.status.code,
                    "service": resource.get("service.name"),
                    "resource": resource,
                    "scope": scope.scope.name,
                    "schemaURL": scope.schema_url,
                    "duration": span.end_time_unix_nano - span.start_time_unix_nano,
                }


def logs_of(request):
    for group in request.resource_logs:
        resource = attributes(group.resource.attributes)
        for scope in group.scope_logs:
            for record in scope.log_records:
                yield {
                    "service": resource.get("service.name"),
                    "scope": scope.scope.name,
                    "message": plain(record.body),
                    "severity": record.severity_number,
                    "severityText": record.severity_text,
                    "traceID": record.trace_id.hex(),
                    "spanID": record.span_id.hex(),
                    "hasTime": record.time_unix_nano > 0 and record.observed_time_unix_nano > 0,
                    "attributes": attributes(record.attributes),
                }


def identifiers(request):
    """What is wrong with identifiers: trace ids have 16 bytes, span ids 8, and zero is none."""
    for group in request.resource_spans:
        for scope in group.scope_spans:
            for span in scope.spans:
                pairs = [(span.trace_id, span.span_id)] + [(link.trace_id, link.span_id) for link in span.links]
                for trace_id, span_id in pairs:
                    if len(trace_id) != 16 or len(span_id) != 8 or not any(trace_id) or not any(span_id):
                        yield f"bad identifiers in span {span.name}"
                if len(span.parent_span_id) not in (0, 8):
                    yield f"bad parent of span {span.name}"


def log_identifiers(request):
    """What is wrong with the identifiers of log records, which may have none."""
    for group in request.resource_logs:
        for scope in group.scope_logs:
            for record in scope.log_records:
                if (len(record.trace_id), len(record.span_id)) not in ((0, 0), (16, 8)):
                    yield f"bad identifiers in log record {plain(record.body)}"


# What a path takes and answers, where its lines go, and what they are made from and checked by.
SIGNALS = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse, "spans.jsonl", spans_of, identifiers),
    "/v1/logs": (ExportLogsServiceRequest, ExportLogsServiceResponse, "logs.jsonl", logs_of, log_identifiers),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding", "identity")
        is_traces = self.path == "/v1/traces"
        record = {
            "path": self.path,
            "encoding": encoding,
            "userAgent": self.headers.get("User-Agent", ""),
            "spans": 0,
            "forwarded": self.forward(body) if forward_url and is_traces else None,
        }
        problems = []
        if self.path not in SIGNALS:
            problems.append(f"path {self.path}")
        taken, answered, file_name, lines_of, check = SIGNALS.get(self.path, SIGNALS["/v1/traces"])
        if self.headers.get("Content-Type") != PROTOBUF:
            problems.append(f"content type {self.headers.get('Content-Type')}")
        if not re.match(r"OTel-OTLP-Exporter-[A-Za-z]+/\d+\.\d+", record["userAgent"]):
            problems.append(f"user agent {record['userAgent']}")
        lines = []
        try:
            if encoding == "gzip":
                body = gzip.decompress(body)
            elif encoding != "identity":
                raise ValueError(f"content encoding {encoding}")
            request = taken.FromString(body)
            # Fields that the official schema lacks would survive a round trip; they must not count as understood.
            request.DiscardUnknownFields()
            if request.SerializeToString(deterministic=True) != body:
                problems.append("the official classes write other bytes for the same message")
            problems += check(request)
            lines = [json.dumps(line) for line in lines_of(request)]
        except Exception as error:  # Whatever it is, the test shows it.
            problems.append(f"not decodable: {error!r}")
        record["spans"] = len(lines) if is_traces else 0
        record["problems"] = problems
        with lock:
            with open(folder / "bodies.bin", "ab") as file:
                file.write(body)
            append(file_name, lines)
            append("requests.jsonl", [json.dumps(record)])
        self.answer(400 if problems else 200, answered)

    def do_GET(self):
        self.answer(405, ExportTraceServiceResponse)

    def forward(self, body):
        names = ("Content-Type", "Content-Encoding", "User-Agent")
        headers = {name: self.headers[name] for name in names if self.headers[name]}
        try:
            with urllib.request.urlopen(urllib.request.Request(forward_url, body, headers), timeout=10) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def answer(self, status, message):
        body = message().SerializeToString()
        self.send_response(status)
        self.send_header("Content-Type", PROTOBUF)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def append(name, lines):
    with open(folder / name, "a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.daemon_threads = True
(folder / "ready").touch()
server.serve_forever()
