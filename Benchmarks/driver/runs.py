"""Runs the rows: every program in turn, round after round, so that whatever disturbs the machine disturbs all alike."""

import json
import os
import subprocess
import time
import urllib.request
from contextlib import contextmanager

import broker
import builds
import report
import service
from builds import Problem, say

MICRO = {"T1", "T2", "T3", "T4", "M1", "M2", "M3"}
BROKER = {"N1", "N2", "N3", "N4"}


class Results:
    """Results by row and name: the best of all rounds, which is what the method of short windows is about."""

    def __init__(self):
        self.rows = {}
        self.missing = {}

    def add(self, line):
        values = {key: value for key, value in line.items() if key not in ("row", "name")}
        old = self.rows.setdefault(line["row"], {}).setdefault(line["name"], {})
        if line["name"].endswith("2 threads"):
            # A median: that of the round with the most undisturbed windows, not the lowest.
            if values["windows"] > old.get("windows", 0):
                old.update(values)
            return
        for key, value in values.items():
            if key == "windows":
                old[key] = old.get(key, 0) + value
            elif key == "rate":
                old[key] = max(old.get(key, value), value)
            elif key in ("ns", "p10", "allocs"):
                old[key] = min(old.get(key, value), value)
            elif key == "lost":
                old[key] = max(old.get(key, value), value)
            else:
                old[key] = value

    def run(self, command, environment=None):
        for line in lines_of(command, environment):
            self.add(line)

    def is_there(self, row, peer, path):
        """Whether a peer can be run; otherwise it is remembered as missing."""
        if isinstance(path, str):
            self.missing.setdefault(row, {})[peer] = path
            return False
        return True


def lines_of(command, environment=None):
    """Runs a program and returns the results that it prints."""
    text = builds.run(command, "a benchmark", env={**os.environ, **(environment or {})})
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def run(rows, quick):
    begin = time.monotonic()
    # Everything is built before anything is measured.
    micro = builds.swift("contrail-micro") if MICRO & set(rows) else None
    encode = builds.swift("contrail-encode") if {"T5", "T6"} & set(rows) else None
    echo = builds.swift("contrail-echo") if {"T7", "M3"} & set(rows) else None
    nats = builds.swift("contrail-nats") if BROKER & set(rows) else None
    if set(rows) - BROKER:
        builds.go(), builds.prometheus_cpp(), builds.floor(), builds.sink(), builds.malloc_counter()
        builds.protobuf_c()
    if BROKER & set(rows):
        builds.nats_c()
    built = time.monotonic()

    results = Results()
    for row in rows:
        say(f"{row}: measuring")
        if row in MICRO:
            micro_row(results, row, micro, quick)
        if row == "T2":
            # Go's span with its batch processor is the peer of this row too.
            if results.is_there(row, "go", builds.go()):
                for line in lines_of([builds.go(), "-repeats", 40 if quick else 400, "T1"]):
                    if line["name"] == "go, batch processor":
                        results.add({**line, "row": "T2"})
        if row == "T5":
            encoding_row(results, encode, quick)
        if row == "T6":
            pipeline_row(results, encode, quick)
        if row == "T7":
            service_row(results, echo, quick)
        if row == "M3":
            scraped_service_row(results, echo, quick)
        if row in BROKER:
            broker.measure(row, results, nats, quick)
        for name, values in results.rows.get(row, {}).items():
            say(f"  {name}: " + ", ".join(f"{key} {shown(value)}" for key, value in values.items()))
        for name, reason in results.missing.get(row, {}).items():
            say(f"  {name}: {reason}")
    say(f"measured in {time.monotonic() - built:.0f} s, after {built - begin:.0f} s of building")
    if quick:
        say("nothing was written: quick results are no results")
        return 0
    report.store(rows, results)
    return report.render()


def shown(value):
    return value if isinstance(value, str) else f"{value:.6g}"


