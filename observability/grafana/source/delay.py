"""Why are notifications late? From top to bottom: how bad, which stage, the queue, who is waited for, the evidence."""

from model import *
from overview import OLDEST, ON_TIME

# What to look at when a stage is the longest one.
ADVICE = {
    "accept": "accept: orders or users took long to commit. Row 4, and Service",
    "outbox_wait": "outbox_wait: committed events wait for the relay. PostgreSQL and outbox",
    "publish": "publish: NATS takes long to store, or is away. JetStream",
    "stream_wait": "stream_wait: consumers are too slow or stopped. Row 3",
    "redelivery_wait": "redelivery_wait: attempts fail and are repeated. Row 4, and the dead letters in row 3",
    "lookup": "lookup: the users service answers slowly. Row 4, and Resilience",
    "deliver": "deliver: the mail server answers slowly. Row 4",
    "record": "record: the database commits slowly, or NATS acknowledges slowly. PostgreSQL and outbox",
}
LATE_LINKS = [jaeger_search("notifications", LATE_TAGS)]
BUDGET = 'sloth_service="notifications", sloth_slo="on-time"'

DASHBOARD = dashboard(
    "notification-delay",
    "Why notifications are late, in the order of the questions: how bad is it, which stage, the queue, who is waited for, and "
    "the traces that prove it.",
    [
        ("1  Verdict: how bad is it?", [
            stat("On time", """
                Of the events of 5 minutes, the last 30 s left out, the share whose notification was handled within 10 s. The
                objective is 99 %.
                """, ON_TIME, unit="percentunit", decimals=2, thresholds=steps(RED, (ORANGE, 0.95), (GREEN, 0.99)),
                no_value="no events"),
            stat("Burn rate, 1 h", """
                How many times faster than allowed the error budget is used up. Above 14.4 the page alert fires, at 6 it does
                after six hours.
                """, f"max(slo:sli_error:ratio_rate1h{{{BUDGET}}} / on (sloth_id) slo:error_budget:ratio{{{BUDGET}}})",
                unit="none", decimals=1, thresholds=steps(GREEN, (YELLOW, 1), (ORANGE, 6), (RED, 14.4)), no_value="no rules"),
            stat("Budget left, 30 d", "Share of the error budget of 30 days that is left.",
                 f"min(slo:period_error_budget_remaining:ratio{{{BUDGET}}})", unit="percentunit", decimals=1,
                 thresholds=steps(RED, (ORANGE, 0.25), (GREEN, 0.5)), no_value="no rules",
                 links=[link("All objectives", "/d/contrail-slo?${__url_time_range}")]),
            stat("Oldest event that waits", "It should leave before it is 10 s old; 20 s and more pages somebody.",
                 OLDEST, unit="s", thresholds=steps(GREEN, (ORANGE, 10), (RED, 20)), no_value="unknown"),
            stat("Overdue now", "Events that wait for longer than a notification may take, in outboxes and streams.",
                 "sum(max by (place, job) (notification_overdue))", unit="short", decimals=0, no_value="unknown",
                 thresholds=steps(GREEN, (ORANGE, 1), (RED, 100))),
            stat("Alerts that fire", "Without the watchdog.",
                 f'count({FIRING}) or vector(0)', unit="short",
                 thresholds=steps(GREEN, (ORANGE, 1)), graph=False),
        ]),
        ("2  Cause: which stage takes the time?", [
            bars("Late notifications by cause", """
                Of the time range that is shown. The cause is the longest stage of a late notification's journey; a reason is
                added when attempts failed.
                """, "sort_desc(sum by (cause, reason) (increase(notification_late_total[$__range])) > 0) or none(cause)",
                "{{cause}} {{reason}}", unit="short", decimals=0, links=LATE_LINKS),
            table("What to look at", "The causes of late notifications in the time range, and where to go on.",
                  ["sort_desc(round(sum by (cause) (increase(notification_late_total[$__range])) > 0))"],
                  {"cause": ("Cause", "string", [{"type": "value", "options": {
                      stage: {"text": advice, "index": index} for index, (stage, advice) in enumerate(ADVICE.items())}}]),
                   "Value": ("Late", "short")}, unit="none", width=16, no_value="nothing was late", links=LATE_LINKS),
            timeseries("Time in each stage, 95th percentile", """
                Stacked for the eye: percentiles do not add up, the highest layer is what counts. Dots open traces.
                """, query(f"""
                histogram_quantile(0.95, sum by (le, stage) (rate(notification_stage_duration_seconds_bucket[{RATE}])))
                """, "{{stage}}", exemplars=True), unit="s", stack=True, width=12, links=LATE_LINKS),
            timeseries("Share of the time, by stage", """
                Where all notifications together spend their time. The stages of a journey add up to its end-to-end time.
                """, (f"""
                sum by (stage) (rate(notification_stage_duration_seconds_sum[{RATE}]))
                / on () group_left () (sum(rate(notification_stage_duration_seconds_sum[{RATE}])) > 0)
                """, "{{stage}}"), unit="percentunit", stack=True, maximum=1, width=12),
        ]),
        ("3  Queue: do events wait for consumers?", [
            stat("Time to drain", """
                How long what waits now takes at the rate of the last minutes, if nothing new comes.
                """, f"""
                sum(max by (stream, consumer) (jetstream_consumer_pending + jetstream_consumer_ack_pending))
                / (sum(rate(notification_delivered_total[{RATE}])) > 0)
                """, unit="s", width=6, thresholds=steps(GREEN, (ORANGE, 60), (RED, 600)), no_value="nothing is delivered"),
            stat("Waiting pull requests", """
                Requests of consumers for messages. 0 while events wait means that no consumer asks: is the notifications
                service running?
                """, 'sum(jetstream_consumer_num_waiting{is_consumer_leader="true", consumer_name="notifications"})',
                unit="short", thresholds=steps(RED, (GREEN, 1)), no_value="no exporter", width=6),
            stat("Dead letters", "Events given up in the time range: see contrail dead-letters list.",
                 "sum(increase(notification_dead_lettered_total[$__range])) or vector(0)", unit="short", decimals=0,
                 thresholds=steps(GREEN, (RED, 1)), width=6),
            stat("Stuck", "Stored, and delivered to nobody any more. Always 0, or somebody has to look.",
                 "sum(max by (stream, consumer) (jetstream_consumer_stuck)) or vector(0)", unit="short",
                 thresholds=steps(GREEN, (RED, 1)), width=6),
            timeseries("Events that wait", """
                Waiting in the streams and not delivered yet, and delivered but not settled; the outboxes come before them.
                """,
                ("sum by (stream) (max by (stream, consumer) (jetstream_consumer_pending))", "{{stream}} not delivered"),
                ("sum by (stream) (max by (stream, consumer) (jetstream_consumer_ack_pending))", "{{stream}} being handled"),
                ("sum by (job) (outbox_depth)", "outbox of {{job}}"), unit="short", width=12),
            timeseries("In and out", "When more comes in than goes out, the queue grows.",
                       (f"sum(rate(notification_requested_total[{RATE}]))", "in: events"),
                       (f"sum(rate(messaging_client_consumed_messages_total[{RATE}]))", "out: deliveries"),
                       (f"sum(rate(notification_delivered_total[{RATE}]))", "out: notifications"), unit="ops", width=12),
        ]),
        ("4  Dependencies: who is waited for?", [
            timeseries("Users service, seen by notifications", "Attempts by status; dots are in the panel beside it.", (f"""
                sum by (rpc_response_status_code) (rate(rpc_client_call_duration_seconds_count{{job="notifications"}}[{RATE}]))
                """, "{{rpc_response_status_code}}"), unit="reqps", stack=True,
                links=[link("Its breaker", "/d/contrail-resilience?var-job=notifications&${__url_time_range}")]),
            timeseries("How long it is waited for, 95th percentile", "Users service and mail server; dots open traces.",
                query(f"""
                histogram_quantile(0.95, sum by (le)
                  (rate(rpc_client_call_duration_seconds_bucket{{job="notifications"}}[{RATE}])))
                """, "users", exemplars=True),
                query(f"""
                histogram_quantile(0.95, sum by (le) (rate(smtp_client_operation_duration_seconds_bucket[{RATE}])))
                """, "mail server", exemplars=True), unit="s"),
            timeseries("Mail server, failures", """
                By SMTP status or error. 4xx is tried again, 5xx is given up; but 521, 530, 534, 535, 538 and 554 are about the
                server, and all mails wait until they end.
                """, (f"""
                sum by (error_type) (rate(smtp_client_operation_duration_seconds_count{{error_type!=""}}[{RATE}]))
                or none(error_type)
                """, "{{error_type}}"), unit="ops", stack=True),
            timeseries("Waiting for a database connection, 95th percentile", "A wait means that the pool is too small or held.",
                       query(f"""
                histogram_quantile(0.95, sum by (le, job) (rate(db_client_connection_wait_time_seconds_bucket[{RATE}])))
                """, "{{job}}", exemplars=True), unit="s"),
            timeseries("Longest transaction", "In PostgreSQL, by database. A long one holds locks and holds back the relay.",
                       ('max by (datname) (pg_stat_activity_max_tx_duration{datname=~"users|orders|notifications"})',
                        "{{datname}}"), unit="s", links=[link("The database", "/d/contrail-postgres?${__url_time_range}")]),
            states("What is up", "Processes, and their connections to NATS and PostgreSQL.", """
                label_replace(min by (job) (up{job=~"users|orders|notifications|nats|postgres"}), "what", "$1", "job", "(.*)")
                or label_replace(min by (job) (nats_connected), "what", "$1 to NATS", "job", "(.*)")
                or label_replace(min by (job) (pg_up), "what", "PostgreSQL", "job", "(.*)")
                """, "{{what}}", STATES["yes"]),
        ]),
        ("5  Evidence: open one", [
            heatmap("End to end, every notification", """
                From the call that caused it until it was handled. Each dot is one notification: open its trace. The SLO's bound
                is 10 s.
                """, f"sum by (le) (increase(notification_end_to_end_duration_seconds_bucket[{RATE}]))", width=12, height=9),
            timeseries("End to end, percentiles", "Dots open traces; the dashed line is what a notification may take.",
                *(query(f"""
                histogram_quantile({q}, sum by (le) (rate(notification_end_to_end_duration_seconds_bucket[{RATE}])))
                """, f"{int(q * 100)} %", exemplars=q == 0.99) for q in (0.99, 0.95, 0.5)),
                unit="s", limit=[(RED, 10)], width=12, height=9, links=LATE_LINKS),
            panel("table", "Late notifications in Jaeger", """
                The traces of late notifications. Needs the search of Jaeger 2.20 or earlier, which is why that version is pinned;
                the links to Jaeger's own pages do not.
                """, [jaeger("search", service="notifications", tags="contrail.notification.late=true", limit=20)],
                unit="none", width=12),
            panel("nodeGraph", "Who calls whom", "Jaeger's dependencies of the services.", [jaeger("dependencyGraph")],
                  width=6),
            text("One order", """
**Order** `${order_id}`: [its traces in Jaeger](${jaeger_ui}/search?service=orders&tags=%7B%22contrail.order.id%22%3A%22${order_id}%22%7D&start=${__from}000&end=${__to}000).
Type its id into the field “Order” at the top.

Without Grafana: `contrail explain ORDER` prints the stages of its notifications and the trace.

**Trace** `${trace_id}`: type its id into the field “Trace”, and the panel below shows it.
                """, width=6),
            panel("traces", "Trace", "The trace whose id is in the field “Trace” at the top.",
                  [{"datasource": JAEGER, "query": "${trace_id}"}], width=24, height=12),
        ]),
    ],
    variables=[text_variable("order_id", "Order", description="An order's id."),
               text_variable("trace_id", "Trace", description="A trace's id.")],
    with_jaeger=True, refresh="15s",
)
