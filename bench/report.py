"""The result of a benchmark as text, and its section in the document of measurements."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import scale_page
from bench.table import table

HEAD = """# What was measured

Written by the benchmarks in `bench/`; each section is the last run on the machine that it names, with its date and
commit. `python -m bench.cluster` raises the cluster, `python -m bench.wide` runs on light hosts,
`python -m bench.cloud_plan` plans cloud resources, `python -m bench.runner` measures the rest. Each also keeps its
numbers in `docs/reports/bench-SECTION.json`; a section without such a file was measured before there were any.

A machine that did other work meanwhile says so: "busy" is the share of all cores in use by anybody, "calibration" the
milliseconds for a fixed piece of work on one core just before.
"""
Result = Mapping[str, Any]


def publish(section: str, result: Result, document: Path) -> str:
    """Put a result into its section of the document, and as JSON into the folder reports beside it."""
    reports = document.parent / "reports"
    reports.mkdir(exist_ok=True)
    (reports / f"bench-{section}.json").write_text(json.dumps(result, indent=1) + "\n")
    return write(section, result, document)


def write(section: str, result: Result, document: Path) -> str:
    """Put a result into its section of the document. Returns the section."""
    text = made(section, result)
    found = document.read_text() if document.is_file() else HEAD
    pattern = re.compile(rf"<!-- {section} -->.*<!-- end of {section} -->\n", re.DOTALL)
    replaced, number = pattern.subn(lambda match: text, found)
    document.write_text(replaced if number else f"{found.rstrip()}\n\n{text}")
    return text


def made(section: str, result: Result) -> str:
    """A section, between the marks of its beginning and end."""
    return f"<!-- {section} -->\n{SECTIONS[section](result)}\n<!-- end of {section} -->\n"


def _cluster(result: Result) -> str:
    rows = {row["what"]: row for row in result["rows"]}
    floor = rows["floor"]["ready"]
    columns = ("command", "s", "s until DNS answers", "x floor", "local CPU s", "local peak MiB", "hosts' CPU s",
               "changed", "round trips a host", "paths touched", "busy")  # fmt: skip
    cells = [
        (row["what"], row["seconds"], row["ready"], row["ready"] / floor if row["ready"] else None, row["cpu"],
         row["peak_mib"] if row["what"] != "floor" else None, row["hosts_cpu"], row["changed"], row["round_trips"],
         row["touched"], f"{row['busy']:.0%}")
        for row in rows.values()
    ]  # fmt: skip
    return "\n".join([
        "## A cluster of three control planes and two workers, from booted bare hosts", "",
        _where(result), "", table(columns, cells), "",
        "The floor is a shell script that unpacks a snapshot of a cluster that `provision` raised: the same packages,",
        "binaries, units and configuration; it makes its certificates with openssl, signed by the same authorities.",
        "It neither checks sums nor looks before it writes, and its nodes need no bootstrap token. Both ends are the",
        "same: every node Ready, and a pod of its own has resolved a name. Artifacts, packages: from warm caches.",
        *([f"Paths that only one of both leaves on hosts: {len(result['end_state'])}."] if result["end_state"] else []),
    ])  # fmt: skip


def _contest(result: Result) -> str:
    # There is none where the floor was ended by the clock.
    floor = next((row["seconds"] for row in result["rows"] if row["what"] == result["floor"]), None)
    columns = ("runner", "version", "median s", "x floor", "min", "max", "rounds", "local CPU s", "local peak MiB",
               "busy")  # fmt: skip
    cells = [
        (row["what"], row["version"], row["seconds"], row["seconds"] / floor if floor else None, row["min"],
         row["max"], row["rounds"], row["cpu"], row["peak_mib"] if row["what"] != result["floor"] else None,
         f"{row['busy']:.0%}")
        for row in result["rows"]
    ]  # fmt: skip
    notes = ["", *result["notes"]] if result["notes"] else []
    plot = ["", *_plot(result["rows"])]
    return "\n".join([f"## {result['title']}", "", _where(result), "", table(columns, cells), *plot, *notes])


def _cloud_plan(result: Result) -> str:
    columns = ("resources", "median s", "max", "rounds", "local CPU s", "local peak MiB", "busy")
    busy = max(one["noise"]["busy"] for one in result["samples"])
    row = (result["resources"], result["seconds"], result["max"], result["rounds"], result["cpu"], result["peak_mib"],
           f"{busy:.0%}")  # fmt: skip
    return "\n".join([
        "## A plan of existing cloud resources that are as wanted", "", _where(result), "", table(columns, [row]), "",
        "`invoke update-cluster` on EC2 resources that are all there: every kind is listed and compared. AWS is moto",
        "on the same machine; its time is in the seconds, AWS's own distance is not.",
    ])  # fmt: skip


def _plot(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Bars in text, as long as the logarithm of the time: each further four letters are twice the seconds."""
    least = min(row["seconds"] for row in rows)
    width = max(len(row["what"]) for row in rows)
    bars = [f"{row['what']:<{width}}  {'█' * (4 + round(4 * math.log2(row['seconds'] / least)))} {row['seconds']:.2f} s"
            for row in rows]  # fmt: skip
    return ["```text", *bars, "```", "(four letters more: twice the time)"]


def _where(result: Result) -> str:
    """When, what and where, and how noisy."""
    where = result["machine"]
    noise = [sample["noise"] for sample in result["samples"]]
    calibration = [one["calibration"] for one in noise]
    return (
        f"{result['measured']}, commit {result['commit']}, {where['processor']}, {where['memory']}, "
        f"kernel {where['kernel']}. Calibration {min(calibration):.0f} to {max(calibration):.0f} ms, "
        f"load up to {max(one['load'] for one in noise):.0f}."
    )


CONTESTS = ("unchanged", "first", "ping", "delay", "files", "wide")
SECTIONS: Mapping[str, Callable[[Result], str]] = {
    "cluster": _cluster, "cloud-plan": _cloud_plan, "scale": scale_page.section, **dict.fromkeys(CONTESTS, _contest)
}  # fmt: skip
