"""How much of a run a person wants to see."""

from __future__ import annotations

from clusterbook.records import dataclass


@dataclass(frozen=True)
class Style:
    """How much is shown. plan: the run is a check and lists what it would change.

    asked: a person answers between the lines, so none is written over. drift: what a check finds, host by host.
    """

    json: bool = False
    diff: bool = False
    verbose: bool = False
    plan: bool = False
    asked: bool = False
    drift: bool = False
