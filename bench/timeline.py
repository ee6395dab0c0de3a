"""Where the time of a run went, from its journal: by role on the host that took longest, and the slowest steps.

`python -m bench.timeline RUN_DIRECTORY` prints it for any run.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.table import table
from clusterbook.journal import read

Events = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Span:
    """A stretch of one host's time: a step of a role with what led to it. seconds: since the host's step before."""

    host: str
    play: str
    role: str
    name: str
    end: float
    seconds: float
    status: str


def spans(events: Events) -> list[Span]:
    """Every result as a stretch of time. A handler's role is the one that has it."""
    found, last, play, begins = [], dict[str, float](), "", 0.0
    for event in events:
        if event["type"] == "play":
            play, begins = str(event.get("name", "")), float(event["time"])
        if event["type"] != "result" or "host" not in event:
            continue
        host, end = str(event["host"]), float(event["time"])
        start = max(begins, last.get(host, 0.0))
        found.append(Span(host, play, str(event.get("role") or "-"), str(event.get("name")), end,
                          max(0.0, end - start), str(event.get("status"))))  # fmt: skip
        last[host] = end
    return found


def by_role(found: Sequence[Span]) -> list[tuple[str, str, float, float]]:
    """(play, role, seconds on the slowest host, mean seconds of all hosts), in the order of first appearance."""
    hosts = {span.host for span in found}
    sums: dict[tuple[str, str], dict[str, float]] = {}
    for span in found:
        per_host = sums.setdefault((span.play, span.role), dict.fromkeys(hosts, 0.0))
        per_host[span.host] += span.seconds
    return [(play, role, max(values.values()), sum(values.values()) / len(values))
            for (play, role), values in sums.items()]  # fmt: skip


def slowest(found: Sequence[Span], number: int = 15) -> list[Span]:
    """The steps that took longest on the host where they took longest."""
    worst: dict[tuple[str, str], Span] = {}
    for span in found:
        key = (span.role, span.name)
        if key not in worst or span.seconds > worst[key].seconds:
            worst[key] = span
    return sorted(worst.values(), key=lambda span: -span.seconds)[:number]


def counts(events: Events) -> dict[str, int]:
    """Results by status, all hosts together."""
    found: dict[str, int] = {}
    for event in events:
        if event["type"] == "result":
            found[str(event["status"])] = found.get(str(event["status"]), 0) + 1
    return found


def describe(events: Events) -> str:
    """Both tables as text."""
    found = spans(events)
    roles = table(("play", "role", "slowest host s", "mean s"), by_role(found))
    steps = table(
        ("step", "role", "host", "s"), [(one.name, one.role, one.host, one.seconds) for one in slowest(found)]
    )
    return f"{roles}\n\n{steps}"


def main(arguments: list[str]) -> int:
    """Print the timeline of one run."""
    print(describe(read(Path(arguments[0]))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
