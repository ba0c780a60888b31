"""The few kinds of panels that the dashboards are made of, so that all of them look and behave alike.

A dashboard is a list of rows of panels; places, ids and data sources are filled in. What a panel function does not say is
Grafana's default. The result is Classic JSON of schema 41, which Grafana 11.6 and later load.
"""

import re

PROMETHEUS = {"type": "prometheus", "uid": "${prometheus_datasource}"}
JAEGER = {"type": "jaeger", "uid": "${jaeger_datasource}"}

# Selects what the variables job and instance choose.
CHOSEN = 'job=~"$job", instance=~"$instance"'
# The same of metrics that exporters and Prometheus have as well: “all” is any job.
OURS = f'{CHOSEN}, job=~"users|orders|notifications"'
# Calls of customers: probes of health are always answered, and would make every share of failures look small.
API = 'job=~"users|orders|notifications", rpc_method!~"grpc.health.*"'
RATE = "$__rate_interval"
# The jobs of prometheus.yml, and those of the monitors of Kubernetes: a cluster's Prometheus scrapes much else.
JOBS = ("users|orders|notifications|nats|postgres|postgres-cluster|jaeger|jaeger-spanmetrics|prometheus|alertmanager|"
        "alert-enricher|grafana")
# All alerts of the rules have this team; a cluster has those of others.
FIRING = 'ALERTS{team="shop", alertstate="firing", alertname!="Watchdog"}'

GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "#EAB839", "orange", "red", "blue", "#8e8e8e"
STATES = {
    "yes": {1: ("up", GREEN), 0: ("down", RED)},
    "breaker": {
        0: ("closed", GREEN), 1: ("half open", YELLOW), 2: ("open", RED), 3: ("forced open", ORANGE), 4: ("off", GREY),
    },
}


def query(expression, legend="", *, instant=False, exemplars=False, heatmap=False, table=False):
    """A Prometheus query. Exemplars are fetched from raw series only, never through recording rules.

    `or none(cause)` at the end stands for a zero labelled cause="none" when there is no series: a graph of what has never
    happened shows that, instead of nothing.
    """
    expression = re.sub(r"or none\((\w+)\)", r'or on () label_replace(vector(0), "\1", "none", "", "")', expression)
    target = {"datasource": PROMETHEUS, "editorMode": "code", "expr": " ".join(expression.split())}
    target["legendFormat"] = legend or "__auto"
    target["range"] = not (instant or table)
    target["instant"] = instant or table
    if exemplars:
        target["exemplar"] = True
    if heatmap or table:
        target["format"] = "heatmap" if heatmap else "table"
    return target


def jaeger(query_type, **fields):
    """A query of the Jaeger data source."""
    return {"datasource": JAEGER, "queryType": query_type, **fields}


def steps(first, *rest):
    """Thresholds: the colour from the bottom on, then pairs of a colour and the value from which on it is used."""
    return {
        "mode": "absolute",
        "steps": [{"color": first, "value": None}] + [{"color": color, "value": value} for color, value in rest],
    }


def values(names):
    """Texts and colours for values; `None` is for “there is no value”."""
    options = {str(key): {"text": text, "color": color, "index": index}
               for index, (key, (text, color)) in enumerate(names.items()) if key is not None}
    mappings = [{"type": "value", "options": options}] if options else []
    if None in names:
        text, color = names[None]
        mappings.append({"type": "special", "options": {"match": "null+nan", "result": {"text": text, "color": color}}})
    return mappings


def link(title, url):
    """A link of a panel's data; another site or a tool opens in a tab of its own."""
    return {"title": title, "url": url, "targetBlank": not url.startswith("/d/")}


def jaeger_search(service, tags=""):
    """Jaeger's search for the time range that is shown, for whoever has to look further than one trace."""
    url = f"${{jaeger_ui}}/search?service={service}&start=${{__from}}000&end=${{__to}}000&limit=20"
    return link("Search these traces in Jaeger", url + (f"&tags={tags}" if tags else ""))


LATE_TAGS = "%7B%22contrail.notification.late%22%3A%22true%22%7D"
ERROR_TAGS = "%7B%22error%22%3A%22true%22%7D"


