"""Gauges that every replica of a service shows alike, and queries that would count them once for each replica.

What waits in a stream or in the tables is read by all replicas, and each of them tells all of it. So such a gauge is asked
for by `max`, and a sum is of these. Which gauges these are, the sources say: the two files that register them.
"""

import json
import re
from pathlib import Path

import promql_parser

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["Sources/Notifications/NotificationWatch.swift", "Sources/ServiceRuntime/Building/NotificationGauges.swift"]


def shared_gauges(root: Path) -> dict[str, set[str]]:
    """By gauge, the labels that tell its series apart: what a sum of them must keep."""
    names = set()
    for path in SOURCES:
        text = (ROOT / path).read_text(encoding="utf-8")
        found = re.findall(r'\bgauge\(\s*(?:registry,\s*)?"(\w+)"', text)
        if not found:
            raise ValueError(f"{path} registers no gauges; say in dev/ops/replicas.py where they are now")
        names |= set(found)
    metrics = json.loads((root / "observability/signals.json").read_text(encoding="utf-8"))["metrics"]
    return {
        metric["name"]: set(metric["labels"]) | ({"job"} if len(metric["services"]) > 1 else set())
        for metric in metrics
        if metric["name"] in names
    }


def problems(expression: str, gauges: dict[str, set[str]]):
    """What is wrong with an expression. Nothing when it does not parse: that is another check."""
    try:
        stack = [(promql_parser.parse(expression), ())]
    except ValueError:
        return
    while stack:
        node, parents = stack.pop()
        if isinstance(node, promql_parser.VectorSelector) and node.name in gauges:
            yield from wrong(node, parents, gauges[node.name])
        children = [getattr(node, key, None) for key in ("expr", "lhs", "rhs", "vector_selector", "param")]
        children += getattr(node, "args", None) or []
        stack += [(child, (*parents, node)) for child in children if isinstance(child, promql_parser.Expr)]


def wrong(selector, parents, labels):
    aggregates = [parent for parent in parents if isinstance(parent, promql_parser.AggregateExpr)]
    calls = {parent.func.name for parent in parents if isinstance(parent, promql_parser.Call)}
    operators = [str(aggregate.op) for aggregate in aggregates]
    if calls & {"absent", "absent_over_time"} or operators[-2:] == ["count", "count"]:
        return  # Whether there is any.
    if not operators or operators[-1] not in ("max", "min"):
        yield f"{selector.name} is told by each replica: take the max by {', '.join(sorted(labels))} first"
        return
    modifier = aggregates[-1].modifier
    kept = set(modifier.labels) if modifier is not None and str(modifier.type).endswith("By") else set()
    kept |= {matcher.name for matcher in selector.matchers.matchers if str(matcher.op) == "MatchOp.Equal"}
    if "sum" in operators and labels - kept:
        yield f"{selector.name} is told for each {' and '.join(sorted(labels - kept))}, of which the sum takes only the greatest"
