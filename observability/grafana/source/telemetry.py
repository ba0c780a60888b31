"""Can the telemetry be trusted? What was sampled, queued, exported, dropped and kept, and what Jaeger took."""

from model import *

LOST = f'sum(increase(otel_sdk_processor_span_processed_total{{{CHOSEN}, error_type!=""}}[$__range])) or vector(0)'

DASHBOARD = dashboard(
    "contrail-telemetry",
    "Can the traces and metrics be trusted: what was dropped, what waits, how sampling decided, what the backend took.",
    [
        ("Are spans lost?", [
            stat("Dropped before the export", "In the time range; the queue was full or the process ended.", LOST, unit="short",
                 decimals=0, thresholds=steps(GREEN, (ORANGE, 1), (RED, 1000))),
            stat("Failed exports", "Spans whose export failed in the time range.", f"""
                sum(increase(otel_sdk_exporter_span_exported_total{{{CHOSEN}, error_type!=""}}[$__range])) or vector(0)
                """, unit="short", decimals=0, thresholds=steps(GREEN, (ORANGE, 1), (RED, 1000))),
            stat("Queue", "How full the fullest queue is.", f"""
                max(otel_sdk_processor_span_queue_size{{{CHOSEN}}} / otel_sdk_processor_span_queue_capacity{{{CHOSEN}}})
                """, unit="percentunit", decimals=1, thresholds=steps(GREEN, (ORANGE, 0.5), (RED, 0.9))),
            stat("Sampled", "Share of started spans that are recorded and exported.", f"""
                sum(rate(otel_sdk_span_started_total{{{CHOSEN}, otel_span_sampling_result="RECORD_AND_SAMPLE"}}[{RATE}]))
                / (sum(rate(otel_sdk_span_started_total{{{CHOSEN}}}[{RATE}])) > 0)
                """, unit="percentunit", decimals=1, no_value="no spans"),
            stat("Never ended", "Spans that nobody ended, a mistake of the code that started them.",
                 f"sum(increase(contrail_span_abandoned_total{{{CHOSEN}}}[$__range])) or vector(0)", unit="short", decimals=0,
                 thresholds=steps(GREEN, (ORANGE, 1))),
            stat("Series", "Series of the services' metrics; a metric has at most 2,000.",
                 f"sum(scrape_samples_post_metric_relabeling{{{OURS}}})", unit="short",
                 thresholds=steps(GREEN, (ORANGE, 20000))),
            timeseries("Started", "Spans a second by what the sampler decided.",
                       (f"sum by (job, otel_span_sampling_result) (rate(otel_sdk_span_started_total{{{CHOSEN}}}[{RATE}]))",
                        "{{job}} {{otel_span_sampling_result}}"), unit="ops", stack=True),
            timeseries("Left the processor", "Dropped ones have an error.",
                       (f"sum by (job, error_type) (rate(otel_sdk_processor_span_processed_total{{{CHOSEN}}}[{RATE}]))",
                        "{{job}} {{error_type}}"), unit="ops", stack=True),
            timeseries("Exported", "Whose export ended, by why it failed.",
                       (f"sum by (job, error_type) (rate(otel_sdk_exporter_span_exported_total{{{CHOSEN}}}[{RATE}]))",
                        "{{job}} {{error_type}}"), unit="ops", stack=True),
        ]),
        ("Queue and export", [
            timeseries("Queue", "Spans that wait for their export; the capacity is 2048 unless it is configured.",
                       (f"sum by (job, instance) (otel_sdk_processor_span_queue_size{{{CHOSEN}}})", "{{job}} {{instance}}"),
                       unit="short", limit=[(RED, 2048)]),
            timeseries("Being exported", "Spans of batches that are under way.",
                       (f"sum by (job, instance) (otel_sdk_exporter_span_inflight{{{CHOSEN}}})", "{{job}} {{instance}}"),
                       unit="short"),
            timeseries("Duration of an export", "On average, with its repetitions.", (f"""
                sum by (job) (rate(otel_sdk_exporter_operation_duration_seconds_sum{{{CHOSEN}}}[{RATE}]))
                / (sum by (job) (rate(otel_sdk_exporter_operation_duration_seconds_count{{{CHOSEN}}}[{RATE}])) > 0)
                """, "{{job}}"), unit="s"),
            timeseries("Live", "Spans that have not ended. A rising line is a leak.",
                       (f"sum by (job) (otel_sdk_span_live{{{CHOSEN}}})", "{{job}}"), unit="short"),
            timeseries("Answers of the backend", "Exports by HTTP status; no status: there was no answer.", (f"""
                sum by (http_response_status_code, error_type)
                  (rate(otel_sdk_exporter_operation_duration_seconds_count{{{CHOSEN}}}[{RATE}]))
                """, "{{http_response_status_code}} {{error_type}}"), unit="ops", stack=True),
            timeseries("Jaeger: spans taken, refused, not stored", "What Jaeger itself counts.",
                       (f'sum(rate({{__name__=~"otelcol_receiver_accepted_spans(_total)?"}}[{RATE}]))', "taken"),
                       (f'sum(rate({{__name__=~"otelcol_receiver_refused_spans(_total)?"}}[{RATE}]))', "refused"),
                       (f'sum(rate({{__name__=~"otelcol_exporter_send_failed_spans(_total)?"}}[{RATE}]))', "not stored"),
                       unit="ops", no_value="Jaeger is not scraped"),
        ]),
        ("Unsampled traces that are kept after all", [
            timeseries("Kept, by reason", "Traces that the sampler dropped and that turned out to be late, failed or retried.",
                       (f"sum by (reason) (increase(contrail_trace_kept_total{{{CHOSEN}}}[$__rate_interval]))", "{{reason}}"),
                       unit="short", bars=True, stack=True),
            timeseries("Refused, and untold", "Too many in a short time; or other services could not be told.",
                       (f"sum by (job) (increase(contrail_trace_keep_refused_total{{{CHOSEN}}}[$__rate_interval]))",
                        "{{job}} refused"),
                       (f"sum by (job) (increase(contrail_trace_keep_untold_total{{{CHOSEN}}}[$__rate_interval]))",
                        "{{job}} untold"), unit="short", bars=True),
            timeseries("Memory for them", "Of the spans that are held for a verdict; 32 MiB at most unless it is configured.",
                       (f"sum by (job, instance) (contrail_trace_tail_held_bytes{{{CHOSEN}}})", "{{job}} {{instance}}"),
                       unit="bytes"),
            timeseries("Promoted and evicted", "Held spans that were exported, and those that made room for newer ones.",
                       (f"sum by (outcome) (rate(contrail_trace_tail_spans_total{{{CHOSEN}}}[{RATE}]))", "{{outcome}}"),
                       unit="ops"),
            timeseries("How far back a verdict reaches", "Age of the oldest trace that is held.",
                       (f"max by (job) (time() - contrail_trace_tail_oldest_timestamp_seconds{{{CHOSEN}}})", "{{job}}"),
                       unit="s", no_value="everything is sampled"),
            timeseries("Callers who force sampling", "Callers that are not trusted and wanted their traces sampled.",
                       (f"sum by (job, outcome) (rate(contrail_caller_sampling_total{{{CHOSEN}}}[{RATE}]))",
                        "{{job}} {{outcome}}"), unit="ops"),
        ]),
        ("Metrics", [
            timeseries("Duration of a scrape", "How long Prometheus waits for each process.",
                       (f"scrape_duration_seconds{{{OURS}}}", "{{job}} {{instance}}"), unit="s"),
            timeseries("Series by process", "A rising line is a label with too many values.",
                       (f"scrape_samples_scraped{{{OURS}}}", "{{job}} {{instance}}"), unit="short"),
            timeseries("Series that were too many", "Metrics with more than 2,000 series put the rest into one.",
                       (f'count by (job) ({{otel_metric_overflow="true", {CHOSEN}}}) or none(job)', "{{job}}"), unit="short"),
            timeseries("Prometheus", "Samples that it stores, and evaluations of rules that failed.",
                       (f"sum(rate(prometheus_tsdb_head_samples_appended_total[{RATE}]))", "samples"),
                       (f"sum(rate(prometheus_rule_evaluation_failures_total[{RATE}]))", "failed evaluations"), unit="ops"),
            timeseries("Exemplars", "That Prometheus keeps; the oldest make room.",
                       ("sum(prometheus_tsdb_exemplar_exemplars_in_storage)", "kept"), unit="short"),
            timeseries("Alertmanager", "Notifications that it sent, and those that failed, by receiver.",
                       (f"sum by (integration) (rate(alertmanager_notifications_total[{RATE}])) > 0 or none(integration)",
                        "{{integration}}"),
                       (f"sum by (integration) (rate(alertmanager_notifications_failed_total[{RATE}])) > 0 or none(integration)",
                        "{{integration}} failed"), unit="ops"),
        ]),
    ],
    variables=[JOB, INSTANCE],
)