def panel(kind, title, description, queries, *, unit="none", width=8, height=8, thresholds=None, mappings=None,
          links=None, overrides=None, custom=None, options=None, transformations=None, minimum=None, maximum=None,
          decimals=None, color=None, no_value=None):
    """Any panel. Queries are `query(…)`, or pairs of an expression and a legend."""
    targets = [dict(q) if isinstance(q, dict) else query(*q) for q in queries]
    for index, target in enumerate(targets):
        target["refId"] = "ABCDEFGHIJ"[index]
    defaults = {"unit": unit, "thresholds": thresholds or steps(GREEN)}
    for key, value in [("min", minimum), ("max", maximum), ("decimals", decimals), ("mappings", mappings),
                       ("links", links), ("color", color), ("custom", custom), ("noValue", no_value)]:
        if value is not None:
            defaults[key] = value
    result = {
        "type": kind, "title": title, "description": " ".join(description.split()),
        "datasource": targets[0]["datasource"] if targets else PROMETHEUS,
        "gridPos": {"w": width, "h": height}, "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": overrides or []}, "options": options or {},
    }
    if transformations:
        result["transformations"] = transformations
    return result


def stat(title, description, expression, *, width=4, height=4, graph=True, **settings):
    """One number, coloured by its thresholds."""
    options = {
        "colorMode": "background" if settings.get("thresholds") else "value", "graphMode": "area" if graph else "none",
        "justifyMode": "auto", "textMode": "auto", "wideLayout": True, "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    settings.setdefault("color", {"mode": "thresholds"})
    return panel("stat", title, description, [(expression, "")], width=width, height=height, options=options, **settings)


def timeseries(title, description, *queries, stack=False, bars=False, limit=None, log=False, **settings):
    """Lines over time; areas on top of each other when stacked. `limit` draws the thresholds as lines."""
    custom = {
        "drawStyle": "bars" if bars else "line", "lineWidth": 1, "fillOpacity": 60 if bars else 30 if stack else 8,
        "showPoints": "never", "spanNulls": False, "axisSoftMin": 0,
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if limit else "off"},
    }
    if log:
        custom["scaleDistribution"] = {"type": "log", "log": 10}
        del custom["axisSoftMin"]
    if limit:
        settings["thresholds"] = steps("transparent", *limit)
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    settings.setdefault("color", {"mode": "palette-classic"})
    return panel("timeseries", title, description, queries, custom=custom, options=options, **settings)


def heatmap(title, description, expression, **settings):
    """How observations are spread over a histogram's buckets; the dots are exemplars and open their traces."""
    options = {
        "calculate": False, "cellGap": 1, "cellValues": {"unit": "short"},
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "reverse": False},
        "exemplars": {"color": "rgba(31,120,193,0.9)"}, "filterValues": {"le": 1e-9}, "legend": {"show": True},
        "rowsFrame": {"layout": "auto"}, "tooltip": {"mode": "single", "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "unit": "s", "reverse": False},
    }
    return panel("heatmap", title, description, [query(expression, "{{le}}", exemplars=True, heatmap=True)],
                 unit="s", options=options, **settings)


def bars(title, description, expression, legend, **settings):
    """One bar for each series, the longest first when the query sorts."""
    options = {
        "displayMode": "gradient", "orientation": "horizontal", "showUnfilled": True, "valueMode": "color",
        "namePlacement": "auto", "minVizHeight": 12,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    settings.setdefault("color", {"mode": "continuous-GrYlRd"})
    return panel("bargauge", title, description, [query(expression, legend, instant=True)], minimum=0, options=options,
                 **settings)


def states(title, description, expression, legend, names, **settings):
    """A band for each series: which state it was in, and when."""
    options = {
        "mergeValues": True, "showValue": "auto", "rowHeight": 0.85, "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "single"},
    }
    return panel("state-timeline", title, description, [(expression, legend)], mappings=values(names),
                 custom={"lineWidth": 0, "fillOpacity": 75}, color={"mode": "thresholds"}, options=options, **settings)


def table(title, description, queries, columns, *, sort=None, **settings):
    """Instant values side by side. `columns` gives each label, and `Value #A` and so on, its heading, unit and mappings."""
    targets = [q if isinstance(q, dict) else query(q, table=True) for q in queries]
    order = {name: index for index, name in enumerate(columns)}
    renames = {name: column[0] for name, column in columns.items()}
    overrides = [
        {"matcher": {"id": "byName", "options": column[0]},
         "properties": [{"id": id, "value": value} for id, value in zip(["unit", "mappings"], column[1:])]}
        for column in columns.values() if len(column) > 1
    ]
    transformations = [{"id": "merge", "options": {}}] if len(targets) > 1 else []
    transformations += [
        {"id": "filterFieldsByName", "options": {"include": {"names": list(columns)}}},
        {"id": "organize", "options": {"indexByName": order, "renameByName": renames}},
    ]
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}}
    if sort:
        options["sortBy"] = [{"displayName": sort, "desc": True}]
    return panel("table", title, description, targets, overrides=overrides, transformations=transformations,
                 options=options, **settings)


