"""Reads metrics with prometheus_client's parsers and prints the types of their families as one line of JSON.

    metrics_reader.py FILE [openmetrics]

Exemplars are checked and counted under the name "exemplars".
"""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

is_openmetrics = sys.argv[2:] == ["openmetrics"]
# Line feeds end lines and nothing else does.
with open(sys.argv[1], encoding="utf-8", newline="\n") as file:
    module = openmetrics_parser if is_openmetrics else parser
    families = list(module.text_fd_to_metric_families(file))
exemplars = 0
for family in families:
    bound = {}
    for sample in family.samples:
        series = tuple(sorted(pair for pair in sample.labels.items() if pair[0] != "le"))
        lower, bound[series] = bound.get(series, float("-inf")), float(sample.labels.get("le", "inf"))
        if sample.exemplar is not None:
            exemplars += 1
            assert set(sample.exemplar.labels) == {"trace_id", "span_id"}, sample
            assert lower < sample.exemplar.value <= bound[series] or family.type == "counter", sample
            assert sample.exemplar.timestamp is not None, sample
seen = set()
for family in families:
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        assert key not in seen, f"{key} is there twice"
        seen.add(key)
    if family.type == "histogram":
        counts = {}
        for sample in family.samples:
            labels = tuple(sorted(pair for pair in sample.labels.items() if pair[0] != "le"))
            series = counts.setdefault(labels, {"buckets": []})
            if sample.name.endswith("_bucket"):
                series["buckets"].append((float(sample.labels["le"]), sample.value))
            else:
                series[sample.name.rsplit("_", 1)[1]] = sample.value
        for labels, series in counts.items():
            bounds = [bound for bound, _ in series["buckets"]]
            values = [value for _, value in series["buckets"]]
            assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), f"{family.name} {labels}: {bounds}"
            assert values == sorted(values) and values[-1] == series["count"], f"{family.name} {labels}: {values}"
            assert "sum" in series, f"{family.name} {labels} has no sum"
types = {family.name: family.type for family in families}
print(json.dumps({**types, "exemplars": str(exemplars)} if is_openmetrics else types))
