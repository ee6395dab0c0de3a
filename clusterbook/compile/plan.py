"""What compiling gives: the plays with their hosts and programs, and what reports need to know of each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Protocol

from clusterbook.errors import Position
from clusterbook.language.program import EVERY_NAME, Expansion, HostPart, Program, RolePart, Step
from clusterbook.model import Host, Inventory, Reader
from clusterbook.records import dataclass


@dataclass(frozen=True)
class Selection:
    """What of the project to run and how. tags: empty means all.

    become, become_user, force_handlers: for plays that do not say. gathering: implicit, explicit or smart, as Ansible's
    setting. resume: handlers that an unfinished run left run, too. whole_results: events carry all of a step's result.
    foresight: in check mode a step sees what earlier ones would have done; without it, what is, as in Ansible.
    role_checks: a role with argument specs begins with a step that compares its inputs with them on each host, as in
    Ansible; without it, what is known before the run is compared before any connection (validate/).
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
    foresight: bool = True
    role_checks: bool = False
    verbosity: int = 0
    forks: int = 0
    config_file: str = ""


@dataclass(frozen=True)
class StepInfo:
    """What a report says of a step. bases: directories from which its templates and files are looked up.

    named: the task has a name of its own; one without is called by its module.
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
    named: bool = True


class Expander(Protocol):
    """Compiles what an include names when it runs."""

    def expand(self, step: int, arguments: Mapping[str, Any], host: Host) -> Expansion:
        """The steps of an include for one host. Raises InvalidInput when the play does not allow the name."""

    def step(self, number: int) -> Step | None:
        """A step that an earlier answer brought."""

    @property
    def shared(self) -> frozenset[str]:
        """Variables of other hosts that the included steps read."""

    @property
    def local_texts(self) -> tuple[str, ...]:
        """Texts of the included steps, and of variables that they use, that may call the local machine."""

    @property
    def roles(self) -> tuple[RolePart, ...]:
        """Every role of the play that is known by now, at its index."""


class Growth(Protocol):
    """An inventory to which hosts and groups can be added during the run."""

    @property
    def inventory(self) -> Inventory:
        """As it is by now."""

    @property
    def joined(self) -> tuple[str, ...]:
        """Hosts that add_host brought or changed since the play began."""

    def add_host(self, name: str, groups: Iterable[str], variables: Mapping[str, Any]) -> bool:
        """Add a host; whether anything changed."""

    def group_by(self, host: str, group: str, parents: Iterable[str]) -> bool:
        """Put a host into groups; whether anything changed."""

    def later(self, first: int) -> tuple[PlayPlan, ...] | None:
        """The plays from this one on, compiled anew when something joined."""


def _no_others(host: str, names: frozenset[str]) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class PlayPlan:
    """One play for its hosts, which are in the order of the inventory. batches: of `serial`, in `order`.

    withheld: by host, which of its secrets are other hosts' alone.
    names: variables that it reads of other hosts; others(host, names) evaluates them from the inventory.
    local_texts: templates that may call the local machine (lookups), with braces.
    learnable: names that steps of the run register or set, EVERY_NAME among them where only the run tells which.
    """

    name: str
    program: Program
    steps: Mapping[int, StepInfo]
    batches: tuple[tuple[str, ...], ...]
    hosts: Mapping[str, Host]
    parts: Mapping[str, HostPart]
    needs_root: bool
    secrets: frozenset[str]
    names: frozenset[str]
    local_texts: tuple[str, ...] = ()
    any_errors_fatal: bool = False
    max_fail_percentage: float = 100.0
    pattern: str = ""
    tags: tuple[str, ...] = ()
    expander: Expander | None = field(default=None, compare=False)
    others: Callable[[str, frozenset[str]], Mapping[str, Any]] = field(default=_no_others, compare=False)
    dynamic: bool = False
    reader: Reader | None = field(default=None, compare=False)
    growing: Growth | None = field(default=None, compare=False)
    withheld: Mapping[str, frozenset[str]] = field(default_factory=dict)
    learnable: frozenset[str] = frozenset()

    def lasts(self, name: str) -> bool:
        """Whether a variable of another host, once read, is the same for the rest of the play."""
        if name in self.program.extra_variables:
            return True
        return name not in self.learnable and (name.startswith("ansible_") or EVERY_NAME not in self.learnable)


@dataclass(frozen=True)
class Plan:
    """The plays in order.

    hosts: of the whole inventory, for steps that are delegated; local: variables of this machine; common: of the group
    `all`, which hold for a host that is not in the inventory. growing: where hosts and groups join during the run, None
    when no step adds any.
    """

    plays: tuple[PlayPlan, ...]
    hosts: Mapping[str, Host] = field(default_factory=dict)
    local: Mapping[str, Any] = field(default_factory=lambda: {"ansible_connection": "local"})
    common: Mapping[str, Any] = field(default_factory=dict)
    growing: Growth | None = field(default=None, compare=False)

    @property
    def steps(self) -> dict[int, StepInfo]:
        """Every step of every play by its number."""
        return {number: info for play in self.plays for number, info in play.steps.items()}
