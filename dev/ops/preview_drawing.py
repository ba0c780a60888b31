"""Draws panels of dashboards as SVG and HTML: enough of Grafana's manners to judge a dashboard by, and no more."""

import html
import math
import re
import time

COLORS = {"green": "#73bf69", "red": "#f2495c", "orange": "#ff9830", "blue": "#5794f2", "transparent": "none"}
PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a",
           "#447ebc", "#c15c17", "#890f02", "#0a437c", "#6d1f62", "#584477"]
INK, FAINT, GRID = "#ccccdc", "#8e8e9a", "#2c2f36"
UNIT_STEPS = {
    "s": [(1e-3, 1e6, " µs"), (1, 1e3, " ms"), (60, 1, " s"), (3600, 1 / 60, " min"), (86400, 1 / 3600, " h"),
          (math.inf, 1 / 86400, " d")],
    "bytes": [(1024, 1, " B"), (1024**2, 1 / 1024, " KiB"), (1024**3, 1 / 1024**2, " MiB"), (math.inf, 1 / 1024**3, " GiB")],
}
SUFFIXES = {"reqps": " req/s", "ops": " ops/s", "d": " d"}


def color(name):
    return COLORS.get(name, name)


def amount(value, unit="none", decimals=None):
    """A number as Grafana would write it."""
    if value is None or value != value:
        return "–"
    if math.isinf(value):
        return "∞"
    if unit == "percentunit":
        value, suffix = value * 100, " %"
    elif unit == "dateTimeFromNow":
        return f"{amount(max(0.0, time.time() - value / 1000), 's')} ago"
    elif unit in UNIT_STEPS:
        factor, suffix = next((f, s) for limit, f, s in UNIT_STEPS[unit] if abs(value) < limit) if value else (1, " s"[: 2])
        if not value:
            suffix = " B" if unit == "bytes" else " s"
        value *= factor
    else:
        suffix = SUFFIXES.get(unit, "")
        for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "K")):
            if abs(value) >= limit:
                value, suffix = value / {"G": 1e9, "M": 1e6, "K": 1e3}[letter], f" {letter}{suffix}"
                break
    if decimals is None:
        decimals = 0 if value == int(value) else 3 if abs(value) < 0.1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{decimals}f}{suffix}"


def threshold_color(defaults, value):
    chosen = "green"
    for step in defaults.get("thresholds", {}).get("steps", []):
        if step["value"] is None or value is not None and value >= step["value"]:
            chosen = step["color"]
    return color(chosen)


def mapped(mappings, value):
    """The text and the colour that a value is mapped to, if it is."""
    for mapping in mappings or []:
        options = mapping.get("options", {})
        if mapping["type"] == "value":
            key = str(int(value)) if isinstance(value, float) and value == int(value) else str(value)
            if key in options:
                return options[key]["text"], color(options[key].get("color", INK))
    return None


def escape(text):
    return html.escape(str(text))


def legend(target, labels):
    form = target.get("legendFormat", "__auto")
    if form == "__auto":
        return ", ".join(f"{k}={v}" for k, v in labels.items() if k != "__name__") or labels.get("__name__", "value")
    return re.sub(r"{{\s*(\w+)\s*}}", lambda m: labels.get(m[1], ""), form).strip() or "value"


def nice_ticks(low, high, count=4, base=10):
    if high <= low:
        high = low + 1
    raw = (high - low) / count
    magnitude = 1024 ** math.floor(math.log(raw, 1024)) if base == 1024 else 10 ** math.floor(math.log10(raw))
    if base == 1024:
        magnitude *= 10 ** math.floor(math.log10(raw / magnitude))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw)
    ticks, tick = [], math.ceil(low / step) * step
    while tick <= high + step * 1e-6:
        ticks.append(round(tick, 12))
        tick += step
    return ticks


