"""A segment and what is known of it, so that another agent can be told the same: replays, and absences of the host."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from clusterbook.execute.segments import Segment, Take
from clusterbook.execute.session import Answer
from clusterbook.execute.shelf import Kept
from clusterbook.records import dataclass

# Events of modules while they run: a module that is not run again does not send them again.
NOT_REPEATED = frozenset({"output", "progress", "job", "waiting"})


@dataclass(frozen=True)
class Absence:
    """A host may be gone because of a step. Seconds: limit, until it has to be back; delay, before it is looked for;
    connect, for one try (0: as always). since: when it was told, on the monotonic clock.
    """

    step: int
    limit: float
    delay: float
    connect: float
    since: float

    @property
    def passed(self) -> float:
        """Seconds since the host may be gone."""
        return time.monotonic() - self.since


@dataclass
class Work:
    """A segment with what is known of it here. kept: answers by number; seen: events taken."""

    segment: Segment
    take: Take
    answer: Answer
    kept: Kept
    seen: int = 0
    begun: bool = False
    absence: Absence | None = None
    _count: int = 0

    def restart(self) -> None:
        """Its events come from the first one again."""
        self._count = 0

    def new(self, events: Sequence[dict[str, Any]]) -> None:
        """Take those of the events that were not taken yet."""
        found = []
        for event in events:
            if event.get("type") not in NOT_REPEATED:
                self._count += 1
                if self._count <= self.seen:
                    continue
                self.seen = self._count
            if self.absence is not None and event.get("type") == "result" and event.get("id") == self.absence.step:
                self.absence = None
            found.append(event)
        self.take(found)

    def reply(self, question: dict[str, Any]) -> Any:
        """The answer, the same one when the same question comes again. Secrets are not kept."""
        number = question.get("number")
        if question.get("ask") == "away":
            return self._away(question)
        if number is None or question.get("ask") == "secret":
            return self.answer(question)
        if number in self.kept:
            return self.kept[number]
        value = self.answer(question)
        self.kept.add(number, value)
        return value

    def _away(self, question: dict[str, Any]) -> float:
        """The host may go away now, or is back; seconds since it said so first. Raises Refusal."""
        self.answer(question)
        known = self.absence
        if known is None or known.step != question["step"] or not question["again"]:
            limit, delay, connect = (float(question[name]) for name in ("limit", "delay", "connect"))
            known = self.absence = Absence(int(question["step"]), limit, delay, connect, time.monotonic())
        return known.passed
