"""The databases and the outboxes: is PostgreSQL what everybody waits for, and is everything published?"""

from model import *

DATABASES = 'datname=~"users|orders|notifications"'

DASHBOARD = dashboard(
    "contrail-postgres",
    "Do committed events leave the outbox, and is the database what services wait for?",
    [
        ("Outbox", [
            stat("Events that wait", "Committed and not yet published.", f"sum(outbox_depth{{{CHOSEN}}})", unit="short",
                 thresholds=steps(GREEN, (ORANGE, 100), (RED, 1000))),
            stat("Oldest", "Age of the oldest event that waits.", f"max(outbox_oldest_age_seconds{{{CHOSEN}}})", unit="s",
                 thresholds=steps(GREEN, (ORANGE, 5), (RED, 10))),
            stat("Services without a relay", """
                Services none of whose processes publishes; there must be exactly one. During a change of the leader it is 1 for
                some seconds.
                """, f"count(sum by (job) (outbox_relay_active{{{CHOSEN}}}) != 1) or vector(0)", unit="short",
                thresholds=steps(GREEN, (RED, 1))),
            stat("PostgreSQL", "Whether the exporter reaches the server.", "min(pg_up)", unit="none",
                 mappings=values(STATES["yes"]), thresholds=steps(RED, (GREEN, 1)), graph=False, no_value="no exporter"),
            stat("Connections in use", "Share of max_connections that is taken, by anybody.",
                 "sum(pg_stat_activity_count) / min(pg_settings_max_connections)", unit="percentunit", decimals=1,
                 thresholds=steps(GREEN, (ORANGE, 0.7), (RED, 0.9)), no_value="no exporter"),
            stat("Waiting for a connection", "Callers that wait for a connection of their pool at this moment.",
                 f"sum(db_client_connection_pending_requests{{{CHOSEN}}})", unit="short",
                 thresholds=steps(GREEN, (ORANGE, 1), (RED, 20))),
            timeseries("Events that wait", "By service. Growing: the relay is slower than the commits, or NATS is away.",
                       (f"sum by (job) (outbox_depth{{{CHOSEN}}})", "{{job}}"), unit="short"),
            timeseries("Age of the oldest", "By service; the dashed line is what a notification may take altogether.",
                       (f"max by (job) (outbox_oldest_age_seconds{{{CHOSEN}}})", "{{job}}"), unit="s", limit=[(RED, 10)]),
            timeseries("Committed and published", "Events by service; published ones by the outcome of the publish.",
                       (f"sum by (job) (rate(notification_requested_total{{{CHOSEN}}}[{RATE}]))", "{{job}} committed"),
                       (f"sum by (job, error_type) (rate(messaging_client_sent_messages_total{{{CHOSEN}}}[{RATE}]))",
                        "{{job}} published {{error_type}}"), unit="ops"),
            states("Who publishes", "One process of each service publishes for its database.",
                   f"max by (job, instance) (outbox_relay_active{{{CHOSEN}}})", "{{job}} {{instance}}",
                   {1: ("publishes", GREEN), 0: ("waits", GREY)}),
            timeseries("Time in the outbox, 95th percentile", "From the commit to the publish; dots open traces.", query(f"""
                histogram_quantile(0.95, sum by (le, stage)
                  (rate(notification_stage_duration_seconds_bucket{{{CHOSEN}, stage=~"outbox_wait|publish"}}[{RATE}])))
                """, "{{stage}}", exemplars=True), unit="s"),
            timeseries("The books", """
                All events that were ever requested, and what became of them, from the databases. Requested is the sum of the
                others when nothing moves.
                """, ("sum by (state) (max by (job, state) (notification_ledger))", "{{state}}"), unit="short"),
        ]),
        ("Pools and statements, seen by the services", [
            timeseries("Connections", "Of the pools, by what they do.",
                       (f"sum by (job, db_client_connection_state) (db_client_connection_count{{{CHOSEN}}})",
                        "{{job}} {{db_client_connection_state}}"), unit="short"),
            timeseries("Waiting for a connection, 95th percentile", "Above a few milliseconds the pool is too small; dots open traces.",
                       query(f"""
                histogram_quantile(0.95, sum by (le, job)
                  (rate(db_client_connection_wait_time_seconds_bucket{{{CHOSEN}}}[{RATE}])))
                """, "{{job}}", exemplars=True), unit="s"),
            timeseries("Statements that failed", "By error: a SQLSTATE, or what became of the connection.", (f"""
                sum by (job, error_type) (rate(db_client_operation_duration_seconds_count{{{CHOSEN}, error_type!=""}}[{RATE}]))
                or none(error_type)
                """, "{{job}} {{error_type}}"), unit="ops", stack=True),
            heatmap("Duration of statements", "Every statement of the chosen services; dots open traces.",
                    f"sum by (le) (increase(db_client_operation_duration_seconds_bucket{{{CHOSEN}}}[{RATE}]))", width=12),
            table("By statement", "Over the time range that is shown; what takes the most time altogether comes first.", [
                f"round(sum by (job, db_query_summary) (increase(db_client_operation_duration_seconds_count{{{CHOSEN}}}[$__range])))",
                f"histogram_quantile(0.95, sum by (le, job, db_query_summary)"
                f" (increase(db_client_operation_duration_seconds_bucket{{{CHOSEN}}}[$__range])))",
                f"sum by (job, db_query_summary) (increase(db_client_operation_duration_seconds_sum{{{CHOSEN}}}[$__range]))",
            ], {"job": ("Service",), "db_query_summary": ("Statement",), "Value #A": ("Times", "short"),
                "Value #B": ("95 %", "s"), "Value #C": ("Altogether", "s")},
                  sort="Altogether", unit="none", width=12),
        ]),
        ("Server, seen by the exporter", [
            timeseries("Transactions", "Commits and rollbacks a second, by database.",
                       (f"sum by (datname) (rate(pg_stat_database_xact_commit{{{DATABASES}}}[{RATE}]))", "{{datname}} commits"),
                       (f"sum by (datname) (rate(pg_stat_database_xact_rollback{{{DATABASES}}}[{RATE}]))",
                        "{{datname}} rollbacks"), unit="ops"),
            timeseries("Sessions", "By database and state. “idle in transaction” that stays is a bug.",
                       (f"sum by (datname, state) (pg_stat_activity_count{{{DATABASES}}}) > 0", "{{datname}} {{state}}"),
                       unit="short", stack=True),
            timeseries("Longest transaction", "By database. A long one holds locks, holds back the relay and keeps dead rows.",
                       (f"max by (datname) (pg_stat_activity_max_tx_duration{{{DATABASES}}})", "{{datname}}"), unit="s"),
            timeseries("Deadlocks", "Transactions that PostgreSQL ended because they waited for one another.",
                       (f"sum by (datname) (increase(pg_stat_database_deadlocks{{{DATABASES}}}[{RATE}]))", "{{datname}}"),
                       unit="short", bars=True, width=6),
            timeseries("Cache hits", "Share of blocks that were in PostgreSQL's memory.", (f"""
                sum by (datname) (rate(pg_stat_database_blks_hit{{{DATABASES}}}[{RATE}]))
                / (sum by (datname) (rate(pg_stat_database_blks_hit{{{DATABASES}}}[{RATE}]))
                   + sum by (datname) (rate(pg_stat_database_blks_read{{{DATABASES}}}[{RATE}])) > 0)
                """, "{{datname}}"), unit="percentunit", maximum=1, width=6),
            timeseries("Locks", "Held or waited for, by mode.",
                       (f"sum by (mode) (pg_locks_count{{{DATABASES}}}) > 0", "{{mode}}"), unit="short", stack=True, width=6),
            timeseries("Size", "Of each database on the disk.",
                       (f"max by (datname) (pg_database_size_bytes{{{DATABASES}}})", "{{datname}}"), unit="bytes", width=6),
        ]),
    ],
    variables=[JOB, INSTANCE],
)
