"""Rows N1-N4: JetStream. Our programs and the peers take turns at one nats-server, and the ratios get intervals."""

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import builds
from builds import Problem
from service import free_port, interval

# Messages in flight, and messages that wait for their acknowledgement: libnats is fastest with about as many.
WINDOW, AHEAD = 1024, 4096
PYTHON_PEER = builds.PEERS / "python" / "nats_peer.py"


def server_program():
    candidates = (
        os.environ.get("NATS_SERVER"), builds.ROOT / ".tools" / "bin" / "nats-server", shutil.which("nats-server"),
    )  # fmt: skip
    for candidate in candidates:
        if candidate and Path(candidate).exists():
            return Path(candidate)
    return "nats-server is not installed: dev/setup"


@contextlib.contextmanager
def running_server(sync_always=False):
    """A server with a store of its own on the disk of the build.

    Yields its URL."""
    builds.BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nats-", dir=builds.BUILD) as folder:
        port = free_port()
        configuration = Path(folder) / "server.conf"
        sync = ", sync_interval: always" if sync_always else ""
        configuration.write_text(f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{folder}/store"{sync} }}\n')
        process = subprocess.Popen([str(server_program()), "-c", str(configuration), "-l", f"{folder}/log"])
        try:
            wait_for(process, port)
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def wait_for(process, port):
    for _ in range(200):
        if process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
        time.sleep(0.05)
    raise Problem("the nats-server of the rows N1-N4 did not start")


@contextlib.contextmanager
def busy_cores(is_wanted):
    """A loop on each core that runs only when nothing else does, so that no core sleeps and has to be woken."""
    processes = []
    try:
        for core in range(os.cpu_count() or 1) if is_wanted else ():
            command = ["chrt", "--idle", "0", "taskset", "-c", str(core), "sh", "-c", "while :; do :; done"]
            processes.append(subprocess.Popen(command))
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def make_stream(url, **fields):
    """Makes the stream anew: what one run has left must not slow the next."""
    stream = {
        "name": "BENCH", "subjects": ["bench.event"], "storage": "file", "num_replicas": 1, "retention": "limits",
        "duplicate_window": 120_000_000_000, "allow_atomic": True, **fields,
    }  # fmt: skip
    builds.run([builds.nats_c(), url, "stream", json.dumps(stream)], "making a stream")


def run(command):
    """Runs a program.

    Returns what it prints: seconds for one message, or latencies."""
    line = json.loads(builds.run(command, "a row with JetStream").splitlines()[-1])
    return {**line, "each": line["seconds"] / line["count"]} if "seconds" in line else line


def take_turns(programs, rounds, before):
    """Runs the programs forth and back in each round, each after `before`.

    Returns the results of each by round."""
    taken = {name: [] for name in programs}
    for _ in range(rounds):
        this = {name: [] for name in programs}
        for name in (*programs, *reversed(programs)):
            before()
            this[name].append(run(programs[name]))
        for name, results in this.items():
            taken[name].append(results)
    return taken


def compared(ours, peer, value):
    """Ours to peer by a value: the mean over the rounds and its interval, and the median of each."""
    ratios = [
        statistics.fmean(result[value] for result in a) / statistics.fmean(result[value] for result in b)
        for a, b in zip(ours, peer)
    ]
    mean, low, high = interval(ratios)
    return {
        "ratio": mean,
        "ratio_low": low,
        "ratio_high": high,
        "ours": statistics.median(result[value] for both in ours for result in both),
        "peer": statistics.median(result[value] for both in peer for result in both),
    }


def speed(ours, peer):
    """Messages a second, ours to peer."""
    times = compared(peer, ours, "each")
    return {**times, "ours": 1 / times["peer"], "peer": 1 / times["ours"], "unit": "/s"}


def latency(ours, peer, value):
    return {**compared(ours, peer, value), "unit": "µs"}


def measure(row, results, ours, quick):
    if not results.is_there(row, "libnats", builds.nats_c()) or not results.is_there(row, "server", server_program()):
        return
    rounds = 2 if quick else 8
    found = {"N1": publishing, "N2": consuming, "N3": durable, "N4": latencies}[row](results, ours, quick, rounds)
    for name, values in found.items():
        results.add({"row": row, "name": name, **values})


def publishing(results, ours, quick, rounds):
    count = 20_000 if quick else 100_000
    with running_server() as url:
        common = ["--url", url, "--count", count, "--window", WINDOW]
        c = [builds.nats_c(), url, "publish", count, WINDOW]
        programs = {
            "traced": [ours, "traced", *common],
            "bare": [ours, "publish", *common],
            "C": [*c, "plain"],
            "C with headers": [*c, "headers"],
        }
        if python := python_peer(results, "N1"):
            programs["nats-py"] = [*python, url, "publish", count // 20, WINDOW]
        taken = take_turns(programs, rounds, before=lambda: make_stream(url))
        make_stream(url, retention="workqueue")
        messages = 100_000 if quick else 1_000_000
        memory = run([ours, "memory", "--url", url, "--count", messages, "--window", WINDOW])
    found = {
        "traced, against C without headers": speed(taken["traced"], taken["C"]),
        "traced, against C with the same headers": speed(taken["traced"], taken["C with headers"]),
        "without headers, against C without headers": speed(taken["bare"], taken["C"]),
        "memory": {
            "messages": messages, "growth": memory["highest_kb"] / memory["early_kb"], "early_kb": memory["early_kb"],
            "highest_kb": memory["highest_kb"],
        },
    }  # fmt: skip
    if "nats-py" in taken:
        found["traced, against nats-py"] = speed(taken["traced"], taken["nats-py"])
    return found


def consuming(results, ours, quick, rounds):
    count = 20_000 if quick else 100_000
    with running_server() as url:
        make_stream(url)
        run([builds.nats_c(), url, "publish", count, WINDOW, "plain"])
        programs = {
            "ours": [ours, "consume", "--url", url, "--count", count, "--window", AHEAD],
            "C": [builds.nats_c(), url, "consume", count, AHEAD],
        }
        taken = take_turns(programs, rounds, before=lambda: None)
    return {"consume, against C": speed(taken["ours"], taken["C"])}


def durable(results, ours, quick, rounds):
    count = 20_000 if quick else 100_000
    with running_server(sync_always=True) as url:
        programs = {
            "ours": [ours, "batch", "--url", url, "--count", count, "--window", 4],
            "C": [builds.nats_c(), url, "publish", 2000 if quick else 8000, WINDOW, "headers"],
        }
        if python := python_peer(results, "N3"):
            programs["nats-py"] = [*python, url, "batch", count // 5]
        taken = take_turns(programs, rounds, before=lambda: make_stream(url))
    found = {"batches, against C message by message": speed(taken["ours"], taken["C"])}
    if "nats-py" in taken:
        found["batches, against batches of nats-py"] = speed(taken["ours"], taken["nats-py"])
    return found


def latencies(results, ours, quick, rounds):
    count = 1000 if quick else 2000
    found = {}
    with running_server() as url:
        for regime, is_busy in (("idle", False), ("spinning", True)):
            c = [builds.nats_c(), url, "latency", count]
            programs = {
                "ours": [ours, "latency", "--url", url, "--count", count],
                "C": [*c, "asap"],
                "default": [*c, "default"],
            }
            with busy_cores(is_busy):
                taken = take_turns(programs, rounds, before=lambda: make_stream(url))
            for value, name in (("p50_us", "median"), ("p99_us", "99th percentile")):
                found[f"{name}, {regime}, against C"] = latency(taken["ours"], taken["C"], value)
            default = latency(taken["ours"], taken["default"], "p50_us")
            found[f"median, {regime}, against C without SendAsap"] = default
    return found


def python_peer(results, row):
    """The command of nats-py, if it is installed."""
    python = builds.python()
    if not isinstance(python, str) and not builds.output(python, "-c", "import nats; print(nats)"):
        python = "not installed: dev/bench --install"
    return [python, PYTHON_PEER] if results.is_there(row, "nats-py", python) else None
