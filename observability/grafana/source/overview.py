"""Is the shop well? One screen, and a way on to the dashboard that knows more."""

from model import *

ON_TIME = """
    clamp_max(
      (sum(increase(notification_end_to_end_duration_seconds_bucket{le=~"10([.]0)?"}[5m])) or vector(0))
      / (sum(increase(notification_requested_total[5m] offset 30s)) > 0), 1)
"""
SERVED = f"rpc_server_call_duration_seconds_count{{{API}}}"
FAILED = f'sum(rate(rpc_server_call_duration_seconds_count{{{API}, error_type!=""}}[{RATE}])) or vector(0)'
# Nothing waits where somebody counts what is overdue; where nobody can count, nobody knows.
OLDEST = "max(time() - notification_oldest_pending_timestamp_seconds) or 0 * max(notification_overdue)"

DASHBOARD = dashboard(
    "contrail-overview",
    "Is the shop well: calls, notifications, what waits, what fires. Each number leads to the dashboard that explains it.",
    [
        ("Are customers served?", [
            stat("Notifications on time", """
                Of the events of 5 minutes, the last 30 s left out, the share whose notification was handled within 10 s. What is
                stuck or lost counts as late, so a standstill shows.
                """, ON_TIME, unit="percentunit", decimals=2,
                thresholds=steps(RED, (ORANGE, 0.95), (GREEN, 0.99)), no_value="no events",
                links=[link("Why are they late?", "/d/notification-delay?${__url_time_range}")]),
            stat("Calls without a server's fault", """
                Share of gRPC calls, health checks left out, that did not end by a fault of the server. The objective is 99.9 %.
                """, f"1 - ({FAILED}) / (sum(rate({SERVED}[{RATE}])) > 0)",
                unit="percentunit", decimals=3, thresholds=steps(RED, (ORANGE, 0.99), (GREEN, 0.999)), no_value="no calls",
                links=[link("Which methods?", "/d/contrail-service?${__url_time_range}")]),
            stat("CreateOrder, 99th percentile", """
                How long the slowest of a hundred orders take to be accepted. The objective is 250 ms for 99 %.
                """, f"""
                histogram_quantile(0.99, sum by (le)
                  (rate(rpc_server_call_duration_seconds_bucket{{job="orders", rpc_method=~".*/CreateOrder"}}[{RATE}])))
                """, unit="s", thresholds=steps(GREEN, (ORANGE, 0.25), (RED, 1)), no_value="no orders",
                links=[link("Look closer", "/d/contrail-service?var-job=orders&${__url_time_range}")]),
            stat("Oldest event that waits", """
                Age of the oldest event that waits in an outbox or a stream. 10 s is what a notification may take.
                """, OLDEST, unit="s", thresholds=steps(GREEN, (ORANGE, 10), (RED, 20)), no_value="unknown",
                links=[link("Where does it wait?", "/d/notification-delay?${__url_time_range}")]),
            stat("Breakers not closed", """
                Circuit breakers that are open or half open: calls to a target are refused because too many failed or were slow.
                """, 'count(circuit_breaker_state{state=~"open|half_open|forced_open"} == 1) or vector(0)', unit="short",
                thresholds=steps(GREEN, (ORANGE, 1)), links=[link("Which?", "/d/contrail-resilience?${__url_time_range}")]),
            stat("Alerts that fire", """
                Without the watchdog, which always fires. The table below names them.
                """, f'count({FIRING}) or vector(0)', unit="short",
                thresholds=steps(GREEN, (ORANGE, 1)), links=[link("Budgets", "/d/contrail-slo?${__url_time_range}")]),
        ]),
        ("Services", [
            states("Scraped processes", """
                Whether Prometheus reaches each process and each exporter. Down for one of several processes is shown as down.
                """, f'min by (job) (up{{job=~"{JOBS}"}})', "{{job}}", STATES["yes"], width=12),
            table("Alerts", "Alerts that fire or wait for their time to be over.",
                  ['ALERTS{team="shop", alertname!="Watchdog"}'],
                  {"alertname": ("Alert",), "alertstate": ("State",), "severity": ("Severity",), "service": ("Service",),
                   "slo": ("SLO",)}, width=12, unit="none", no_value="none"),
            timeseries("Calls served", "gRPC calls by service, health checks left out.",
                       (f"sum by (job) (rate({SERVED}[{RATE}]))", "{{job}}"), unit="reqps"),
            timeseries("Calls that failed", """
                Share of calls that ended by a fault of the server: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS.
                """, (f"""
                (sum by (job) (rate(rpc_server_call_duration_seconds_count{{{API}, error_type!=""}}[{RATE}]))
                  or 0 * sum by (job) (rate({SERVED}[{RATE}])))
                / (sum by (job) (rate({SERVED}[{RATE}])) > 0)
                """, "{{job}}"), unit="percentunit", limit=[(ORANGE, 0.001), (RED, 0.01)],
                links=[jaeger_search("orders", ERROR_TAGS)]),
            timeseries("Duration of calls, 95th percentile", """
                The dots are single calls whose traces were kept: open one to see where its time went.
                """, query(f"""
                histogram_quantile(0.95, sum by (le, job) (rate(rpc_server_call_duration_seconds_bucket{{{API}}}[{RATE}])))
                """, "{{job}}", exemplars=True), unit="s"),
        ]),
        ("From event to notification", [
            timeseries("Events and notifications", """
                Each event must become one notification. Where the lines part, something waits or was given up.
                """,
                (f"sum(rate(notification_requested_total[{RATE}]))", "requested"),
                (f"sum(rate(notification_delivered_total[{RATE}]))", "delivered"),
                (f"sum(rate(notification_dead_lettered_total[{RATE}])) or vector(0)", "given up"), unit="ops"),
            timeseries("What waits, and where", "Events in the outboxes of the services, and in the streams.",
                       ("sum by (job) (outbox_depth)", "outbox of {{job}}"),
                       ("""
                sum by (stream) (max by (stream, consumer) (jetstream_consumer_pending + jetstream_consumer_ack_pending))
                """, "{{stream}}"),
                       unit="short", stack=True),
            timeseries("Late notifications", "By the longest stage of their journey, which is the cause.",
                       ("sum by (cause) (increase(notification_late_total[$__rate_interval])) or none(cause)", "{{cause}}"),
                       unit="short", bars=True, stack=True,
                       links=[link("Explain the delay", "/d/notification-delay?${__url_time_range}"),
                              jaeger_search("notifications", LATE_TAGS)]),
        ]),
        ("Resources", [
            timeseries("Processor time", "Cores that each process uses.",
                       ("rate(process_cpu_seconds_total{job=~\"users|orders|notifications\"}[$__rate_interval])",
                        "{{job}} {{instance}}"), unit="short"),
            timeseries("Memory", "Resident memory of each process.",
                       ('process_resident_memory_bytes{job=~"users|orders|notifications"}', "{{job}} {{instance}}"),
                       unit="bytes"),
            table("What runs", "Version and start of each process.",
                  ["max by (job, instance, version, swift) (contrail_build_info)",
                   'max by (job, instance) (process_start_time_seconds{job=~"users|orders|notifications"}) * 1000'],
                  {"job": ("Service",), "instance": ("Process",), "version": ("Version",), "swift": ("Swift",),
                   "Value #B": ("Started", "dateTimeFromNow")}, unit="none"),
        ]),
    ],
)
