"""Builds our programs and the peers, and says which peers cannot be had on this machine and how to install them."""

import functools
import os
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "Benchmarks"
PEERS = PACKAGE / "peers"
BUILD = PACKAGE / ".build"
BIN = BUILD / "peers"
VENV = ROOT / ".tools" / "bench-venv"
GO_SOURCES = Path("/usr/share/gocode/src")

PACKAGES = {
    "golang-opentelemetry-otel-dev": "the OpenTelemetry SDK for Go",
    "golang-github-prometheus-client-golang-dev": "client_golang",
    "prometheus-cpp-dev": "prometheus-cpp",
    "nghttp2-client": "h2load, the load of the gRPC service",
    "valgrind": "callgrind, which counts instructions",
    "protobuf-c-compiler": "protobuf-c",
    "g++": "the peers in C and C++",
    "libnats-dev": "libnats, and the peer of JetStream in C",
}


class Problem(Exception):
    """What stops a run, in a sentence for whoever started it."""


def say(text):
    print(text, flush=True)


def output(*command, **options):
    """The standard output of a command, or an empty text when it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def run(command, what, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise Problem(f"{what} failed ({' '.join(map(str, command))}):\n{result.stdout[-4000:]}{result.stderr[-4000:]}")
    return result.stdout


def swift(product):
    """Builds one of our programs for release.

    Returns its path."""
    say(f"building {product} (minutes, the first time)")
    begin = time.monotonic()
    command = ["swift", "build", "-c", "release", "--package-path", PACKAGE, "--product", product]
    run(command, f"the build of {product}", cwd=ROOT)
    say(f"  built in {time.monotonic() - begin:.0f} s")
    return BUILD / "release" / product


def is_newer(target, sources):
    return target.exists() and all(target.stat().st_mtime > source.stat().st_mtime for source in sources)


def compile_c(name, sources, flags, compiler="cc"):
    target = BIN / name
    BIN.mkdir(parents=True, exist_ok=True)
    sources = [PACKAGE / source for source in sources]
    if not is_newer(target, sources):
        includes = ["-I", PACKAGE / "Sources/CBench/include", "-I", ROOT / "Sources/COTLP/include"]
        run([compiler, "-O2", "-D_GNU_SOURCE", *includes, *sources, "-o", target, *flags], f"compiling {name}")
    return target


@functools.cache
def malloc_counter():
    return compile_c("malloc-count.so", ["peers/c/malloc-count.c"], ["-shared", "-fPIC"])


@functools.cache
def sink():
    return compile_c("sink", ["peers/c/sink.c"], ["-lz"])


@functools.cache
def floor():
    return compile_c("floor", ["peers/c/floor.c", "Sources/CBench/cbench.c"], ["-lpthread", "-ldl"])


# Each of the following returns a path, or a text that says what is missing and how to install it.


@functools.cache
def protobuf_c():
    if not any(
        (folder / "protobuf-c/protobuf-c.h").exists() for folder in (Path("/usr/include"), Path("/usr/local/include"))
    ):
        return "not installed: apt-get install libprotobuf-c-dev"
    sources = ["peers/c/encoding.c", "../Sources/COTLP/trace.pb-c.c", "Sources/CBench/cbench.c"]
    return compile_c("encoding", sources, ["-lprotobuf-c", "-lpthread", "-ldl"])


@functools.cache
def nats_c():
    if not Path("/usr/include/nats/nats.h").exists():
        return "not installed: apt-get install libnats-dev"
    return compile_c("nats", ["peers/c/nats.c", "Sources/CBench/cbench.c"], ["-lnats", "-lpthread", "-ldl"])


@functools.cache
def prometheus_cpp():
    if not Path("/usr/include/prometheus/counter.h").exists():
        return "not installed: apt-get install prometheus-cpp-dev"
    if not shutil.which("c++"):
        return "not installed: apt-get install g++"
    BIN.mkdir(parents=True, exist_ok=True)
    support = BIN / "cbench.o"
    include = PACKAGE / "Sources/CBench/include"
    run(["cc", "-O2", "-c", "-I", include, PACKAGE / "Sources/CBench/cbench.c", "-o", support], "compiling cbench")
    flags = [support, "-std=c++17", "-lprometheus-cpp-core", "-lpthread", "-ldl"]
    return compile_c("prometheus-cpp", ["peers/cpp/metrics.cpp"], flags, compiler="c++")


@functools.cache
def go():
    compiler = VENV / "bin" / "go"
    if not compiler.exists() or not (GO_SOURCES / "go.opentelemetry.io/otel").exists():
        return "not installed: dev/bench --install"
    if not (GO_SOURCES / "github.com/prometheus/client_golang").exists():
        return "not installed: dev/bench --install"
    target = BIN / "go-peers"
    sources = sorted((PEERS / "go").glob("*.go"))
    if is_newer(target, sources):
        return target
    BIN.mkdir(parents=True, exist_ok=True)
    # Debian's sources are a GOPATH; nothing is downloaded.
    gopath = BUILD / "gopath"
    gopath.mkdir(parents=True, exist_ok=True)
    if not (gopath / "src").exists():
        (gopath / "src").symlink_to(GO_SOURCES)
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "",
        "GOPATH": str(gopath),
        "GOCACHE": str(BUILD / "gocache"),
    }
    say("building the peers in Go")
    run([compiler, "build", "-o", target, "."], "the build of the peers in Go", cwd=PEERS / "go", env=environment)
    return target


@functools.cache
def python():
    interpreter = VENV / "bin" / "python"
    if not interpreter.exists():
        return "not installed: dev/bench --install"
    return interpreter


@functools.cache
def h2load():
    found = shutil.which("h2load")
    return Path(found) if found else "not installed: apt-get install nghttp2-client"


@functools.cache
def valgrind():
    found = shutil.which("valgrind")
    if found and Path("/usr/include/valgrind/callgrind.h").exists():
        return Path(found)
    return "not installed: apt-get install valgrind"


def install():
    """Installs what is missing of the peers."""
    if shutil.which("apt-get"):
        missing = [
            name for name in PACKAGES if "installed" not in output("dpkg-query", "-W", "-f=${db:Status-Status}", name)
        ]
        if missing:
            say(f"installing Debian packages: {' '.join(missing)}")
            prefix = [] if os.geteuid() == 0 else ["sudo"]
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run([*prefix, "apt-get", "update", "-q"], check=True, env=environment)
            subprocess.run(
                [*prefix, "apt-get", "install", "-y", "-q", "--no-install-recommends", *missing],
                check=True,
                env=environment,
            )
    else:
        say("no apt-get here; these are the packages of Debian that the peers come from:")
        for name, purpose in PACKAGES.items():
            say(f"  {name}: {purpose}")
    requirements = PEERS / "python" / "requirements.txt"
    record = VENV / "installed-requirements.txt"
    if not record.exists() or record.read_text() != requirements.read_text():
        say("installing Python packages into .tools/bench-venv")
        subprocess.run(["python3", "-m", "venv", str(VENV)], check=True)
        # Through the interpreter: the scripts of an environment that was copied name the place that it came from.
        pip = [str(VENV / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-r", str(requirements)], check=True)
        record.write_text(requirements.read_text())
    say("dev/bench: the peers are installed")
    return 0
