"""Parses expositions with prometheus_client's two parsers, for the differential tests.

    expositions.py CASES ANSWERS

Both files are JSON lines. A case is {"text": …, "openMetrics": …}; an answer has the families of each, or why it is
refused. Numbers are texts, because JSON has neither infinities nor NaN. Ends with the number of answers.
"""

import io
import json
import sys

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text


def nanoseconds(timestamp):
    return timestamp.sec * 1_000_000_000 + timestamp.nsec


def sample(parsed):
    result = {"name": parsed.name, "labels": parsed.labels, "value": repr(float(parsed.value))}
    if parsed.timestamp is not None:
        result["timestamp"] = str(parsed.timestamp)
    if parsed.exemplar:
        result["exemplar"] = {
            "labels": parsed.exemplar.labels,
            "value": repr(float(parsed.exemplar.value)),
            "nanoseconds": nanoseconds(parsed.exemplar.timestamp),
        }
    return result


def families(parse, exposition):
    try:
        # No universal newlines: only \n ends a line of the formats.
        parsed = list(parse(io.StringIO(exposition, newline="\n")))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {
        "families": [
            {
                "name": family.name,
                "type": family.type,
                "help": family.documentation,
                "unit": family.unit,
                "samples": [sample(one) for one in family.samples],
            }
            for family in parsed
        ]
    }


def main():
    cases, answers = sys.argv[1:]
    count = 0
    with open(cases, encoding="utf-8", newline="\n") as source, open(answers, "w", encoding="utf-8") as target:
        for line in source:
            case = json.loads(line)
            answer = {
                "text": families(text.text_fd_to_metric_families, case["text"]),
                "openMetrics": families(openmetrics.text_fd_to_metric_families, case["openMetrics"]),
            }
            target.write(json.dumps(answer) + "\n")
            count += 1
    print(count)


main()
