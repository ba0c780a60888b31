"""Reads and writes headers with OpenTelemetry's propagators, for the differential tests.

    propagators.py tracecontext|baggage CASES ANSWERS

Both files are JSON lines. A case is an object; see the functions. Ends with the number of answers.
"""

import json
import logging
import sys

from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACE = TraceContextTextMapPropagator()
BAGGAGE = W3CBaggagePropagator()


def tracecontext(case):
    """Extracts from {"traceparent": [lines], "tracestate": [lines]} and injects what that gave."""
    carrier = {name: lines for name, lines in case.items() if lines}
    context = TRACE.extract(carrier, Context())
    span = trace.get_current_span(context).get_span_context()
    if not span.is_valid:
        return {}
    injected = {}
    TRACE.inject(injected, context)
    return {
        "traceID": trace.format_trace_id(span.trace_id),
        "spanID": trace.format_span_id(span.span_id),
        "flags": int(span.trace_flags),
        "isRemote": span.is_remote,
        "injected": injected,
    }


def extracted(headers):
    context = Context()
    for header in headers:
        context = BAGGAGE.extract({"baggage": header}, context)
    return dict(baggage.get_all(context))


def pairs(case):
    """Extracts from {"lines": [lines], "restated": [header, ...]}: the lines of one header, and one member each."""
    carrier = {"baggage": case["lines"]} if case["lines"] else {}
    read = baggage.get_all(BAGGAGE.extract(carrier, Context()))
    context = Context()
    for name, value in case["set"].items():
        context = baggage.set_baggage(name, value, context)
    injected = {}
    BAGGAGE.inject(injected, context)
    return {
        "read": dict(read),
        "restated": extracted(case["restated"]),
        "sent": extracted([case["sent"]]),
        "injected": injected.get("baggage", ""),
    }


def main():
    # A warning for each malformed header would be megabytes.
    logging.disable(logging.CRITICAL)
    mode, cases, answers = sys.argv[1:]
    answer = {"tracecontext": tracecontext, "baggage": pairs}[mode]
    count = 0
    with open(cases, encoding="utf-8", newline="\n") as source, open(answers, "w", encoding="utf-8") as target:
        for line in source:
            target.write(json.dumps(answer(json.loads(line))) + "\n")
            count += 1
    print(count)


main()
