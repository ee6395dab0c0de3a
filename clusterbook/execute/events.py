"""Events of a run: plain dictionaries, written to the journal as they happen and shown by reports.

type: run, play, start, output, progress, result, retry, included, meta, warning, pending, rescued, unreachable,
failure, host_done, batch, nobody_left, summary.
Every event has `time` (seconds since the run began); those of a host have `host`, those of a step `step`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from clusterbook.agent.masking import Mask
from clusterbook.compile.plan import StepInfo
from clusterbook.errors import Position

COUNTED = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored", "unknown")


class Sink(Protocol):
    """Takes events one at a time."""

    def event(self, event: dict[str, Any]) -> None:
        """Take one event; must not raise."""


class Events:
    """Hands each event to every sink, in one order, with secrets masked. Counts results by host."""

    def __init__(
        self, sinks: Sequence[Sink], steps: Mapping[int, StepInfo], clock: Callable[[], float] = time.monotonic,
        mask: Mask | None = None,
    ) -> None:  # fmt: skip
        """steps: of the whole plan, to name them in events; clock: seconds; mask: knows secrets already."""
        self._steps = dict(steps)
        self._sinks = tuple(sinks)
        self._clock = clock
        self._started = clock()
        self._lock = Lock()
        self.mask = mask or Mask()
        self.counts: dict[str, dict[str, int]] = {}
        # What events of a step say of it: the same for all hosts.
        self._known: dict[int, dict[str, Any]] = {}

    def emit(self, kind: str, **details: Any) -> None:
        """Send an event to every sink."""
        with self._lock:
            about = self._about(details.get("step"))
            event = {"type": kind, "time": self._seconds(), **about, **harmless(self.mask.apply(details))}
            count(self.counts, event)
            for sink in self._sinks:
                sink.event(event)

    def know(self, steps: Mapping[int, StepInfo]) -> None:
        """Steps that were compiled during the run."""
        with self._lock:
            self._steps.update(dict(steps))
            self._known.clear()

    def summary(self) -> None:
        """The last event of a run: counts by host, of those whose turn came."""
        self.emit("summary", hosts={host: dict(counts) for host, counts in self.counts.items() if any(counts.values())})

    def _seconds(self) -> float:
        return round(self._clock() - self._started, 4)

    def _about(self, step: int | None) -> dict[str, Any]:
        if step is None:
            return {}
        if step not in self._known:
            self._known[step] = self._told(step)
        return self._known[step]

    def _told(self, step: int) -> dict[str, Any]:
        info = self._steps.get(step)
        if info is None:
            return {}
        about = {"name": info.name, "role": info.role, "module": info.module, "at": str(relative(info.position))}
        return {**about, "handler": True} if info.handler else about


def count(counts: dict[str, dict[str, int]], event: Mapping[str, Any]) -> None:
    """Add an event to the numbers of its host, as the recap shows them."""
    if event["type"] == "play":  # the table of counts is in the order of the inventory
        for name in event.get("hosts", ()):
            counts.setdefault(name, dict.fromkeys(COUNTED, 0))
    host = event.get("host")
    if host is None:
        return
    own = counts.setdefault(host, dict.fromkeys(COUNTED, 0))
    kind = event["type"]
    if kind == "result":
        status = "ignored" if event.get("ignored") else event["status"]
        own[status] += int(event.get("times", 1))
        if status in ("changed", "ignored"):
            own["ok"] += 1
        if event.get("changed"):  # a command that failed has run all the same
            own["changed"] += 1
    elif kind in ("rescued", "unreachable"):
        own[kind] += 1
        if kind == "rescued":
            own["failed"] -= 1
    elif kind == "failure":
        own["failed"] += 1


# Control characters, marks that turn the direction of text or end its line, and halves of characters that no output
# can be written with.
_STEERING = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)


def harmless(value: Any) -> Any:
    """The value without characters that steer a terminal: what hosts say is data."""
    if isinstance(value, str):
        return value if value.isprintable() else _STEERING.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {harmless(key): harmless(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [harmless(item) for item in value]
    return value


def relative(position: Position) -> Position:
    """The position with its file below the working directory, when it is there."""
    try:
        return Position(str(Path(position.file).relative_to(Path.cwd())), position.line)
    except ValueError:
        return Position(position.file, position.line)
