"""Lag, redelivery, stuck messages, time to drain: what the services know, beside what the server's exporter tells."""

from model import *

LEADER = 'is_consumer_leader="true"'
STREAMS = 'is_stream_leader="true", stream_name=~"$stream"'
CONSUMERS = f'{LEADER}, stream_name=~"$stream"'

DASHBOARD = dashboard(
    "contrail-jetstream",
    "Do events pile up in JetStream, why, and how long until they are gone? In a cluster only leaders' numbers are shown, and "
    "what all replicas of notifications tell counts once.",
    [
        ("Lag", [
            stat("Not delivered", "Events that wait for a consumer.",
                 'sum(max by (stream, consumer) (jetstream_consumer_pending{stream=~"$stream"}))', unit="short",
                 thresholds=steps(GREEN, (ORANGE, 100), (RED, 1000))),
            stat("Oldest event", "Age of the oldest event in a stream.", """
                max(time() - notification_oldest_pending_timestamp_seconds{place=~"$stream"})
                or 0 * max(notification_overdue{place=~"$stream"})
                """, unit="s", thresholds=steps(GREEN, (ORANGE, 10), (RED, 20))),
            stat("Being handled", "Delivered and not settled yet.",
                 'sum(max by (stream, consumer) (jetstream_consumer_ack_pending{stream=~"$stream"}))', unit="short"),
            stat("At work again", "Redelivered after a failed attempt, and not settled yet.",
                 'sum(max by (stream, consumer) (jetstream_consumer_redelivered{stream=~"$stream"}))', unit="short",
                 thresholds=steps(GREEN, (ORANGE, 1), (RED, 50))),
            stat("Stuck", "Stored, and delivered to nobody any more: past the last delivery, or terminated without a dead letter.",
                 'sum(max by (stream, consumer) (jetstream_consumer_stuck{stream=~"$stream"}))', unit="short",
                 thresholds=steps(GREEN, (RED, 1))),
            stat("Time to drain", "What waits, divided by what is acknowledged at the moment, if nothing new comes.", f"""
                sum(max by (stream, consumer)
                  (jetstream_consumer_pending{{stream=~"$stream"}} + jetstream_consumer_ack_pending{{stream=~"$stream"}}))
                / (sum(rate(jetstream_consumer_ack_floor_consumer_seq{{{CONSUMERS}, consumer_name="notifications"}}[{RATE}])) > 0)
                """, unit="s", thresholds=steps(GREEN, (ORANGE, 60), (RED, 600)), no_value="nothing is acknowledged"),
            timeseries("Not delivered", "By stream and consumer. Growing: consumers are slower than publishers.",
                       ('max by (stream, consumer) (jetstream_consumer_pending{stream=~"$stream"})', "{{stream}} {{consumer}}"),
                       unit="short"),
            timeseries("Age of the oldest event", "The dashed line is what a notification may take.",
                       ('max by (place) (time() - notification_oldest_pending_timestamp_seconds{place=~"$stream"}) or none(place)',
                        "{{place}}"), unit="s", limit=[(RED, 10)],
                       links=[link("Why?", "/d/notification-delay?${__url_time_range}")]),
            timeseries("Growth of the queue", """
                Events a second that the queue grows by (above zero) or is drained by (below). The time to drain is what waits,
                divided by the latter.
                """, (f"""
                sum by (stream) (max by (stream, consumer) (deriv(jetstream_consumer_pending{{stream=~"$stream"}}[{RATE}])))
                """, "{{stream}}"), unit="ops"),
        ]),
        ("Flow", [
            timeseries("Published", "Messages that a stream stores, by sequence numbers.",
                       (f"sum by (stream_name) (rate(jetstream_stream_last_seq{{{STREAMS}}}[{RATE}]))", "{{stream_name}}"),
                       unit="ops"),
            timeseries("Delivered and acknowledged", "More deliveries than acknowledgements: something fails or is stuck.",
                       (f"sum by (stream_name) (rate(jetstream_consumer_delivered_consumer_seq{{{CONSUMERS}}}[{RATE}]))",
                        "{{stream_name}} delivered"),
                       (f"sum by (stream_name) (rate(jetstream_consumer_ack_floor_consumer_seq{{{CONSUMERS}}}[{RATE}]))",
                        "{{stream_name}} acknowledged"), unit="ops"),
            timeseries("Handling one delivery, 95th percentile", "By subject; dots open traces.", query(f"""
                histogram_quantile(0.95, sum by (le, messaging_destination_name)
                  (rate(messaging_process_duration_seconds_bucket[{RATE}])))
                """, "{{messaging_destination_name}}", exemplars=True), unit="s"),
        ]),
        ("Redelivery, dead letters, stuck messages", [
            timeseries("Failed deliveries, by error", "Each comes again after a delay, until it is given up.", (f"""
                sum by (error_type) (rate(messaging_process_duration_seconds_count{{error_type!=""}}[{RATE}])) or none(error_type)
                """, "{{error_type}}"), unit="ops", stack=True,
                links=[jaeger_search("notifications", ERROR_TAGS)]),
            timeseries("At work again, and stuck", "What has been redelivered and is not settled; what nobody will get any more.",
                       ('sum by (stream) (max by (stream, consumer) (jetstream_consumer_redelivered{stream=~"$stream"}))',
                        "{{stream}} again"),
                       ('sum by (stream) (max by (stream, consumer) (jetstream_consumer_stuck{stream=~"$stream"}))',
                        "{{stream}} stuck"), unit="short"),
            timeseries("Given up", "Dead letters by reason, and what JetStream itself says about messages that will not come again.",
                       ("sum by (reason) (increase(notification_dead_lettered_total[$__rate_interval])) or none(reason)",
                        "dead letter: {{reason}}"),
                       ('sum by (kind) (increase(jetstream_advisories_total{stream=~"$stream"}[$__rate_interval])) or none(kind)',
                        "advisory: {{kind}}"), unit="short", bars=True),
        ]),
        ("Consumers", [
            timeseries("Waiting pull requests", "0 while events wait: nobody asks for them.",
                       (f"sum by (stream_name, consumer_name) (jetstream_consumer_num_waiting{{{CONSUMERS}}})",
                        "{{stream_name}} {{consumer_name}}"), unit="short"),
            timeseries("Being handled", "At the limit of the consumer (max_ack_pending), NATS delivers nothing more.",
                       (f"sum by (stream_name) (jetstream_consumer_num_ack_pending{{{CONSUMERS}}})", "{{stream_name}}"),
                       unit="short"),
            timeseries("Subscriptions that were recreated", "Events waited and none came, although the server was asked.",
                       ('sum by (stream) (increase(jetstream_consumer_stalls_total{stream=~"$stream"}[$__rate_interval]))',
                        "{{stream}}"), unit="short", bars=True),
        ]),
        ("Connections of the services", [
            states("Connected", "Whether each process is connected to NATS.", "min by (job, instance) (nats_connected)",
                   "{{job}} {{instance}}", STATES["yes"]),
            timeseries("Messages", "Accepted for sending, and arrived, by service.",
                       (f"sum by (job) (rate(nats_sent_messages_total[{RATE}]))", "{{job}} sent"),
                       (f"sum by (job) (rate(nats_received_messages_total[{RATE}]))", "{{job}} received"), unit="ops"),
            timeseries("Losses, refusals, drops", "All of them are 0 while all is well.",
                       ("sum by (job) (increase(nats_disconnects_total[$__rate_interval]))", "{{job}} disconnects"),
                       ("sum by (job) (increase(nats_permission_denials_total[$__rate_interval]))", "{{job}} refused subjects"),
                       ("sum by (job) (increase(nats_dropped_messages_total[$__rate_interval]))", "{{job}} dropped"),
                       ("sum by (job) (increase(nats_errors_total[$__rate_interval]))", "{{job}} errors"),
                       unit="short", bars=True),
        ]),
        ("Server", [
            timeseries("Stored messages", "By stream; a work queue is empty when all is handled.",
                       (f"sum by (stream_name) (jetstream_stream_total_messages{{{STREAMS}}})", "{{stream_name}}"),
                       unit="short", width=6),
            timeseries("Stored bytes", "By stream, below what JetStream may use of a server's disk: beyond it, publishes are refused.",
                       (f"sum by (stream_name) (jetstream_stream_total_bytes{{{STREAMS}}})", "{{stream_name}}"),
                       ("min(jetstream_server_max_storage)", "limit of a server"), unit="bytes", log=True, width=6),
            timeseries("Connections and slow consumers", "A slow consumer is cut off by the server.",
                       ("sum by (server_id) (gnatsd_varz_connections)", "connections"),
                       ("sum by (server_id) (gnatsd_varz_slow_consumers)", "slow consumers"), unit="short", width=6),
            timeseries("Memory of the server", "Resident memory of nats-server.",
                       ("max by (server_id) (gnatsd_varz_mem)", "{{server_id}}"), unit="bytes", width=6),
        ]),
    ],
    variables=[label_variable("stream", "jetstream_consumer_pending")],
)
