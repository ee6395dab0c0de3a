"""What was found of each playbook, kept from run to run: the document is made of the last result of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.differential.cases import Case, find
from tests.differential.compare import Verdict
from tests.differential.known import CACHE

FOLDER = CACHE / "differential" / "results"


@dataclass(frozen=True)
class Result:
    """One playbook. day: when it was compared; unlike: places that differ and are not declared.

    stale: declared differences that are none; foretold: see Verdict.
    """

    name: str
    day: str
    unlike: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    foretold: bool = False

    @property
    def same(self) -> bool:
        """Whether nothing is left to explain."""
        return not self.unlike and not self.stale


def keep(verdict: Verdict) -> None:
    """Remember what was found."""
    found = Result(
        verdict.case.name, f"{datetime.now(UTC):%Y-%m-%d}",
        tuple(f"{phase} {aspect}" for phase, aspect, _ in verdict.unlike),
        tuple(f"{phase} {aspect}" for phase, aspect in verdict.stale), verdict.foretold,
    )  # fmt: skip
    FOLDER.mkdir(parents=True, exist_ok=True)
    _path(verdict.case).write_text(json.dumps(asdict(found)))


def kept() -> Iterator[tuple[Case, Result]]:
    """The playbooks that have been compared, each with its last result."""
    for case in find([]):
        if _path(case).is_file():
            told = json.loads(_path(case).read_text())
            if "day" not in told:  # kept in another form, before
                continue
            yield case, Result(**{**told, "unlike": tuple(told["unlike"]), "stale": tuple(told["stale"])})


def _path(case: Case) -> Path:
    return FOLDER / f"{case.section}-{case.path.stem}.json"
