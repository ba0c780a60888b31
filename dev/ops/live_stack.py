"""The stack of `contrail up` with a real Prometheus beside it, and some minutes of a shop's life, good and bad.

For dev/ops/check-queries and dev/preview-dashboards. As root it all runs in a network of its own, so that the documented ports
are free and nothing else is disturbed; otherwise nothing else may listen on them.
"""

import ctypes
import fcntl
import glob
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ADDRESSES = {
    "users:9101": "127.0.0.1:9101", "orders:9102": "127.0.0.1:9102", "notifications:9103": "127.0.0.1:9103",
    "nats-exporter:7777": "127.0.0.1:7777", "postgres-exporter:9187": "127.0.0.1:9187", "localhost:9090": "127.0.0.1:9090",
    "alertmanager:9093": "127.0.0.1:9093",
    "alert-enricher:9094": "127.0.0.1:9094",
}
# Neither Jaeger nor Grafana can be installed here.
ABSENT_JOBS = {"jaeger", "jaeger-spanmetrics", "grafana"}
PROMETHEUS = "http://127.0.0.1:9090"


def programs():
    """The folder with the programs, or nothing when they are not built."""
    folders = [os.environ.get("CONTRAIL_PROGRAMS"), ROOT / ".build/debug", ROOT / ".build/release"]
    for folder in filter(None, folders):
        names = ("contrail", "users-service", "orders-service", "notifications-service")
        if all((pathlib.Path(folder) / name).exists() for name in names):
            return pathlib.Path(folder)
    return None


def tool(name):
    """A program of .tools/bin or of the machine."""
    own = ROOT / ".tools/bin" / name
    found = str(own) if own.exists() else shutil.which(name)
    if not found:
        sys.exit(f"error: {name} is missing; run dev/setup --ops")
    return found


def isolate():
    """Moves this process into an empty network with a loopback device, if it may."""
    new_network = 0x40000000
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(new_network) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up_and_running = struct.pack("16sh", b"lo", 0x41)
        fcntl.ioctl(any_socket, 0x8914, up_and_running)


def get(url, timeout=10):
    # No proxy of the environment may come in between.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=timeout) as answer:
        return answer.read().decode()


