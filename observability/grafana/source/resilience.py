"""Breakers, retries, budgets, bulkheads, deadlines: how calls to others are protected, and what it costs."""

from model import *

TARGET = f'{CHOSEN}, name=~"$target"'
STATE = " or ".join(
    f'{number} * circuit_breaker_state{{{TARGET}, state="{state}"}}'
    for number, state in [(0, "closed"), (1, "half_open"), (2, "open"), (3, "forced_open"), (4, "disabled")]
)

DASHBOARD = dashboard(
    "contrail-resilience",
    "Are calls to others refused, repeated, queued or cut off, and does it help?",
    [
        ("Circuit breakers", [
            states("State of each breaker", "Open: calls are refused at once. Half open: a few calls decide what follows.",
                   f"sum by (job, instance, name) ({STATE})", "{{job}} → {{name}} ({{instance}})", STATES["breaker"], width=16,
                   links=[jaeger_search("${__field.labels.job}", ERROR_TAGS)]),
            timeseries("Changes of the state", "Flapping: the open time is too short, or the target fails under load only.", (f"""
                sum by (job, name, from, to) (increase(circuit_breaker_transitions_total{{{TARGET}}}[$__rate_interval]))
                or none(to)
                """, "{{job}} → {{name}}: {{from}} to {{to}}"), unit="short", bars=True),
            timeseries("Calls by what the breaker made of them", "Rejected ones never reached the target.",
                       (f"sum by (name, outcome) (rate(circuit_breaker_calls_total{{{TARGET}}}[{RATE}]))",
                        "{{name}} {{outcome}}"), unit="reqps", stack=True, width=12),
            timeseries("Share of bad calls", """
                Failed or slow, of those that reached the target. A breaker opens at half of at least 20 calls in 10 s, unless it is
                configured otherwise.
                """, (f"""
                sum by (job, name) (rate(circuit_breaker_calls_total{{{TARGET}, outcome=~"failure|slow"}}[{RATE}]))
                / (sum by (job, name) (rate(circuit_breaker_calls_total{{{TARGET}, outcome=~"success|failure|slow"}}[{RATE}])) > 0)
                """, "{{job}} → {{name}}"), unit="percentunit", limit=[(RED, 0.5)], maximum=1, width=12),
        ]),
        ("Retries and their budget", [
            timeseries("Attempts", "By number and outcome: what the second and third attempts are worth.",
                       (f"sum by (name, attempt, outcome) (rate(retry_attempts_total{{{TARGET}}}[{RATE}]))",
                        "{{name}} attempt {{attempt}}: {{outcome}}"), unit="reqps", stack=True),
            timeseries("Attempts for each call", "1 is no retries; more than 1.1 for long means that the target is ill.", (f"""
                sum by (job, name) (rate(retry_attempts_total{{{TARGET}}}[{RATE}]))
                / (sum by (job, name) (rate(retry_attempts_total{{{TARGET}, attempt="1"}}[{RATE}])) > 0)
                """, "{{job}} → {{name}}"), unit="short", limit=[(ORANGE, 1.1)], decimals=2),
            timeseries("Budget", "Tokens that are left; there are no retries below half, the dashed line.",
                       (f"min by (job, name) (retry_budget_tokens{{{TARGET}}})", "{{job}} → {{name}}"), unit="short",
                       limit=[(ORANGE, 10)]),
            timeseries("Given up", "Calls that failed although they were repeated, and retries that the budget did not allow.",
                       (f"sum by (job, name) (increase(retry_exhausted_total{{{TARGET}}}[$__rate_interval]))",
                        "{{job}} → {{name}}: no more attempts"),
                       (f"sum by (job, name) (increase(retry_throttled_total{{{TARGET}}}[$__rate_interval]))",
                        "{{job}} → {{name}}: no budget"), unit="short", bars=True, width=24, height=6),
        ]),
        ("Bulkheads and deadlines", [
            timeseries("Calls under way", "At the limit (64 for users, 16 for smtp by default) calls wait, then are refused.",
                       (f"sum by (job, name) (bulkhead_in_flight{{{TARGET}}})", "{{job}} → {{name}}"), unit="short"),
            timeseries("Refused by a bulkhead", "Too many others were under way.",
                       (f"sum by (job, name) (increase(bulkhead_rejected_total{{{TARGET}}}[$__rate_interval]))",
                        "{{job}} → {{name}}"), unit="short", bars=True),
            timeseries("Deadlines that passed", """
                By where the call was: admission, bulkhead, backoff, attempt. On the server's side handler, and admission for calls that
                came too late.
                """, (f"sum by (job, stage) (increase(deadline_exceeded_total{{{CHOSEN}}}[$__rate_interval]))",
                      "{{job}} {{stage}}"), unit="short", bars=True),
            timeseries("Duration of protected calls", "Attempts as the caller sees them, 99th percentile; dots open traces.",
                       query(f"""
                histogram_quantile(0.99, sum by (le, job) (rate(rpc_client_call_duration_seconds_bucket{{{CHOSEN}}}[{RATE}])))
                """, "{{job}}", exemplars=True), unit="s", width=12),
            heatmap("Attempts, every one", "Attempts to call another service; dots open traces.",
                    f"sum by (le) (increase(rpc_client_call_duration_seconds_bucket{{{CHOSEN}}}[{RATE}]))", width=12),
        ]),
    ],
    variables=[JOB, INSTANCE, label_variable("target", 'circuit_breaker_state{job=~"$job"}', "name")],
)