def micro_row(results, row, ours, quick):
    rounds, repeats = (1, 40) if quick else (4, 150)
    programs = [[ours, row, "--repeats", repeats]]
    if row == "T2":
        programs.append([ours, row, "--repeats", repeats, "--tracer", "noop"])
    elif results.is_there(row, "go, client_golang", builds.go()):
        programs.append([builds.go(), "-repeats", repeats, row])
    if row in ("T1", "T4", "M1", "M2", "M3"):
        programs.append([builds.floor(), "--repeats", repeats, row])
    if row in ("M1", "M2", "M3") and results.is_there(row, "prometheus-cpp", builds.prometheus_cpp()):
        programs.append([builds.prometheus_cpp(), "--repeats", min(repeats, 60) if row == "M3" else repeats, row])
    for _ in range(rounds):
        for program in programs:
            results.run(program)
    if row != "T2" and results.is_there(row, "python SDK, prometheus_client", builds.python()):
        # Slower by orders of magnitude: one round says enough.
        results.run([builds.python(), builds.PEERS / "python/peers.py", "--repeats", repeats, row])
    results.run([ours, row, "--mode", "allocations"], {"LD_PRELOAD": str(builds.malloc_counter())})
    if row == "M3":
        times = {size: results.rows["M3"][f"contrail{label}"]["ns"] for size, label in SIZES.items()}
        results.add(
            {
                "row": "M3",
                "name": "linearity",
                "large": times[100_000] / times[10_000],
                "small": times[10_000] / times[1000],
            }
        )


SIZES = {10_000: "", 1000: ", 1,000 series", 100_000: ", 100,000 series"}


def encoding_row(results, ours, quick):
    rounds, repeats = (1, 40) if quick else (4, 150)
    for _ in range(rounds):
        results.run([ours, "T5", "--repeats", repeats])
        if results.is_there("T5", "protobuf-c", builds.protobuf_c()):
            results.run([builds.protobuf_c(), "--repeats", repeats])
    if results.is_there("T5", "otlp-proto, python SDK", builds.python()):
        results.run([builds.python(), builds.PEERS / "python/peers.py", "--repeats", repeats, "T5"])
    results.run([ours, "T5", "--mode", "allocations"], {"LD_PRELOAD": str(builds.malloc_counter())})


@contextmanager
def running_sink(core=None):
    """A receiver of spans.

    Yields a function that returns what it has counted, and its URL."""
    command = [str(builds.sink())]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise Problem("the receiver of spans did not start")

        def counted():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=10) as answer:
                return json.load(answer)

        yield counted, f"http://127.0.0.1:{port}/v1/traces"
    finally:
        process.kill()
        process.wait()


def pipeline_row(results, ours, quick):
    rounds = 1 if quick else 3
    spans, slow_spans = (65_536, 4096) if quick else (524_288, 16_384)
    with running_sink() as (counted, endpoint):
        for index in range(rounds):
            for compression in ([], ["--compression", "gzip"]):
                common = ["--endpoint", endpoint, *compression]
                programs = [[ours, "T6", "--spans", spans, *common]]
                if results.is_there("T6", "fastotel, python SDK", builds.python()):
                    peers = [builds.python(), builds.PEERS / "python/peers.py"]
                    programs.append([*peers, "--export", "fastotel", "--spans", slow_spans, *common])
                    if index == 0:
                        programs.append([*peers, "--export", "sdk", "--spans", slow_spans // 2, *common])
                for program in programs:
                    before = counted()
                    for line in lines_of(program):
                        after = counted()
                        arrived = after["spans"] - before["spans"]
                        results.add(
                            {
                                "row": "T6",
                                "name": line["name"],
                                "rate": line["spans"] / line["cpu_seconds"],
                                "lost": max(0, line["spans"] - arrived),
                                "bytes": (after["bytes"] - before["bytes"]) / max(1, arrived),
                            }
                        )


def service_row(results, echo, quick):
    if not results.is_there("T7", "h2load", builds.h2load()):
        return
    rounds = 2 if quick else 12
    bare, record = [echo, "--telemetry", "off"], [echo, "--telemetry", "record"]
    with running_sink(core=1) as (counted, endpoint):

        def lost(requests):
            """Spans that have not arrived after the processor's longest delay: there are eight in a request."""
            end = time.monotonic() + 10
            while counted()["spans"] < 8 * requests and time.monotonic() < end:
                time.sleep(0.2)
            return 8 * requests - counted()["spans"]

        export = [echo, "--telemetry", "export", "--endpoint", endpoint]
        results.add({"row": "T7", "name": "export", **service.compare(bare, export, rounds, lost)})
    results.add({"row": "T7", "name": "record", **service.compare(bare, record, rounds)})


def scraped_service_row(results, echo, quick):
    """A scrape of 10,000 series every second, and none, of the same service."""
    if not results.is_there("M3", "h2load", builds.h2load()):
        return
    service_of = [echo, "--telemetry", "record", "--series", "10000"]
    comparison = service.compare(service_of, [*service_of, "--scrape-ms", "1000"], rounds=2 if quick else 8)
    results.add({"row": "M3", "name": "scraped", **comparison})
