"""What a tool did with a playbook, and in what two tools differ."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.differential.cases import ASPECTS, PHASES, Case
from tests.differential.tools import Tool
from tests.differential.twins import Pair, local_tree
from tests.differential.volatile import steady

Observed = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Verdict:
    """One case. unlike: what differs and is not declared; stale: declared differences that are none;

    foretold: our check mode told what the run then did, and Ansible's did not."""

    case: Case
    unlike: tuple[tuple[str, str, str], ...]
    stale: tuple[tuple[str, str], ...]
    foretold: bool = False

    @property
    def same(self) -> bool:
        """Whether nothing is left to explain."""
        return not self.unlike and not self.stale


def observe(case: Case, tool: Tool, pair: Pair) -> Observed:
    """Run the playbook three times from bare hosts."""
    pair.reset()
    place = tool.place(case)
    seen = {}
    for phase in PHASES:
        run = tool.run(case, phase == "check")
        seen[phase] = {**run, "hosts": pair.changes(), "local": local_tree(place / "out")}
    return seen


def compare(case: Case, theirs: Observed, ours: Observed) -> Verdict:
    """Aspect by aspect of every run."""
    unlike, stale, early = [], [], []
    for phase in PHASES:
        for aspect in ASPECTS:
            pair = [comparable(aspect, seen[phase][aspect]) for seen in (theirs, ours)]
            words = "\n".join(different("", *pair))
            if words and phase == "check" and foretold(aspect, theirs, ours):
                early.append(aspect)
                continue
            if words and (phase, aspect) not in case.differs:
                unlike.append((phase, aspect, words))
            if not words and (phase, aspect) in case.differs:
                stale.append((phase, aspect))
    return Verdict(case, tuple(unlike), tuple(stale), bool(early))


def comparable(aspect: str, value: Any) -> Any:
    """A value without what is volatile."""
    return {host: steady(changes) for host, changes in value.items()} if aspect == "hosts" else value


def foretold(aspect: str, theirs: Observed, ours: Observed) -> bool:
    """Whether our check mode told the first run's counts or status, which both tools agree on, where Ansible's did not.

    Ours sees what earlier steps would have done; Ansible's looks at each step as if it were the first.
    """
    return aspect in ("counts", "status") and ours["check"][aspect] == ours["first"][aspect] == theirs["first"][aspect]


def different(where: str, theirs: Any, ours: Any) -> Iterator[str]:
    """One line (several for a text) for each place in which two values differ."""
    if theirs == ours:
        return
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            if key != "sha256" or "text" not in theirs:
                yield from different(f"{where} {key}".strip(), theirs.get(key, "-"), ours.get(key, "-"))
    elif isinstance(theirs, str) and isinstance(ours, str) and "\n" in theirs + ours:
        lines = difflib.unified_diff(theirs.splitlines(), ours.splitlines(), "ansible", "clusterbook", lineterm="", n=1)
        yield f"{where}:\n" + "\n".join(lines)
    else:
        yield f"{where}: ansible {json.dumps(theirs)}, clusterbook {json.dumps(ours)}"
