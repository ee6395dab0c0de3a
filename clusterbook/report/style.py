"""How much of a run a person wants to see."""

from __future__ import annotations

from clusterbook.records import dataclass


@dataclass(frozen=True)
class Style:
    """How much is shown. plan: the run is a check and lists what it would change."""

    json: bool = False
    diff: bool = False
    verbose: bool = False
    plan: bool = False
