"""Is the plan true? `python -m bench.plan_truth`: plan on bare hosts, then provision, then compare.

The plan must leave every byte of the hosts as it was, and no step that it shows as unchanged may change anything
afterwards. Steps that it calls unknown depend on ones that had not run yet; their number is printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from bench.cluster import CACHE, Bench, set_up
from bench.table import table
from clusterbook.journal import read as read_journal
from clusterbook.lab import tree

Events = Sequence[Mapping[str, Any]]
Step = tuple[str, str, str]
CHANGED, UNKNOWN = "changed", "unknown"


def outcomes(events: Events) -> dict[Step, set[str]]:
    """Every step of every host with the outcomes that it had: (host, file and line, name) -> statuses."""
    found: dict[Step, set[str]] = {}
    for event in events:
        if event["type"] == "result":
            step = (str(event["host"]), str(event.get("at")), str(event.get("name")))
            found.setdefault(step, set()).add(str(event["status"]))
    return found


def untrue(planned: Mapping[Step, set[str]], done: Mapping[Step, set[str]]) -> list[Step]:
    """Steps that changed a host although the plan showed them and said neither changed nor unknown."""
    return sorted(step for step, statuses in done.items()
                  if CHANGED in statuses and step in planned and not planned[step] & {CHANGED, UNKNOWN})  # fmt: skip


def unseen(planned: Mapping[Step, set[str]], done: Mapping[Step, set[str]]) -> list[Step]:
    """Steps that changed a host and that the plan did not show at all."""
    return sorted(step for step, statuses in done.items() if CHANGED in statuses and step not in planned)


def main(arguments: list[str]) -> int:
    """Plan, provision, compare. Exit status 1 when the plan was not true."""
    parser = argparse.ArgumentParser(prog="python -m bench.plan_truth", description=__doc__)
    parser.add_argument("--lab", default="bench", help="name of the lab; made when absent")
    options = parser.parse_args(arguments)
    bench = Bench(set_up(options.lab), CACHE / options.lab)
    bench.bare()
    before = tree.read(bench.spec)
    bench.command("plan of bare hosts", "plan")
    touched = tree.differences(before, tree.read(bench.spec))
    planned = outcomes(read_journal(bench.last_run()))
    bench.command("provision after plan", "provision")
    done = outcomes(read_journal(bench.last_run()))
    wrong, absent = untrue(planned, done), unseen(planned, done)
    rows = [
        ("paths that plan touched", len(touched)),
        ("steps shown as changed", sum(CHANGED in statuses for statuses in planned.values())),
        ("steps shown as unknown", sum(UNKNOWN in statuses for statuses in planned.values())),
        ("steps that provision changed", sum(CHANGED in statuses for statuses in done.values())),
        ("of these shown as unchanged", len(wrong)),
        ("of these not shown", len(absent)),
    ]
    print(table(("plan on bare hosts", "number"), rows))
    for line in [*touched[:20], *(" ".join(step) for step in [*wrong, *absent][:40])]:
        print(f"  {line}")
    return 1 if touched or wrong or absent else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
