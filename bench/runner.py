"""Run 40 steps that have nothing to change on light hosts, by each runner: `python -m bench.runner [--quick]`.

The same content for all; every runner first applies it (not counted) and must then say that nothing changed. The
floor is a connection to every host at once and the start of Python there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine, measure
from bench.cluster import CACHE, ROOT
from bench.contest import runners, work
from bench.contest.runners import Runner
from bench.report import write
from clusterbook.errors import ClusterbookError, Failed
from clusterbook.lab import lab, tree
from clusterbook.lab.spec import LabHost, LabSpec

NETWORK = "10.82.0."
HOSTS = 8


@dataclass
class Sample:
    """One run of one contestant."""

    what: str
    seconds: float
    cpu: float
    peak: int
    noise: machine.Noise


def light(name: str, number: int) -> LabSpec:
    """A lab of hosts that have nothing to do."""
    hosts = tuple(LabHost(f"h-{index + 1}", f"{NETWORK}{11 + index}") for index in range(number))
    return LabSpec(name, hosts, f"{NETWORK}0/24")


def contest(
    spec: LabSpec, directory: Path, rounds: int, without: list[str]
) -> tuple[list[dict[str, Any]], list[Sample], list[str]]:
    """Rows, samples and notes."""
    project = directory / "project"
    work.write(project, spec)
    mitogen = (project / "linear.yml").read_text().replace("strategy: linear", "strategy: mitogen_linear")
    (project / "mitogen.yml").write_text(mitogen)
    others, notes = runners.others(directory / "environments", without)
    contestants = [
        runners.floor(spec, project), runners.clusterbook("free", ROOT), runners.clusterbook("linear", ROOT), *others,
    ]  # fmt: skip
    samples, rows = [], []
    for one in contestants:
        try:
            own = [_measured(spec, one, project, directory) for _ in _applied(spec, one, project, directory, rounds)]
        except Failed as error:
            notes.append(f"{one.name} {one.version}: {error.message.splitlines()[0]}")
            print(error.message, flush=True)
            continue
        samples += own
        rows.append(_row(one, own))
    return rows, samples, notes


def _applied(spec: LabSpec, one: Runner, project: Path, directory: Path, rounds: int) -> range:
    """Let a runner do the work, and see that the next run of it leaves the hosts as they are."""
    if one.name == runners.FLOOR:
        return range(rounds)
    for attempt in ("applies", "checks"):
        before = tree.read(spec)
        cost = _call(spec, one, project, directory)
        if cost.exit_code != 0:
            raise Failed(f"{one.name} {attempt} with exit status {cost.exit_code}\n{cost.output[-1500:]}")
    changed = [line for line in tree.differences(before, tree.read(spec)) if work.TOP in line or "/etc/passwd" in line]
    if changed:
        raise Failed(f"{one.name} changes hosts on its second run: {changed[:3]}")
    return range(rounds)


def _call(spec: LabSpec, one: Runner, project: Path, directory: Path) -> measure.Cost:
    log = directory / "logs" / f"{one.name.split(',')[0].replace(' ', '-')}.log"
    argv = ["env", "-C", str(project), *one.argv]
    return measure.run(argv, runners.environment(one), log, spec)


def _measured(spec: LabSpec, one: Runner, project: Path, directory: Path) -> Sample:
    with machine.observed() as noise:
        cost = _call(spec, one, project, directory)
    print(f"{one.name}: {cost.seconds:.2f} s, machine {noise.busy:.0%} busy", flush=True)
    return Sample(one.name, cost.seconds, cost.cpu, cost.peak, noise)


def _row(one: Runner, samples: list[Sample]) -> dict[str, Any]:
    seconds = [sample.seconds for sample in samples]
    return {
        "what": one.name, "version": one.version, "seconds": statistics.median(seconds), "min": min(seconds),
        "max": max(seconds), "rounds": len(samples), "cpu": statistics.median([one.cpu for one in samples]),
        "peak_mib": statistics.median([one.peak for one in samples]) / 2**20,
        "busy": statistics.median([one.noise.busy for one in samples]),
    }  # fmt: skip


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.runner", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round instead of five")
    parser.add_argument("--hosts", type=int, default=HOSTS, help="number of hosts")
    parser.add_argument("--lab", default="runner", help="name of the lab; made when absent, left for the next run")
    parser.add_argument(
        "--without", action="append", default=[], metavar="RUNNER", help="leave out: ansible-core, mitogen, pyinfra"
    )
    parser.add_argument("--down", action="store_true", help="remove the lab afterwards")
    parser.add_argument("--document", type=Path, default=ROOT / "docs" / "measured.md")
    options = parser.parse_args(arguments)
    spec, directory = light(options.lab, options.hosts), CACHE / options.lab
    try:
        lab.up(spec, lambda line: None)
        rows, samples, notes = contest(spec, directory, 1 if options.quick else 5, options.without)
        if options.down:
            lab.down(spec)
    except ClusterbookError as error:
        print(f"error: {error.message}\n{error.next_step}", file=sys.stderr)
        return error.exit_code
    result = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"), "commit": machine.commit(ROOT),
        "machine": machine.description(), "steps": work.STEPS, "hosts": options.hosts, "floor": runners.FLOOR,
        "rows": rows, "samples": [asdict(one) for one in samples], "notes": notes,
    }  # fmt: skip
    (directory / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(write("runner", result, options.document))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
