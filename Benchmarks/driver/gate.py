"""What CI checks: exact allocations, and instructions within a tolerance. Time is never gated: machines differ."""

import contextlib
import json
import os
import re
import tempfile
import time
from pathlib import Path

import builds
from builds import PACKAGE, Problem, output, say

BUDGETS = PACKAGE / "budgets.json"
ROWS = ["T1", "T2", "T3", "T4", "M1", "M2", "M3"]
TOLERANCE = 0.05
# Hashes are seeded at random otherwise, and a look-up takes as many steps as its bucket is long.
ENVIRONMENT = {**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1"}


def run(update):
    begin = time.monotonic()
    program = builds.swift("contrail-micro")
    counts = {}
    for (row, name), values in allocations(program).items():
        counts.setdefault(f"{row} {name}", {}).update(allocations=values)
    if isinstance(builds.valgrind(), str):
        if os.environ.get("CI"):
            raise Problem(f"callgrind is {builds.valgrind()}")
        say(f"instructions are not counted: valgrind is {builds.valgrind()}")
    else:
        for (row, name), values in instructions(program).items():
            counts.setdefault(f"{row} {name}", {}).update(instructions=values)
    compiler = output("swift", "--version").split("\n")[0]
    if update:
        BUDGETS.write_text(json.dumps({"compiler": compiler, "operations": counts}, indent=1, sort_keys=True) + "\n")
        say(f"wrote {BUDGETS.name}")
        return 0
    status = compare(counts, json.loads(BUDGETS.read_text()), compiler)
    say(f"the gate took {time.monotonic() - begin:.0f} s")
    return status


def allocations(program):
    """Allocations of one operation, on the thread that does it."""
    text = builds.run(
        [program, *ROWS, "--mode", "allocations"],
        "counting allocations",
        env={**ENVIRONMENT, "LD_PRELOAD": str(builds.malloc_counter())},
    )
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {(line["row"], line["name"]): line["allocs"] for line in lines}


@contextlib.contextmanager
def counted_by_callgrind(program, rows):
    """Runs rows under callgrind.

    Yields what it wrote: for each operation of the main thread (row, name, number of operations), the file."""
    if isinstance(builds.valgrind(), str):
        raise Problem(f"callgrind is {builds.valgrind()}")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # Valgrind gives up on the debug information of recent compilers.
        bare = folder / program.name
        builds.run(["strip", "--strip-debug", "-o", bare, program], "stripping the program")
        builds.run(
            [
                builds.valgrind(), "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes",
                f"--callgrind-out-file={folder / 'count'}", bare, *rows, "--mode", "instructions",
            ],
            "callgrind",
            env=ENVIRONMENT,
        )  # fmt: skip
        found = {}
        for file in folder.glob("count*"):
            text = file.read_text(errors="replace")
            trigger = re.search(r"^desc: Trigger: Client Request: (\w+)\|(.*)\|(\d+)$", text, re.MULTILINE)
            if trigger and re.search(r"^thread: 1$", text, re.MULTILINE):
                found[trigger[1], trigger[2], int(trigger[3])] = file
        if not found:
            raise Problem("callgrind counted nothing")
        yield found


def instructions(program):
    """Instructions of one operation, on the thread that does it."""
    found = {}
    with counted_by_callgrind(program, ROWS) as files:
        for (row, name, operations), file in files.items():
            totals = re.search(r"^(?:totals|summary): (\d+)", file.read_text(errors="replace"), re.MULTILINE)
            found[row, name] = round(int(totals[1]) / operations, 1)
    return found


def profile(rows):
    """Prints where the instructions of rows go, function by function, those of callees not included."""
    for program, known in (("contrail-micro", ROWS), ("contrail-encode", ["T5"])):
        wanted = [row for row in rows if row in known]
        if not wanted:
            continue
        with counted_by_callgrind(builds.swift(program), wanted) as files:
            for (row, name, operations), file in sorted(files.items()):
                say(f"\n{row} {name}, {operations} operations")
                text = builds.run(["callgrind_annotate", "--threshold=95", file], "callgrind_annotate")
                lines = re.findall(r"^ *([\d,]+) \( *([\d.]+)%\)  (.*)$", text, re.MULTILINE)
                for count, share, function in lines[1:26]:
                    function = re.sub(r"^\S*:(?=\S)", "", function)
                    # Without a name the library is what there is to say.
                    symbol, _, library = function.partition(" [")
                    if symbol.startswith("0x"):
                        symbol = Path(library.rstrip("]")).name
                    symbol = output("swift", "demangle", "--simplified", "--compact", symbol).strip()
                    each = int(count.replace(",", "")) / operations
                    say(f"  {each:12.1f}  {float(share):5.1f} %  {symbol[:100]}")
    others = [row for row in rows if row not in ROWS and row != "T5"]
    if others:
        say(f"{', '.join(others)}: not for callgrind; use perf on the program in Benchmarks/.build/release")
    return 0


def compare(counts, budgets, compiler):
    status = 0
    is_same_compiler = budgets["compiler"] == compiler
    if not is_same_compiler:
        say(f"instructions are shown only: the budgets are those of {budgets['compiler']}, this is {compiler}")
    for operation in sorted(budgets["operations"].keys() | counts.keys()):
        budget, count = budgets["operations"].get(operation), counts.get(operation)
        if budget is None or count is None:
            say(
                f"FAILED  {operation}: {'no budget' if budget is None else 'not measured'}; "
                "run dev/bench --gate --update"
            )
            status = 1
            continue
        for what, limit, is_gated in (
            ("allocations", budget.get("allocations"), True),
            ("instructions", budget.get("instructions"), is_same_compiler),
        ):
            value = count.get(what)
            if limit is None or value is None:
                continue
            most = limit if what == "allocations" else limit * (1 + TOLERANCE)
            is_over = value > most + 1e-9
            verdict = "ok    " if not is_over else "FAILED" if is_gated else "above "
            if is_over and is_gated:
                status = 1
            hint = (
                "" if is_over or value >= limit * (1 - TOLERANCE) else "; better than its budget, which can be lowered"
            )
            say(f"{verdict}  {operation}: {value:g} {what}, budget {limit:g}{hint}")
    if status:
        say("a budget is exceeded; if that is meant, run dev/bench --gate --update and commit Benchmarks/budgets.json")
    return status
