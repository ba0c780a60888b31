"""Objectives, budgets and burn rates, by the recording rules that are generated from observability/slo (Sloth's names)."""

from model import *

SLO = 'sloth_service=~"$service", sloth_slo=~"$slo"'
NAME = "{{sloth_service}} {{sloth_slo}}"


def burn(window):
    return (f"slo:sli_error:ratio_rate{window}{{{SLO}}} / on (sloth_id, sloth_service, sloth_slo) group_left ()"
            f" slo:error_budget:ratio{{{SLO}}}")


DASHBOARD = dashboard(
    "contrail-slo",
    "What was promised, what is left of the error budgets, and how fast they are used up.",
    [
        ("Budgets", [
            table("Objectives", "Budget left is of 30 days; a burn rate of 1 uses it up in exactly that time.", [
                f"max by (sloth_service, sloth_slo) (slo:objective:ratio{{{SLO}}})",
                f"min by (sloth_service, sloth_slo) (slo:period_error_budget_remaining:ratio{{{SLO}}})",
                f"max by (sloth_service, sloth_slo) (slo:current_burn_rate:ratio{{{SLO}}})",
                f"max by (sloth_service, sloth_slo) ({burn('1h')})", f"max by (sloth_service, sloth_slo) ({burn('6h')})",
                f"max by (sloth_service, sloth_slo) (slo:time_period:days{{{SLO}}})",
            ], {"sloth_service": ("Service",), "sloth_slo": ("SLO",), "Value #A": ("Objective", "percentunit"),
                "Value #B": ("Budget left", "percentunit"), "Value #C": ("Burn rate now", "short"),
                "Value #D": ("Burn rate, 1 h", "short"), "Value #E": ("Burn rate, 6 h", "short"),
                "Value #F": ("Period", "d")}, unit="none", width=16),
            table("Alerts about budgets", "Page: act now. Ticket: within the next days.",
                  ['ALERTS{team="shop", sloth_slo=~"$slo"} or ALERTS{team="shop", slo=~"$slo"}'],
                  {"alertname": ("Alert",), "alertstate": ("State",), "severity": ("Severity",), "service": ("Service",),
                   "slo": ("SLO",)}, unit="none", no_value="none"),
            bars("Budget left", "Of 30 days. Below zero: the objective is missed.",
                 f"sort(max by (sloth_service, sloth_slo) (slo:period_error_budget_remaining:ratio{{{SLO}}}))", NAME,
                 unit="percentunit", decimals=1, thresholds=steps(RED, (ORANGE, 0.25), (GREEN, 0.5)), maximum=1,
                 color={"mode": "thresholds"}),
            timeseries("Budget left, over time", "The slope is the burn rate.",
                       (f"min by (sloth_service, sloth_slo) (slo:period_error_budget_remaining:ratio{{{SLO}}})", NAME),
                       unit="percentunit", limit=[(RED, 0)], maximum=1, width=16),
        ]),
        ("Burn rates: short and long windows must both be above the line for an alert", [
            timeseries("Page: 5 m and 1 h", "Dashed: 14.4, which uses 2 % of the budget in an hour.",
                       (burn("5m"), NAME + " 5 m"), (burn("1h"), NAME + " 1 h"), unit="short",
                       limit=[(RED, 14.4)], width=12),
            timeseries("Page: 30 m and 6 h", "Dashed: 6, which uses 5 % of the budget in six hours.",
                       (burn("30m"), NAME + " 30 m"), (burn("6h"), NAME + " 6 h"), unit="short",
                       limit=[(RED, 6)], width=12),
            timeseries("Ticket: 2 h and 1 d", "Dashed: 3, which uses 10 % of the budget in a day.",
                       (burn("2h"), NAME + " 2 h"), (burn("1d"), NAME + " 1 d"), unit="short",
                       limit=[(ORANGE, 3)], width=12),
            timeseries("Ticket: 6 h and 3 d", "Dashed: 1, which uses the budget exactly up.",
                       (burn("6h"), NAME + " 6 h"), (burn("3d"), NAME + " 3 d"), unit="short",
                       limit=[(ORANGE, 1)], width=12),
        ]),
        ("What is measured", [
            timeseries("Error ratios", "Of 5 minutes. No line: nothing was asked of the service.",
                       (f"slo:sli_error:ratio_rate5m{{{SLO}}}", NAME), unit="percentunit"),
            timeseries("Calls: availability", "The raw ratio behind the first objective, with the calls that failed.", query(f"""
                (sum(rate(rpc_server_call_duration_seconds_count{{{API}, error_type!=""}}[{RATE}])) or vector(0))
                / (sum(rate(rpc_server_call_duration_seconds_count{{{API}}}[{RATE}])) > 0)
                """, "failed", exemplars=False), unit="percentunit", links=[jaeger_search("orders", ERROR_TAGS)]),
            timeseries("CreateOrder: duration", "The objective is 250 ms for 99 %, the dashed line. Dots are single orders: open the slow ones.",
                *(query(f"""
                histogram_quantile({q}, sum by (le)
                  (rate(rpc_server_call_duration_seconds_bucket{{job="orders", rpc_method=~".*/CreateOrder"}}[{RATE}])))
                """, f"{int(q * 100)} %", exemplars=q == 0.99) for q in (0.99, 0.5)), unit="s", limit=[(RED, 0.25)],
                links=[jaeger_search("orders")]),
        ]),
    ],
    variables=[label_variable("service", "slo:objective:ratio", "sloth_service"),
               label_variable("slo", 'slo:objective:ratio{sloth_service=~"$service"}', "sloth_slo")],
)
