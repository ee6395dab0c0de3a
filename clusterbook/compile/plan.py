"""What compiling gives: the plays with their hosts and programs, and what reports need to know of each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterbook.errors import Position
from clusterbook.language.program import HostPart, Program
from clusterbook.model import Host


@dataclass(frozen=True)
class Selection:
    """What of the project to run and how. tags: empty means all.

    become, become_user, force_handlers: for plays that do not say. gathering: implicit, explicit or smart, as Ansible's
    setting. resume: handlers that an unfinished run left run, too. whole_results: events carry all of a step's result.
    """

    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    limit: str = ""
    check: bool = False
    diff: bool = False
    extra_variables: Mapping[str, Any] = field(default_factory=dict)
    start_at_task: str = ""
    become: bool = False
    become_user: str = "root"
    force_handlers: bool = False
    gathering: str = "implicit"
    resume: bool = True
    whole_results: bool = False


@dataclass(frozen=True)
class StepInfo:
    """What a report says of a step. bases: directories from which its templates and files are looked up.

    implied: nobody wrote it (the facts that a play gathers by itself).
    """

    id: int
    name: str
    role: str
    module: str
    position: Position
    handler: bool = False
    bases: tuple[str, ...] = ()
    fixed_names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    implied: bool = False


@dataclass(frozen=True)
class PlayPlan:
    """One play for its hosts. batches: names of the hosts of each `serial` batch, in order."""

    name: str
    program: Program
    steps: Mapping[int, StepInfo]
    batches: tuple[tuple[str, ...], ...]
    hosts: Mapping[str, Host]
    parts: Mapping[str, HostPart]
    needs_root: bool
    secrets: frozenset[str]
    names: frozenset[str]
    any_errors_fatal: bool = False
    max_fail_percentage: float = 100.0
    pattern: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The plays in order."""

    plays: tuple[PlayPlan, ...]

    @property
    def steps(self) -> dict[int, StepInfo]:
        """Every step of every play by its number."""
        return {number: info for play in self.plays for number, info in play.steps.items()}