class Plot:
    """A rectangle with a time axis."""

    def __init__(self, width, height, begin, end, left=58, bottom=20):
        self.width, self.height, self.begin, self.end = width, height, begin, end
        self.x0, self.x1, self.y0, self.y1 = left, width - 8, height - bottom, 6
        self.parts = []

    def x(self, at):
        return self.x0 + (at - self.begin) / max(self.end - self.begin, 1) * (self.x1 - self.x0)

    def time_axis(self):
        step = next(s for s in (5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600) if (self.end - self.begin) / s <= (self.x1 - self.x0) / 75)
        at = math.ceil(self.begin / step) * step
        while at <= self.end:
            x = self.x(at)
            self.line(x, self.y1, x, self.y0, GRID)
            if x < self.x1 - 24:
                self.text(x, self.height - 5, time.strftime("%H:%M:%S", time.gmtime(at)), "middle")
            at += step

    def line(self, x1, y1, x2, y2, stroke, dash=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" {dash}/>')

    def text(self, x, y, content, anchor="start", fill=FAINT, size=11):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-size="{size}">{escape(content)}</text>')

    def rect(self, x, y, width, height, fill, more=""):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" fill="{fill}" {more}/>')

    def dot(self, x, y):
        self.parts.append(
            f'<path d="M{x:.1f} {y - 4:.1f}l4 4l-4 4l-4 -4z" fill="#5794f2" stroke="#111217" stroke-width="0.7"/>')

    def svg(self):
        return f'<svg width="{self.width}" height="{self.height}">{"".join(self.parts)}</svg>'


def empty(panel, data, text=None):
    words = text or panel["fieldConfig"]["defaults"].get("noValue") or "No data"
    return f'<div class="empty">{escape(words)}</div>'


def draw_stat(panel, data, width, height):
    defaults = panel["fieldConfig"]["defaults"]
    points = next((s["points"] for r in data["results"] for s in r["series"]), [])
    value = points[-1][1] if points else None
    if value is None:
        shown, fill = defaults.get("noValue", "No data"), FAINT
    else:
        shown, fill = mapped(defaults.get("mappings"), value) or (
            amount(value, defaults["unit"], defaults.get("decimals")), threshold_color(defaults, value))
    filled = panel["options"].get("colorMode") == "background" and value is not None
    plot = Plot(width, height, points[0][0] if points else 0, points[-1][0] if points else 1, 0, 0)
    if filled:
        plot.rect(0, 0, width, height, fill, 'opacity="0.85" rx="2"')
    if panel["options"].get("graphMode") == "area" and len(points) > 1:
        high, low = max(v for _, v in points), min(v for _, v in points)
        path = " ".join(
            f"{(t - points[0][0]) / (points[-1][0] - points[0][0]) * width:.1f},"
            f"{height - 2 - (v - low) / ((high - low) or 1) * height * 0.35:.1f}" for t, v in points)
        ink = "#111217" if filled else fill
        plot.parts.append(f'<polygon points="0,{height} {path} {width},{height}" fill="{ink}" opacity="0.18"/>')
    size = min(36, int(width / max(len(shown), 4) * 1.35))
    plot.text(width / 2, height * 0.48 + size / 3, shown, "middle", "#111217" if filled else fill, size)
    return plot.svg()


def legend_rows(entries, unit, room, decimals):
    """The legend's table, with the largest first when not all have room."""
    shown = entries if len(entries) <= room else sorted(entries, key=lambda e: -(e[3] or 0))[: max(room - 1, 1)]
    rows = [
        f'<tr><td><i style="background:{c}"></i>{escape(n)}</td><td>{amount(last, unit, decimals)}</td>'
        f"<td>{amount(high, unit, decimals)}</td></tr>" for n, c, last, high in shown]
    if len(shown) < len(entries):
        rows.append(f"<tr><td>… {len(entries) - len(shown)} more</td><td></td><td></td></tr>")
    return f'<table class="legend"><tr><th></th><th>last</th><th>max</th></tr>{"".join(rows)}</table>'


def draw_timeseries(panel, data, width, height):
    defaults, custom = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["defaults"]["custom"]
    series = [(legend(r["target"], s["labels"]), dict(map(tuple, s["points"]))) for r in data["results"] for s in r["series"]]
    if not series:
        return empty(panel, data)
    room = min(len(series), max(2, int(height / 62)))
    stacked, as_bars = custom["stacking"]["mode"] == "normal", custom["drawStyle"] == "bars"
    times = sorted({t for _, points in series for t in points})
    lines, total = [], dict.fromkeys(times, 0.0)
    for index, (name, points) in enumerate(series):
        if stacked:
            base = dict(total)
            for t in times:
                total[t] += points.get(t, 0.0)
            lines.append((name, {t: total[t] for t in times}, base, PALETTE[index % len(PALETTE)], points))
        else:
            lines.append((name, points, None, PALETTE[index % len(PALETTE)], points))
    steps = [s for s in defaults["thresholds"]["steps"] if s["value"] is not None]
    limits = steps if custom["thresholdsStyle"]["mode"] != "off" else []
    tops = [v for _, upper, *_ in lines for v in upper.values()]
    top = max(tops)
    for limit in limits:
        # A limit far above everything would flatten the lines; Grafana leaves it out of sight, too.
        if limit["value"] <= top * 4 or top == 0:
            top = max(top, limit["value"] * 1.05)
    dots = [e for r in data["results"] for e in r.get("exemplars", [])]
    if dots:
        top = max(top, sorted(e["value"] for e in dots)[int(len(dots) * 0.98)])
    top = min(top * 1.05, defaults.get("max", math.inf)) or 1
    bottom = min(0, min(tops))
    tall = height - 17 * (room + 1) - 4
    ticks = nice_ticks(bottom, top, max(2, int(tall / 45)), 1024 if defaults["unit"] == "bytes" else 10)
    left = max(len(amount(tick, defaults["unit"])) for tick in ticks) * 6.8 + 14
    plot = Plot(width, tall, data["begin"], data["end"], left)
    y = lambda v: plot.y0 - (min(v, top) - bottom) / (top - bottom) * (plot.y0 - plot.y1)
    plot.time_axis()
    for tick in ticks:
        plot.line(plot.x0, y(tick), plot.x1, y(tick), GRID)
        plot.text(plot.x0 - 6, y(tick) + 4, amount(tick, defaults["unit"]), "end")
    step = min((b - a for a, b in zip(times, times[1:])), default=1)
    for name, upper, base, ink, _ in lines:
        if as_bars:
            for t, v in upper.items():
                low = base[t] if base else 0
                if v > low:
                    plot.rect(plot.x(t) - 2, y(v), 4, y(low) - y(v), ink, 'opacity="0.9"')
            continue
        runs, previous = [[]], None
        for t in sorted(upper):
            if previous is not None and t - previous > step * 1.5:
                runs.append([])
            runs[-1].append(t)
            previous = t
        for run in runs:
            path = " ".join(f"{plot.x(t):.1f},{y(upper[t]):.1f}" for t in run)
            if stacked and len(run) > 1:
                back = " ".join(f"{plot.x(t):.1f},{y(base[t]):.1f}" for t in reversed(run))
                plot.parts.append(f'<polygon points="{path} {back}" fill="{ink}" opacity="0.35"/>')
            plot.parts.append(f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="1.4"/>')
    for limit in limits:
        if bottom <= limit["value"] <= top:
            plot.line(plot.x0, y(limit["value"]), plot.x1, y(limit["value"]), color(limit["color"]),
                      'stroke-dasharray="7 5" stroke-width="1.4"')
    for exemplar in dots:
        if data["begin"] <= exemplar["time"] <= data["end"]:
            plot.dot(plot.x(exemplar["time"]), y(exemplar["value"]))
    entries = [(name, ink, points[max(points)], max(points.values())) for name, _, _, ink, points in lines]
    return plot.svg() + legend_rows(entries, defaults["unit"], room, defaults.get("decimals"))


def draw_heatmap(panel, data, width, height):
    result = data["results"][0]
    rows = sorted(((float(s["labels"]["le"].replace("+Inf", "inf")), dict(map(tuple, s["points"]))) for s in result["series"]),
                  key=lambda row: row[0])
    # Empty buckets above all others only make the rest smaller.
    while len(rows) > 2 and not any(rows[-1][1].get(t, 0) > rows[-2][1].get(t, 0) + 1e-9 for t in rows[-1][1]):
        rows.pop()
    if not rows:
        return empty(panel, data)
    times = sorted({t for _, points in rows for t in points})
    plot = Plot(width, height, data["begin"], data["end"])
    plot.time_axis()
    row_height = (plot.y0 - plot.y1) / len(rows)
    # Neighbouring columns overlap in what they count; every few of them is enough to see.
    stride = max(1, int(len(times) / 60))
    columns = times[::stride]
    cell = (plot.x1 - plot.x0) / max(len(columns), 1)
    counts = {}
    for index, (_, points) in enumerate(rows):
        below = rows[index - 1][1] if index else {}
        for t in columns:
            counts[index, t] = max(0.0, points.get(t, 0.0) - below.get(t, 0.0))
    most = max(counts.values(), default=1) or 1
    for (index, t), count in counts.items():
        if count > 1e-6:
            share = (count / most) ** 0.5
            ink = "#%02x%02x%02x" % tuple(int(a + (b - a) * share) for a, b in ((70, 255), (45, 166), (30, 60)))
            plot.rect(plot.x(t) - cell, plot.y0 - row_height * (index + 1), cell - 0.6, row_height - 1, ink)
    every = max(1, round(14 / row_height))
    for index, (bound, _) in enumerate(rows):
        if index % every == 0:
            plot.text(plot.x0 - 6, plot.y0 - row_height * (index + 0.5) + 4, "≤ " + amount(bound, "s"), "end")
    for exemplar in result.get("exemplars", []):
        if data["begin"] <= exemplar["time"] <= data["end"]:
            index = next((i for i, (bound, _) in enumerate(rows) if exemplar["value"] <= bound), len(rows) - 1)
            low = rows[index - 1][0] if index else 0.0
            high = rows[index][0]
            part = (exemplar["value"] - low) / (high - low) if math.isfinite(high) else 0.5
            plot.dot(plot.x(exemplar["time"]), plot.y0 - row_height * (index + min(max(part, 0.08), 0.92)))
    return plot.svg()


def draw_bargauge(panel, data, width, height):
    defaults = panel["fieldConfig"]["defaults"]
    result = data["results"][0]
    rows = [(legend(result["target"], s["labels"]), s["points"][-1][1]) for s in result["series"]]
    if not rows:
        return empty(panel, data)
    high = defaults.get("max") or max(v for _, v in rows) or 1
    plot = Plot(width, height, 0, 1, 0, 0)
    each = min(38, height / len(rows))
    for index, (name, value) in enumerate(rows):
        y = index * each
        by_threshold = defaults.get("color", {}).get("mode") == "thresholds"
        ink = threshold_color(defaults, value) if by_threshold else "#ff9830" if value else FAINT
        plot.text(4, y + 13, name, fill=INK, size=12)
        plot.rect(4, y + 17, width - 90, each - 22, GRID)
        plot.rect(4, y + 17, (width - 90) * min(max(value, 0) / high, 1), each - 22, ink, 'opacity="0.85"')
        plot.text(width - 4, y + 29, amount(value, defaults["unit"], defaults.get("decimals")), "end", ink, 14)
    return plot.svg()


def draw_state_timeline(panel, data, width, height):
    defaults = panel["fieldConfig"]["defaults"]
    rows = [(legend(r["target"], s["labels"]), s["points"]) for r in data["results"] for s in r["series"]]
    if not rows:
        return empty(panel, data)
    rows.sort()
    left = min(230, max(len(name) for name, _ in rows) * 6.6 + 14)
    plot = Plot(width, height, data["begin"], data["end"], left)
    plot.time_axis()
    each = min(44, (plot.y0 - plot.y1) / len(rows))
    for index, (name, points) in enumerate(rows):
        y = plot.y1 + index * each
        plot.text(left - 6, y + each / 2 + 4, name, "end", INK)
        bands = []
        for t, v in points:
            if bands and bands[-1][2] == v:
                bands[-1][1] = t
            else:
                if bands:
                    bands[-1][1] = t
                bands.append([t, t, v])
        for begin, end, value in bands:
            text, ink = mapped(defaults.get("mappings"), value) or (amount(value), FAINT)
            wide = plot.x(end) - plot.x(begin)
            plot.rect(plot.x(begin), y + each * 0.1, max(wide, 1.5), each * 0.8, ink, 'opacity="0.8"')
            if wide > len(text) * 7:
                plot.text(plot.x(begin) + 5, y + each / 2 + 4, text, fill="#111217")
    return plot.svg()


def draw_table(panel, data, width, height):
    joined = {}
    for result in data["results"]:
        several = len(data["results"]) > 1
        for s in result["series"]:
            key = tuple(sorted((k, v) for k, v in s["labels"].items() if k != "__name__"))
            # Rows of two queries are one where the labels that they share agree.
            row = next((r for r in joined.values() if several and all(r.get(k, v) == v for k, v in key)), None)
            if row is None:
                row = joined.setdefault(key, dict(key))
            row[f"Value #{result['target']['refId']}" if several else "Value"] = s["points"][-1][1]
    organize = next(t["options"] for t in panel["transformations"] if t["id"] == "organize")
    names = sorted(organize["indexByName"], key=organize["indexByName"].get)
    heads = [organize["renameByName"][name] for name in names]
    rules = {o["matcher"]["options"]: {p["id"]: p["value"] for p in o["properties"]}
             for o in panel["fieldConfig"]["overrides"]}
    rows = list(joined.values())
    if not rows:
        return empty(panel, data)
    by = panel["options"].get("sortBy")
    if by:
        column = names[heads.index(by[0]["displayName"])]
        rows.sort(key=lambda row: -(row.get(column) if isinstance(row.get(column), float) and row[column] == row[column] else -1))
    room = int((height - 26) / 25)
    body = []
    for row in rows[:room]:
        cells = []
        for name, head in zip(names, heads):
            value, rule = row.get(name), rules.get(head, {})
            known = mapped(rule.get("mappings"), value) if value is not None else None
            text = known[0] if known else amount(value, rule.get("unit", "none")) if isinstance(value, float) else value
            cells.append(f"<td>{escape('–' if text is None else text)}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    if len(rows) > room:
        body[-1] = f'<tr><td colspan="{len(names)}">… {len(rows) - room + 1} more</td></tr>'
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    return f'<table class="data"><tr>{head}</tr>{"".join(body)}</table>'


def draw_text(panel, data, width, height):
    text = escape(panel["options"]["content"])
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r'<u>\1</u>', text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return f'<div class="text">{text.replace(chr(10) + chr(10), "<p>")}</div>'


def draw_traces(panel, data, width, height):
    spans = data.get("trace") or []
    if not spans:
        return empty(panel, data, "Jaeger's trace is shown here")
    begin, end = min(s["begin"] for s in spans), max(s["end"] for s in spans)
    plot = Plot(width, height, 0, 1, 330, 20)
    each = min(20, (plot.y0 - plot.y1) / len(spans))
    services = sorted({s["service"] for s in spans})
    for index, span in enumerate(spans):
        y = plot.y1 + index * each
        x = lambda at: plot.x0 + (at - begin) / max(end - begin, 1) * (plot.x1 - plot.x0 - 70)
        ink = PALETTE[services.index(span["service"]) % len(PALETTE)]
        plot.text(6 + span["depth"] * 10, y + each / 2 + 4, f"{span['service']}  {span['name']}"[: 52 - span["depth"]], fill=INK)
        wait = span["name"].endswith("wait")
        plot.rect(x(span["begin"]), y + 2, max(x(span["end"]) - x(span["begin"]), 2), each - 4, ink,
                  'opacity="0.35"' if wait else "")
        plot.text(x(span["end"]) + 5, y + each / 2 + 4, amount((span["end"] - span["begin"]) / 1e9, "s"))
    return plot.svg()


DRAW = {
    "stat": draw_stat, "timeseries": draw_timeseries, "heatmap": draw_heatmap, "bargauge": draw_bargauge,
    "state-timeline": draw_state_timeline, "table": draw_table, "text": draw_text, "traces": draw_traces,
}
STYLE = """
body { margin: 0; background: #111217; color: #ccccdc; font: 13px "DejaVu Sans", Inter, sans-serif; }
header { padding: 14px 16px 6px; } h1 { font-size: 20px; margin: 0 0 4px; font-weight: 600; }
header span { background: #ff9830; color: #111217; padding: 1px 8px; border-radius: 3px; font-size: 12px; margin-left: 12px; }
header p { margin: 0; color: #8e8e9a; }
.board { position: relative; } .panel { position: absolute; background: #181b1f; border: 1px solid #24272c; border-radius: 3px;
box-sizing: border-box; overflow: hidden; } .panel h2 { font-size: 13px; font-weight: 600; margin: 6px 10px 4px; height: 17px;
white-space: nowrap; overflow: hidden; } .row { position: absolute; font-weight: 600; font-size: 15px; padding: 9px 4px; }
.body { padding: 0 8px; } .empty { color: #8e8e9a; text-align: center; padding-top: 14%; } svg { display: block; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: #8ab8ff; font-weight: 500; }
.data td, .data th { border-bottom: 1px solid #24272c; padding: 4px 6px; height: 16px; white-space: nowrap; font-size: 12px; }
.legend { font-size: 11px; color: #aaaab8; } .legend td, .legend th { height: 17px; padding: 0 4px; white-space: nowrap;
line-height: 17px; } .legend td:first-child { width: 99%; max-width: 0; overflow: hidden; text-overflow: ellipsis; }
.legend td + td, .legend th { text-align: right; color: #8e8e9a; }
.legend i { display: inline-block; width: 11px; height: 3px; margin-right: 6px; vertical-align: middle; }
.text { padding: 6px; line-height: 1.5; } code { background: #24272c; padding: 0 4px; border-radius: 2px; }
"""
COLUMN, ROW, WIDTH = 66, 37, 24 * 66


def page(boards):
    """One page of dashboards: pairs of a dashboard and the data of its panels by their ids."""
    content = []
    for board, data in boards:
        height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"]) * ROW + 12
        parts = []
        for panel in board["panels"]:
            place = panel["gridPos"]
            x, y, w, h = place["x"] * COLUMN, place["y"] * ROW, place["w"] * COLUMN - 6, place["h"] * ROW - 6
            at = f"left:{x + 8}px;top:{y}px;width:{w}px;height:{h}px"
            if panel["type"] == "row":
                parts.append(f'<div class="row" style="{at}">▾ {escape(panel["title"])}</div>')
                continue
            own = data.get(str(panel["id"]), {"results": [], "begin": 0, "end": 1})
            foreign = panel["type"] != "traces" and panel.get("datasource", {}).get("type") == "jaeger"
            inner = empty(panel, own, "Grafana asks Jaeger for this: not in a preview") if foreign else DRAW[panel["type"]](
                panel, own, w - 18, h - 32)
            parts.append(f'<div class="panel" style="{at}"><h2>{escape(panel["title"])}</h2><div class="body">{inner}</div></div>')
        content.append(
            f'<header id="{board["uid"]}"><h1>{escape(board["title"])}<span>preview with real data, not Grafana</span></h1>'
            f'<p>{escape(board["description"])}</p></header><div class="board" style="height:{height}px">{"".join(parts)}</div>')
    return (f'<!doctype html><meta charset="utf-8"><title>Dashboards of Contrail (preview, not Grafana)</title>'
            f"<style>{STYLE}</style>{''.join(content)}")


def page_height(board):
    return max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"]) * ROW + 12 + 68
