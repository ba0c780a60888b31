"""What the code says of settings, ports, paths and commands, for the checks of what is deployed.

Everything is read from the sources and from docs/configuration.md, so that neither a manifest nor the documentation can
name something that no program knows.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

# Of libpq, which reads them by itself.
LIBPQ = {"PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGPASSFILE", "PGCONNECT_TIMEOUT"}


@dataclass
class Code:
    """The facts."""

    # Variables that are documented for services and for the contrail command.
    documented: set[str] = field(default_factory=set)
    # Variables that the sources name, and beginnings and ends from which they make others.
    literals: set[str] = field(default_factory=set)
    suffixes: set[str] = field(default_factory=set)
    # Variables that may have _FILE at their end.
    secrets: set[str] = field(default_factory=set)
    # Words that a variable allows.
    choices: dict[str, set[str]] = field(default_factory=dict)
    durations: set[str] = field(default_factory=set)
    # By service: ports, and variables that only some services read.
    grpc: dict[str, int] = field(default_factory=dict)
    admin: dict[str, int] = field(default_factory=dict)
    own: dict[str, set[str]] = field(default_factory=dict)
    admin_paths: set[str] = field(default_factory=set)
    # Arguments of the services, and subcommands of contrail with their options.
    commands: set[str] = field(default_factory=set)
    contrail: dict[str, set[str]] = field(default_factory=dict)

    def is_read(self, variable: str) -> bool:
        """Whether the sources read a variable: by its name, or made of a beginning and an end."""
        if variable in self.literals or variable in LIBPQ:
            return True
        for match in re.finditer("_", variable):
            if variable[: match.start()] in self.literals and variable[match.start() :] in self.suffixes:
                return True
        return any(
            variable.startswith(start) and variable.removeprefix(start) in self.literals
            for start in ("OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_LOGS_", "OTEL_EXPORTER_OTLP_")
        )


def documented(text: str) -> set[str]:
    """The variables of the tables of docs/configuration.md."""
    found = set()
    for line in text.splitlines():
        if not line.startswith("| `"):
            continue
        names = re.findall(r"`([A-Z][A-Z_…]+)`", line.split("|")[1])
        for name in names:
            # "…_CLIENT_KEY" has the beginning of the first.
            found.add("OTEL_EXPORTER_OTLP" + name[1:] if name.startswith("…") else name)
    return found


def read(root: Path) -> Code:
    code = Code()
    code.documented = documented((root / "docs/configuration.md").read_text(encoding="utf-8"))
    sources = {path: path.read_text(encoding="utf-8") for path in sorted((root / "Sources").rglob("*.swift"))}
    for text in sources.values():
        code.literals |= set(re.findall(r'"([A-Z][A-Z0-9_]+)"', text))
        code.suffixes |= set(re.findall(r'"\\\(\w+\)(_[A-Z_]+)"', text))
        # The one beginning that is itself made of a client's name.
        if '"CONTRAIL_\\(name.uppercased())"' in text:
            code.literals.add("CONTRAIL_USERS")
        for name, words in re.findall(r'choice\(\s*"(\w+)",\s*default: [^,]+,\s*of: \[([^\]]*)\]', text):
            code.choices[name] = set(re.findall(r'"([^"]+)"', words))
        code.durations |= set(re.findall(r'duration\(\s*"(\w+)"', text))
    for path, text in sources.items():
        if match := re.search(r"static let defaultGRPCPort = (\d+)", text):
            name = re.search(r'static let name = "(\w+)"', text)[1]
            code.grpc[name] = int(match[1])
            code.admin[name] = int(re.search(r"static let defaultAdminPort = (\d+)", text)[1])
            own = set(re.findall(r'"(CONTRAIL_[A-Z_]+)"', text))
            own |= {f"CONTRAIL_{client.upper()}" for client in re.findall(r'settings\.client\(\s*"(\w+)"', text)}
            code.own[name] = own
        if path.name == "AdminServer.swift":
            code.admin_paths = set(re.findall(r'router\.get\("([^"]+)"\)', text))
        if path.name == "ServiceCommand.swift":
            code.commands = set(re.findall(r'case "([a-z]+)": self', text))
        if path.name == "SecretFiles.swift":
            code.secrets = set(re.findall(r'"([A-Z_]+)"', re.search(r"let variables = \[(.*?)\]", text, re.DOTALL)[1]))
        if "ContrailCLI" in str(path):
            for name, body in re.findall(r'commandName: "([a-z-]+)"(.*)', text, re.DOTALL):
                code.contrail.setdefault(name, set()).update(options(body))
    return code


def options(text: str) -> set[str]:
    """Names of the options that properties declare, as the argument parser makes them."""
    found = set(re.findall(r'customLong\("([a-z-]+)"', text))
    declaration = r"@(?:Option|Flag)\b[^\n]*(?:\n(?!\s*(?:@|func|var))[^\n]*)*\n\s*(?:private )?var (\w+)"
    for name in re.findall(declaration, text):
        found.add(re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower())
    for name in re.findall(r"@(?:Option|Flag)\b.*\bvar (\w+)", text):
        found.add(re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower())
    return found


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(ms|s|m)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


def check_environment(code: Code, service: str, environment: dict[str, str], mounts: set[str]) -> list[str]:
    """What is wrong with the variables of a service, or of "contrail".

    mounts are the folders and files that its container has: a variable that names a file must name one of those.
    """
    problems = []
    for variable, value in environment.items():
        base = variable.removesuffix("_FILE") if variable.endswith("_FILE") else variable
        if base != variable and variable not in code.literals:
            if base not in code.secrets:
                problems.append(f"{variable}: {base} cannot come from a file")
            if environment.get(base):
                problems.append(f"{variable} is set together with {base}")
            if not is_mounted(value, mounts):
                problems.append(f"{variable} names {value}, which is not mounted")
        elif value.startswith("/") and not is_mounted(value, mounts):
            problems.append(f"{variable} names {value}, which is not mounted")
        if not code.is_read(base):
            problems.append(f"{variable} is read by no program")
        elif base not in code.documented and base not in LIBPQ:
            problems.append(f"{variable} is not in docs/configuration.md")
        if not value:
            continue
        if base in code.choices and value.lower() not in code.choices[base]:
            problems.append(f"{variable}={value}: must be one of {', '.join(sorted(code.choices[base]))}")
        if base in code.durations and not re.fullmatch(r"[1-9]\d*(ms|s|m)", value):
            problems.append(f"{variable}={value}: must be a time such as 250ms, 5s or 2m")
        # What only one service or two know, the others must not be given.
        readers = [name for name, own in code.own.items() if base in own]
        if readers and service in code.own and service not in readers:
            problems.append(f"{variable} is read by {' and '.join(readers)} only")
        if service in code.own and base.startswith("CONTRAIL_USERS_") and "CONTRAIL_USERS" not in code.own[service]:
            problems.append(f"{variable} is not read by {service}, which calls nobody")
    return problems


def is_mounted(path: str, mounts: set[str]) -> bool:
    return any(path == mount or path.startswith(mount.rstrip("/") + "/") for mount in mounts)


def check_ports(code: Code, service: str, grpc: int, admin: int, environment: dict[str, str]) -> list[str]:
    """Whether the ports of a container are those that the service listens on, and those that it has by default."""
    problems = []
    for name, port, default in (
        ("CONTRAIL_GRPC_LISTEN", grpc, code.grpc[service]),
        ("CONTRAIL_ADMIN_LISTEN", admin, code.admin[service]),
    ):
        host, _, number = environment.get(name, "").rpartition(":")
        if host != "0.0.0.0":
            problems.append(f"{name}={environment.get(name)}: nobody outside the container reaches that")
        elif int(number) != port:
            problems.append(f"{name} says {number}, the container's port is {port}")
        if port != default:
            problems.append(f"port {port} is not {default}, which the code and the documentation have")
    return problems


def addresses(variable: str, value: str) -> list[tuple[str, int]]:
    """Hosts and ports that a variable names and that something must listen on."""
    if variable == "PGHOST":
        return [(value, 5432)]
    if variable.endswith("_LISTEN"):
        return []
    found = []
    for part in value.split(","):
        match = re.fullmatch(r"(?:(\w+)://)?(?:[^@/]*@)?([a-z0-9.-]+):(\d+)(?:/\S*)?", part)
        if match:
            found.append((match[2], int(match[3])))
    return found
