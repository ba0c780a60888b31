"""One service: rate, errors and duration of what it serves, what it calls, what it asks of its database and of NATS."""

from model import *

SERVED = f'{CHOSEN}, rpc_method=~"$method", rpc_method!~"grpc.health.*"'
COUNT = f"rpc_server_call_duration_seconds_count{{{SERVED}}}"
FAILED = f'rpc_server_call_duration_seconds_count{{{SERVED}, error_type!=""}}'
METHODS = "sum by (job, rpc_method)"
BUCKET = f"rpc_server_call_duration_seconds_bucket{{{SERVED}}}"


def quantile(q, buckets, by=""):
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({buckets}[{RATE}])))"


DASHBOARD = dashboard(
    "contrail-service",
    "Rate, errors and duration of gRPC methods, and of the calls, statements and messages behind them.",
    [
        ("Served: rate, errors, duration", [
            stat("Calls", "gRPC calls a second.", f"sum(rate({COUNT}[{RATE}]))", unit="reqps", no_value="none"),
            stat("Failed", "Share of calls that ended by a fault of the server.",
                 f"(sum(rate({FAILED}[{RATE}])) or vector(0)) / (sum(rate({COUNT}[{RATE}])) > 0)", unit="percentunit",
                 thresholds=steps(GREEN, (ORANGE, 0.001), (RED, 0.01)), no_value="no calls"),
            stat("Median", "Half of the calls are faster.", quantile(0.5, BUCKET), unit="s", no_value="no calls"),
            stat("99th percentile", "One call in a hundred is slower.", quantile(0.99, BUCKET), unit="s",
                 thresholds=steps(GREEN, (ORANGE, 0.25), (RED, 1)), no_value="no calls"),
            stat("Deadlines that passed", "In the last 5 minutes, anywhere in the service.",
                 f"sum(increase(deadline_exceeded_total{{{CHOSEN}}}[5m]))", unit="short",
                 thresholds=steps(GREEN, (ORANGE, 1)), decimals=0),
            stat("Processes", "Processes of the chosen services that Prometheus reaches.", f"sum(up{{{OURS}}})",
                 unit="short", thresholds=steps(RED, (GREEN, 1))),
            timeseries("Calls by method", "Where the traffic is.",
                       (f"sum by (rpc_method) (rate({COUNT}[{RATE}]))", "{{rpc_method}}"), unit="reqps"),
            timeseries("Answers other than OK", """
                By gRPC status. NOT_FOUND, INVALID_ARGUMENT and the like are the caller's; the service answered well.
                """, (f"""
                sum by (job, rpc_method, rpc_response_status_code)
                  (rate(rpc_server_call_duration_seconds_count{{{SERVED}, rpc_response_status_code!="OK"}}[{RATE}]))
                or none(rpc_response_status_code)
                """, "{{job}}: {{rpc_response_status_code}} {{rpc_method}}"), unit="reqps", stack=True,
                links=[jaeger_search("${__field.labels.job}", ERROR_TAGS)]),
            timeseries("Duration", "Percentiles over all chosen methods; the dots are single calls and open their traces.",
                       query(quantile(0.99, BUCKET), "99 %", exemplars=True), query(quantile(0.95, BUCKET), "95 %"),
                       query(quantile(0.5, BUCKET), "50 %"), unit="s"),
            heatmap("Duration, every call", """
                Two bands mean two kinds of calls, for example those that wait for a lock. Dots open traces.
                """, f"sum by (le) (increase({BUCKET}[{RATE}]))", width=12),
            table("By method", "Over the time range that is shown.", [
                f"round({METHODS} (increase({COUNT}[$__range])))",
                f"({METHODS} (increase({FAILED}[$__range])) or 0 * {METHODS} (increase({COUNT}[$__range])))"
                f" / ({METHODS} (increase({COUNT}[$__range])) > 0)",
                *(f"histogram_quantile({q}, sum by (le, job, rpc_method) (increase({BUCKET}[$__range])))"
                  for q in (0.5, 0.95, 0.99)),
            ], {"job": ("Service",), "rpc_method": ("Method",), "Value #A": ("Calls", "short"), "Value #B": ("Failed", "percentunit"),
                "Value #C": ("50 %", "s"), "Value #D": ("95 %", "s"), "Value #E": ("99 %", "s")},
                  sort="99 %", unit="none", width=12, links=[link("Traces of this method in Jaeger",
                  "${jaeger_ui}/search?service=${__data.fields.Service}&operation=${__data.fields.Method}&start=${__from}000&end=${__to}000")]),
        ]),
        ("Called: other services, as this one sees them", [
            timeseries("Calls made", "By method and status, each attempt counted.", (f"""
                sum by (rpc_method, rpc_response_status_code)
                  (rate(rpc_client_call_duration_seconds_count{{{CHOSEN}}}[{RATE}]))
                """, "{{rpc_method}} {{rpc_response_status_code}}"), unit="reqps"),
            timeseries("Calls made that failed", """
                By kind of failure. Calls that a circuit breaker or a bulkhead refused were not made, and are shown beside them.
                """, (f"""
                sum by (error_type) (rate(rpc_client_call_duration_seconds_count{{{CHOSEN}, error_type!=""}}[{RATE}]))
                or none(error_type)
                """, "{{error_type}}"),
                (f'sum(rate(circuit_breaker_calls_total{{{CHOSEN}, outcome="rejected"}}[{RATE}]))', "refused by a breaker"),
                (f"sum(rate(bulkhead_rejected_total{{{CHOSEN}}}[{RATE}]))", "refused by a bulkhead"),
                unit="reqps", stack=True,
                links=[link("Breakers and retries", "/d/contrail-resilience?${__url_time_range}")]),
            timeseries("Duration of calls made", "What the caller waited for; dots open traces.", query(
                quantile(0.95, f"rpc_client_call_duration_seconds_bucket{{{CHOSEN}}}", "job, rpc_method"),
                "{{job}}: {{rpc_method}}", exemplars=True), unit="s"),
        ]),
        ("Database and messages", [
            timeseries("Slowest statements, 95th percentile", "The five slowest kinds of statements; dots open traces.", query(
                f"topk(5, {quantile(0.95, f'db_client_operation_duration_seconds_bucket{{{CHOSEN}}}', 'db_query_summary')})",
                "{{db_query_summary}}", exemplars=True), unit="s",
                links=[link("The database", "/d/contrail-postgres?${__url_time_range}")]),
            timeseries("Messages published and settled", "Operations on NATS by kind and subject.", (f"""
                sum by (messaging_operation_name, messaging_destination_name)
                  (rate(messaging_client_operation_duration_seconds_count{{{CHOSEN}}}[{RATE}]))
                """, "{{messaging_operation_name}} {{messaging_destination_name}}"), unit="ops"),
            timeseries("Duration of publishing and acknowledging", "95th percentile; the server writes to its disk first.",
                       query(quantile(0.95, f"messaging_client_operation_duration_seconds_bucket{{{CHOSEN}}}",
                                      "messaging_operation_name"), "{{messaging_operation_name}}", exemplars=True), unit="s"),
        ]),
        ("Process", [
            timeseries("Processor time", "Cores in use.",
                       (f"rate(process_cpu_seconds_total{{{OURS}}}[{RATE}])", "{{job}} {{instance}}"), unit="short", width=6),
            timeseries("Memory", "Resident memory.",
                       (f"process_resident_memory_bytes{{{OURS}}}", "{{job}} {{instance}}"), unit="bytes", width=6),
            timeseries("Open files", "Share of the file descriptors that may be open, sockets among them.",
                       (f"process_open_fds{{{OURS}}} / process_max_fds{{{OURS}}}", "{{job}} {{instance}}"),
                       unit="percentunit", width=6),
            timeseries("Threads", "A few for each library and two or so for Swift; a growing number is a leak.",
                       (f"process_threads{{{OURS}}}", "{{job}} {{instance}}"), unit="short", width=6),
        ]),
    ],
    variables=[JOB, INSTANCE,
               label_variable("method", 'rpc_server_call_duration_seconds_count{job=~"$job", rpc_method!~"grpc.health.*"}', "rpc_method")],
)
