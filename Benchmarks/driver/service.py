"""Compares two gRPC servers under load: CPU time of a request and its latency, as ratios with confidence intervals."""

import random
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import builds
from builds import Problem

CONNECTIONS, STREAMS, REQUESTS = 4, 8, 6000
# A gRPC message of 64 bytes: not compressed, its length, its bytes.
BODY = b"\0\0\0\0\x40" + bytes(range(64))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server on core 0."""

    def __init__(self, command):
        self.port = free_port()
        program, *arguments = map(str, command)
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", program, "--port", str(self.port), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_until_it_listens(self):
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise Problem("the gRPC server of T7 did not start")

    def cpu(self):
        """CPU seconds of the process, all threads, to the nanosecond: its CPU clock (clock_getcpuclockid)."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def load(self, folder, requests=REQUESTS):
        """Sends requests from core 1.

        Returns the CPU microseconds of one and its latencies in microseconds, ascending."""
        body, log = folder / "body", folder / "log"
        body.write_bytes(BODY)
        log.unlink(missing_ok=True)
        before = self.cpu()
        text = builds.run(
            [
                "taskset", "-c", "1", builds.h2load(), "-n", requests, "-c", CONNECTIONS, "-m", STREAMS,
                "-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers", f"--log-file={log}",
                f"http://127.0.0.1:{self.port}/bench.Echo/Unary",
            ],
            "h2load",
        )  # fmt: skip
        cpu = self.cpu() - before
        # A call that fails has status 200 too, but no message.
        if f"{requests} succeeded" not in text or f"({len(BODY) * requests}) data" not in text:
            raise Problem(f"requests failed:\n{text}")
        latencies = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
        return cpu / requests * 1e6, latencies


def percentile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))]


def interval(ratios):
    """The mean of ratios and its 95 % confidence interval, by bootstrap."""
    generator = random.Random(1)
    means = sorted(statistics.fmean(generator.choices(ratios, k=len(ratios))) for _ in range(10_000))
    return statistics.fmean(ratios), means[250], means[9750]


def compare(bare, full, rounds, lost=None):
    """Runs both servers side by side and loads them in turn: A B B A in each round.

    `lost` is asked at the end, while the servers still run, for what is missing of so many requests to the full one."""
    servers = [Server(bare), Server(full)]
    try:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            for server in servers:
                server.wait_until_it_listens()
                server.load(folder)
            cpu, p50, p99 = [], [], []
            totals = ([], [])
            for _ in range(rounds):
                taken = ([], [])
                for which in (0, 1, 1, 0):
                    result = servers[which].load(folder)
                    taken[which].append(result)
                    totals[which].append(result)

                def ratio(of):
                    return statistics.fmean(map(of, taken[1])) / statistics.fmean(map(of, taken[0]))

                cpu.append(ratio(lambda result: result[0]))
                p50.append(ratio(lambda result: percentile(result[1], 0.5)))
                p99.append(ratio(lambda result: percentile(result[1], 0.99)))
            missing = lost((1 + 2 * rounds) * REQUESTS) if lost else None
    finally:
        for server in servers:
            server.stop()
    values = {} if missing is None else {"lost": missing}
    for name, ratios in (("cpu", cpu), ("p50", p50), ("p99", p99)):
        mean, low, high = interval(ratios)
        values |= {f"{name}_ratio": mean, f"{name}_ratio_low": low, f"{name}_ratio_high": high}
    for which, label in enumerate(("bare", "full")):
        values[f"{label}_cpu_us"] = statistics.median(result[0] for result in totals[which])
        values[f"{label}_p50_us"] = statistics.median(percentile(result[1], 0.5) for result in totals[which])
        values[f"{label}_p99_us"] = statistics.median(percentile(result[1], 0.99) for result in totals[which])
    return values
