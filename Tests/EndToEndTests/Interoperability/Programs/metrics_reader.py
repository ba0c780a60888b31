"""Reads Prometheus text with prometheus_client's parser and prints the types of its families as one line of JSON.

    metrics_reader.py FILE
"""

import json
import sys

from prometheus_client.parser import text_fd_to_metric_families

with open(sys.argv[1], encoding="utf-8") as file:
    families = list(text_fd_to_metric_families(file))
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
print(json.dumps({family.name: family.type for family in families}))