def text(title, content, *, width=8, height=8):
    """Markdown."""
    result = panel("text", title, content.strip().split("\n")[0], [], width=width, height=height,
                   options={"mode": "markdown", "content": content.strip()})
    del result["datasource"], result["targets"]
    return result


def datasource_variable(kind):
    return {
        "type": "datasource", "name": f"{kind}_datasource", "label": f"{kind.title()} data source", "query": kind,
        "current": {"text": kind, "value": kind}, "refresh": 1, "regex": "", "hide": 0, "multi": False,
        "includeAll": False, "options": [],
    }


def label_variable(name, selector, label=None):
    """A choice of values of a label, all at first; read again when the time range changes."""
    return {
        "type": "query", "name": name, "label": name.title(), "datasource": PROMETHEUS,
        "query": f"label_values({selector}, {label or name})", "refresh": 2, "sort": 1, "multi": True,
        "includeAll": True, "allValue": ".+", "current": {"text": ["All"], "value": ["$__all"]}, "options": [], "hide": 0,
        "regex": "",
    }


def text_variable(name, label, value="", description="", hide=0):
    return {
        "type": "textbox", "name": name, "label": label, "query": value, "description": description,
        "current": {"text": value, "value": value}, "options": [{"text": value, "value": value, "selected": True}],
        "hide": hide,
    }


JOB = label_variable("job", "contrail_build_info")
INSTANCE = label_variable("instance", 'contrail_build_info{job=~"$job"}')
JAEGER_UI = text_variable("jaeger_ui", "Jaeger UI", "http://localhost:16686", "Where links to Jaeger's pages lead.", hide=2)


def annotations():
    """Deployments are starts of processes; alerts are shown for as long as they fire."""
    def annotation(name, color, expression, title, text):
        return {
            "name": name, "enable": True, "hide": False, "iconColor": color, "datasource": PROMETHEUS,
            "expr": expression, "step": "30s", "titleFormat": title, "textFormat": text, "useValueForTime": False,
            "target": {"refId": name, "expr": expression},
        }

    return {"list": [
        annotation("Deployments", BLUE, "time() - max by (job) (process_start_time_seconds{job=~\"users|orders|notifications\"}) < 60",
                   "{{job}} started", "a process of {{job}} was started"),
        annotation("Alerts", RED, FIRING, "{{alertname}}", "{{severity}}: {{service}} {{slo}}"),
    ]}


TITLES = {
    "contrail-overview": "Overview",
    "notification-delay": "Notification delay",
    "contrail-service": "Service",
    "contrail-jetstream": "JetStream",
    "contrail-postgres": "PostgreSQL and outbox",
    "contrail-resilience": "Resilience",
    "contrail-slo": "SLO",
    "contrail-telemetry": "Telemetry health",
}


def dashboard(uid, description, rows, *, variables=(), with_jaeger=False, refresh="30s"):
    """A dashboard of rows, which are pairs of a heading and panels; panels flow from left to right."""
    panels, y, number = [], 0, 0
    for heading, content in rows:
        number += 1
        panels.append({"id": number, "type": "row", "title": heading, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        y, x, height = y + 1, 0, 0
        for item in content:
            width = item["gridPos"]["w"]
            if x + width > 24:
                x, y, height = 0, y + height, 0
            number += 1
            item["gridPos"] = {"x": x, "y": y, **item["gridPos"]}
            panels.append({"id": number, **item})
            x, height = x + width, max(height, item["gridPos"]["h"])
        y += height
    sources = [datasource_variable("prometheus")] + ([datasource_variable("jaeger")] if with_jaeger else [])
    return {
        "uid": uid, "title": TITLES[uid], "description": description, "tags": ["contrail"], "id": None, "version": 1,
        "schemaVersion": 41, "editable": False, "graphTooltip": 1, "refresh": refresh, "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"}, "weekStart": "", "fiscalYearStartMonth": 0, "liveNow": False,
        "links": [
            {"type": "link", "title": title, "url": f"/d/{other}", "icon": "dashboard", "tooltip": "", "tags": [],
             "keepTime": True, "includeVars": False, "targetBlank": False, "asDropdown": False}
            for other, title in TITLES.items() if other != uid
        ],
        "annotations": annotations(),
        "templating": {"list": [*sources, *variables, JAEGER_UI]},
        "panels": panels,
    }
