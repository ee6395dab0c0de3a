"""A segment is one play on one host. Where segments run: here (`here.py`), or in workers (`workers.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from clusterbook.execute.session import Answer
from clusterbook.model import Host
from clusterbook.records import dataclass

# Takes the events that came together, in order.
Take = Callable[[Sequence[dict[str, Any]]], None]


@dataclass(frozen=True)
class Segment:
    """What a host is to do. program: the play with what is sent ahead, the same object for all hosts of a batch."""

    host: Host
    root: bool
    program: Mapping[str, Any]
    part: Any


class Places(Protocol):
    """Where the hosts of a run are worked on."""

    def run(self, segment: Segment, take: Take, answer: Answer) -> bool:
        """Run a segment to its end; True when no step failed. Called by one thread a host. Raises ClusterbookError."""

    def stop(self) -> None:
        """Ask every agent to stop after its current step."""

    def forget(self, host: str) -> None:
        """Drop a host whose connection broke."""

    def close(self) -> None:
        """End everything."""