class NATSExporter(http.server.BaseHTTPRequestHandler):
    """Stands in for prometheus-nats-exporter, which no package of Debian has: the same names from the same endpoints."""

    SERVER = {"gnatsd_varz_connections": "connections", "gnatsd_varz_mem": "mem", "gnatsd_varz_slow_consumers": "slow_consumers"}
    JETSTREAM = {"jetstream_server_total_messages": "messages", "jetstream_server_total_message_bytes": "bytes"}
    STREAM = {
        "jetstream_stream_total_messages": "messages", "jetstream_stream_total_bytes": "bytes",
        "jetstream_stream_first_seq": "first_seq", "jetstream_stream_last_seq": "last_seq",
        "jetstream_stream_consumer_count": "consumer_count",
    }
    CONSUMER = {f"jetstream_consumer_{name}": name for name in ("num_ack_pending", "num_pending", "num_redelivered", "num_waiting")}

    def do_GET(self):
        varz = json.loads(get("http://127.0.0.1:8222/varz"))
        jsz = json.loads(get("http://127.0.0.1:8222/jsz?consumers=true&config=true"))
        server = {"server_id": varz["server_id"]}
        lines = []

        def line(name, labels, value):
            lines.append(name + "{" + ",".join(f'{key}="{text}"' for key, text in labels.items()) + f"}} {value}")

        for name, key in self.SERVER.items():
            line(name, server, varz[key])
        for name, key in self.JETSTREAM.items():
            line(name, server, jsz[key])
        line("jetstream_server_jetstream_disabled", server, 0)
        line("jetstream_server_max_storage", server, jsz["config"]["max_storage"])
        for account in jsz["account_details"]:
            for stream in account.get("stream_detail", []):
                labels = {**server, "account": account["name"], "stream_name": stream["name"], "is_stream_leader": "true"}
                for name, key in self.STREAM.items():
                    line(name, labels, stream["state"][key])
                for consumer in stream.get("consumer_detail", []):
                    own = {**labels, "consumer_name": consumer["name"], "is_consumer_leader": "true"}
                    for name, key in self.CONSUMER.items():
                        line(name, own, consumer.get(key, 0))
                    for place in ("delivered", "ack_floor"):
                        line(f"jetstream_consumer_{place}_consumer_seq", own, consumer[place]["consumer_seq"])
                        line(f"jetstream_consumer_{place}_stream_seq", own, consumer[place]["stream_seq"])
        body = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class LiveStack:
    """Everything that runs, in a folder that goes away with it."""

    def __init__(self, folder_with_programs, interval="2s"):
        self.programs = pathlib.Path(folder_with_programs)
        self.interval = interval
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="contrail-live-"))
        self.folder.chmod(0o755)
        self.processes = []
        self.begin = time.time()
        self.environment = {
            **os.environ, "CONTRAIL_HOME": str(self.folder / "stack"), "NATS_SERVER": tool("nats-server"),
            "CONTRAIL_NOTIFICATION_PROVIDER": "smtp", "CONTRAIL_SMTP_URL": "smtp://127.0.0.1:1025",
            # So that a short stop of the users service shows all that resilience does.
            "CONTRAIL_USERS_BREAKER": "failure=50%,calls=4,window=10s,open=2s", "CONTRAIL_NOTIFICATION_LATE_AFTER": "2s",
            # Half of the traces are sampled by the callers; late and failed ones of the rest are kept.
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2000",
        }

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def run(self, name, *command, environment=None):
        log = open(self.folder / f"{name}.log", "w")
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=subprocess.STDOUT,
                                   env=environment or self.environment, cwd=self.folder)
        self.processes.append((name, process))
        return process

    def wait(self, name, condition, timeout=60):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for other, process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{other} ended: {(self.folder / f'{other}.log').read_text()[-2000:]}")
            try:
                if condition():
                    return
            except (OSError, urllib.error.URLError, KeyError):
                pass
            time.sleep(0.1)
        raise RuntimeError(f"{name} is not ready after {timeout} s")

    def start(self):
        mail = ROOT / "Tests/EndToEndTests/Interoperability/Programs/mail_sink.py"
        (self.folder / "mail").mkdir()
        self.run("mail", sys.executable, mail, "1025", self.folder / "mail")
        self.run("contrail", self.programs / "contrail", "up")
        # Without --forward it prints what it would pass on.
        self.run("alert-enricher", self.programs / "contrail", "alert-enricher", "--listen=127.0.0.1:9094",
                 "--prometheus=http://127.0.0.1:9090", "--jaeger=http://127.0.0.1:16686")
        (self.folder / "alertmanager.yml").write_text(
            "route: {receiver: enricher, group_wait: 1s}\n"
            "receivers: [{name: enricher, webhook_configs: [{url: 'http://127.0.0.1:9094/alerts'}]}]\n"
        )
        self.run("alertmanager", *self.alertmanager(), f"--config.file={self.folder}/alertmanager.yml",
                 f"--storage.path={self.folder}/alertmanager", "--web.listen-address=127.0.0.1:9093",
                 "--cluster.listen-address=")
        self.wait("the stack", lambda: "Ctrl-C stops everything" in (self.folder / "contrail.log").read_text())
        self.make_role_of_exporter((self.folder / "stack/postgres/superuser-password").read_text().strip())
        self.run("postgres-exporter", tool("prometheus-postgres-exporter"), "--web.listen-address=127.0.0.1:9187", environment={
            **os.environ, "DATA_SOURCE_URI": "127.0.0.1:5432/postgres?sslmode=disable", "DATA_SOURCE_USER": "exporter",
            "DATA_SOURCE_PASS_FILE": str(ROOT / "deploy/compose/secrets/postgres-exporter")})
        exporter = http.server.ThreadingHTTPServer(("127.0.0.1", 7777), NATSExporter)
        # Who does not wait for an answer while NATS is stopped has a reason.
        exporter.handle_error = lambda *_: None
        threading.Thread(target=exporter.serve_forever, daemon=True).start()
        self.run("prometheus", tool("prometheus"), f"--config.file={self.configuration()}",
                 f"--storage.tsdb.path={self.folder}/tsdb", "--enable-feature=exemplar-storage",
                 "--web.listen-address=127.0.0.1:9090")
        self.wait("Prometheus", lambda: get(PROMETHEUS + "/-/ready"))
        self.begin = time.time()

    @staticmethod
    def make_role_of_exporter(password):
        """Makes the role that compose's exporter has: the last part of databases.sh, with the secret that it has there."""
        script = (ROOT / "deploy/compose/postgres/databases.sh").read_text()
        script = script[:script.index("for service in")] + script[script.index("\nrole exporter"):]
        script = script.replace("/run/secrets", str(ROOT / "deploy/compose/secrets"))
        programs = [os.path.dirname(shutil.which("psql") or ""), *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]
        path = ":".join([*filter(None, programs), os.environ["PATH"]])
        subprocess.run(["bash", "-c", script], check=True, env={
            **os.environ, "PATH": path, "PGHOST": "127.0.0.1", "PGPORT": "5432", "PGPASSWORD": password})

    @staticmethod
    def alertmanager():
        """The command. Debian's build reads templates from /usr/share, where they are not when it was only unpacked: then it
        gets empty ones there, in a file system of its own."""
        templates = "/usr/share/prometheus/alertmanager"
        if os.path.exists(f"{templates}/default.tmpl"):
            return [tool("alertmanager")]
        script = f'mount -t tmpfs none /usr/share && mkdir -p {templates} && cd {templates} && touch default.tmpl email.tmpl && exec "$@"'
        return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", script, "sh",
                tool("alertmanager")]

    def configuration(self):
        """The repository's prometheus.yml and rules with this machine's addresses and a shop's pace that fits in minutes."""
        configuration = yaml.safe_load((ROOT / "prometheus.yml").read_text())
        configuration["global"].update(scrape_interval=self.interval, scrape_timeout=self.interval, evaluation_interval="2s")
        configuration["scrape_configs"] = [
            job for job in configuration["scrape_configs"] if job["job_name"] not in ABSENT_JOBS]
        for job in configuration["scrape_configs"]:
            if job["job_name"] in ("nats", "postgres"):
                # They ask others before they answer, on a machine that is busy.
                job.update(scrape_interval="3s", scrape_timeout="3s")
        rules = self.folder / "rules"
        rules.mkdir()
        for file in sorted(ROOT.glob("observability/prometheus/rules/*.yml")):
            (rules / file.name).write_text(re.sub(r"(?m)^( *)interval: .*$", r"\1interval: 2s", file.read_text()))
        configuration["rule_files"] = [f"{rules}/*.yml"]
        text = yaml.safe_dump(configuration)
        for name, address in ADDRESSES.items():
            text = text.replace(name, address)
        path = self.folder / "prometheus.yml"
        path.write_text(text)
        return path

    def stop(self):
        for name, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT if name == "contrail" else signal.SIGTERM)
        for _, process in reversed(self.processes):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        if os.environ.get("CONTRAIL_KEEP_LIVE_FOLDER"):
            print(f"kept {self.folder}")
            return
        subprocess.run([str(self.programs / "contrail"), "clean-data"], env=self.environment, capture_output=True, input=b"y\n")
        shutil.rmtree(self.folder, ignore_errors=True)

    # The shop's life

    def contrail(self, *arguments):
        """Runs a command, and returns its answer, or nothing when it was refused."""
        result = subprocess.run([str(self.programs / "contrail"), *arguments, "--json"], env=self.environment,
                                capture_output=True, text=True, timeout=60)
        return json.loads(result.stdout) if result.returncode == 0 else None

    def children(self, parent):
        """The processes that a process has started: (number, command line)."""
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == parent:
                    yield int(stat.parent.name), (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue

    def pids(self, program):
        """A program's process in the stack; for PostgreSQL those of the sessions of the services."""
        up = dict(self.processes)["contrail"].pid
        if program == "contrail":
            return [up]
        wanted = "postgres" if program == "sessions" else program
        number = next(n for n, command in self.children(up) if command.split(" ")[0].endswith(wanted))
        if program != "sessions":
            return [number]
        return [n for n, command in self.children(number) if re.match("postgres: (users|orders|notifications) ", command)]

    def pause(self, program, seconds, end=False):
        """Stops processes for a while, as a host does that is out of memory; and asks them to end afterwards."""
        pids = self.pids(program)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            for pid in pids:
                if end:
                    os.kill(pid, signal.SIGTERM)
                os.kill(pid, signal.SIGCONT)

    def live(self, seconds, progress=print):
        """Customers order, pay and receive; in between services, broker and mail server have bad moments."""
        users = []
        for kind in ("ada", "ben", "slow-cleo", "busy-dan", "refused-eve"):
            user = self.contrail("user", "create", f"{kind}@example.com", "--name", kind)
            users.append((user or {}).get("user", user or {}).get("id"))
        users = [user for user in users if user]
        if len(users) < 5:
            raise RuntimeError("users cannot be created: " + (self.folder / "contrail.log").read_text()[-2000:])
        over = time.monotonic() + seconds
        counts = {"created": 0, "refused": 0}

        def customer(number):
            turn = number
            while time.monotonic() < over:
                turn += 1
                # Most customers are easy; some have a mail server that is slow, or busy, or refuses.
                user = users[2 + turn // 6 % 3] if turn % 6 == 0 else users[turn % 2]
                order = self.contrail("order", "create", "--user", user, "--item", "book:1:12.50")
                counts["created" if order else "refused"] += 1
                if order and turn % 3:
                    identity = order.get("order", order).get("orderId") or order.get("order", order).get("id")
                    self.contrail("order", "pay", identity)
                    if turn % 3 == 1:
                        self.contrail("order", "ship", identity, "--tracking", "1Z")
                if turn % 5 == 0:
                    # Not there: an answer that is nobody's fault.
                    self.contrail("order", "get", "00000000-0000-4000-8000-000000000000")
                time.sleep(0.6)

        customers = [threading.Thread(target=customer, args=(number,)) for number in range(3)]
        for thread in customers:
            thread.start()
        def database_outage():
            # Calls that are under way when their sessions end, so that services fail by their own fault.
            calls = [["user", "create", f"late-{number}@example.com"] for number in range(3)] + [["user", "get", users[0]]] * 2
            callers = [threading.Timer(1, self.contrail, call) for call in calls]
            for caller in callers:
                caller.start()
            self.pause("sessions", 4, end=True)
            for caller in callers:
                caller.join()

        moments = [
            (0.10, "the users service stops for 4 s", lambda: self.pause("users-service", 4)),
            (0.20, "notifications stops for 13 s", lambda: self.pause("notifications-service", 13)),
            (0.38, "PostgreSQL stops for 4 s and ends its sessions", database_outage),
            (0.47, "NATS stops for 8 s", lambda: self.pause("nats-server", 8)),
            (0.62, "the users service stops for 4 s", lambda: self.pause("users-service", 4)),
            (0.72, "notifications stops for 13 s", lambda: self.pause("notifications-service", 13)),
            (0.90, "the trace backend stops for 5 s", lambda: self.pause("contrail", 5)),
        ]
        begin = time.monotonic()
        for share, text, action in moments:
            time.sleep(max(0.0, begin + share * seconds - time.monotonic()))
            progress(f"  {time.monotonic() - begin:4.0f} s  {text}")
            action()
        for thread in customers:
            thread.join()
        progress(f"  {time.monotonic() - begin:4.0f} s  {counts['created']} orders placed, {counts['refused']} refused")
        time.sleep(5)

    # Questions to Prometheus

    def ask(self, path, **parameters):
        try:
            answer = json.loads(get(f"{PROMETHEUS}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", 60))
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.loads(error.read()).get("error", str(error))) from None
        return answer["data"]

    def range(self, expression, step=2, begin=None, end=None):
        """Series over the whole run: (labels, [(time, value)]) without what is not a number."""
        data = self.ask("query_range", query=expression, start=begin or self.begin, end=end or time.time(), step=step)
        result = []
        for series in data["result"]:
            points = [(at, float(value)) for at, value in series["values"]]
            result.append((series["metric"], [(at, value) for at, value in points if value == value]))
        return [series for series in result if series[1]]

    def exemplars(self, expression):
        data = self.ask("query_exemplars", query=expression, start=self.begin, end=time.time())
        return [exemplar for series in data for exemplar in series["exemplars"]]


# What a browser's Grafana would put for its variables.
VARIABLES = {"__rate_interval": "15s", "__interval": "5s"}


def resolved(expression, seconds):
    """An expression with values for Grafana's variables: everything is chosen."""
    for name, value in {**VARIABLES, "__range": f"{int(seconds)}s"}.items():
        expression = re.sub(rf"\$\{{?{name}\b\}}?", value, expression)
    return re.sub(r"\$\{?[a-z]\w*\}?", ".+", expression)
