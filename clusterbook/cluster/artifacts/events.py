"""What the supply of artifacts reports while it works, so that a build of minutes is never silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One thing that happened. kind: cached, started, progress, done; done and total count in unit."""

    artifact: str
    kind: str
    detail: str
    done: int = 0
    total: int = 0
    unit: str = ""


Report = Callable[[Event], None]


def silent(_: Event) -> None:
    """Report nothing."""
