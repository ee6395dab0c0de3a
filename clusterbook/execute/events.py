"""Events of a run: plain dictionaries, written to the journal as they happen and shown by reports.

type: run, play, start, result, retry, pending, rescued, unreachable, failure, host_done, summary. Every event has
`time` (seconds since the run began); those of a host have `host`, those of a step `step`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Protocol

from clusterbook.agent.masking import Mask

COUNTED = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored", "unknown")


class Sink(Protocol):
    """Takes events one at a time."""

    def event(self, event: dict[str, Any]) -> None:
        """Take one event; must not raise."""


class Events:
    """Hands each event to every sink, in one order, with secrets masked. Counts results by host."""

    def __init__(self, sinks: Sequence[Sink], clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds."""
        self._sinks = tuple(sinks)
        self._clock = clock
        self._started = clock()
        self._lock = Lock()
        self.mask = Mask()
        self.counts: dict[str, dict[str, int]] = {}

    def emit(self, kind: str, **details: Any) -> None:
        """Send an event to every sink."""
        with self._lock:
            event = {"type": kind, "time": round(self._clock() - self._started, 4), **self.mask.apply(details)}
            self._count(event)
            for sink in self._sinks:
                sink.event(event)

    def _count(self, event: dict[str, Any]) -> None:
        host = event.get("host")
        if host is None:
            return
        counts = self.counts.setdefault(host, dict.fromkeys(COUNTED, 0))
        kind = event["type"]
        if kind == "result":
            status = "ignored" if event.get("ignored") else event["status"]
            counts[status] += 1
            if status in ("changed", "ignored"):
                counts["ok"] += 1
        elif kind in ("rescued", "unreachable"):
            counts[kind] += 1
            if kind == "rescued":
                counts["failed"] -= 1
        elif kind == "failure":
            counts["failed"] += 1
