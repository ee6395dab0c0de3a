"""The values that flow between the stages: load -> validate -> compile -> execute -> report.

All are frozen. `Value` is plain YAML data (None, bool, int, float, str, list, dict, date) whose leaves may be
`clusterbook.language.values.Template` (text to evaluate) or `Secret` (a name that is resolved when a step uses it).
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, Callable, Iterable, Mapping, Optional, Protocol, Sequence, Union

from clusterbook.errors import Position
from clusterbook.records import dataclass

Value = Any
Variables = Mapping[str, Value]
NOWHERE = Position("")


@dataclass(frozen=True)
class Task:
    """One task. module: the canonical name (ansible.builtin.copy), action: as it is written; arguments: unevaluated."""

    name: Value
    module: str
    arguments: Value
    keywords: Mapping[str, Value]
    position: Position
    action: str = ""


@dataclass(frozen=True)
class Block:
    """block/rescue/always as written; keywords apply to everything inside."""

    name: Value
    keywords: Mapping[str, Value]
    body: tuple[Node, ...]
    rescue: tuple[Node, ...] = ()
    always: tuple[Node, ...] = ()
    position: Position = NOWHERE


Node = Union[Task, Block]


@dataclass(frozen=True)
class RoleUse:
    """A role named in a play's `roles:` or in another role's dependencies, with its parameters and keywords."""

    name: str
    parameters: Variables
    keywords: Mapping[str, Value]
    position: Position


@dataclass(frozen=True)
class Role:
    """A role's directory, read whole. task_files: path relative to the role -> nodes.

    allow_duplicates: run again though it ran with the same parameters (meta/main.yml).
    """

    name: str
    path: str
    defaults: Variables = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    task_files: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)
    handlers: tuple[Node, ...] = ()
    dependencies: tuple[RoleUse, ...] = ()
    argument_specs: Mapping[str, Value] = field(default_factory=dict)
    allow_duplicates: bool = False


@dataclass(frozen=True)
class Play:
    """One play as written. keywords holds every play keyword that is not a field of its own."""

    name: Value
    hosts: Value
    keywords: Mapping[str, Value]
    variables: Variables
    vars_files: tuple[Value, ...]
    roles: tuple[RoleUse, ...]
    pre_tasks: tuple[Node, ...]
    tasks: tuple[Node, ...]
    post_tasks: tuple[Node, ...]
    handlers: tuple[Node, ...]
    position: Position
    hosts_position: Optional[Position] = None


class Reader(Protocol):
    """Reads what a play names only during the run. Each raises InvalidInput with the file's first problem."""

    def role(self, name: str, where: Position) -> Role:
        """The role of that name, from the directories of roles."""

    def tasks(self, path: str, handlers: bool = False) -> tuple[Node, ...]:
        """The nodes of a file of tasks or handlers; path is absolute and exists."""

    def variables(self, path: str) -> Variables:
        """The variables of a file; path is absolute and exists."""


@dataclass(frozen=True)
class Project:
    """Everything that was read for one run: the plays in order and each role and task file that they can reach.

    task_files: absolute path -> nodes, for import_tasks / include_tasks outside roles. reader: for names that only
    the run gives; None where everything is known (tests). tolerant: what an include names is read when it runs, if it
    cannot be read before.
    """

    root: str
    plays: tuple[Play, ...]
    roles: Mapping[str, Role]
    task_files: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)
    reader: Optional[Reader] = field(default=None, compare=False)
    tolerant: bool = False


@dataclass(frozen=True)
class Host:
    """One host. groups: every group that it is in, parents included, 'all' too. layers: see variables.py.

    patience: seconds for which a host that cannot be reached is tried again at the start of a play.
    """

    name: str
    groups: tuple[str, ...]
    variables: Variables
    position: Position = NOWHERE
    patience: float = 0.0


# A host, its groups, and the parents of groups that came during the run -> the host's variables.
Joining = Callable[[str, Iterable[str], Mapping[str, Sequence[str]]], Variables]


@dataclass(frozen=True)
class Inventory:
    """Hosts by name in file order, and the host names of each group (with `all` and `ungrouped`).

    joining: the variables of a host by the groups that it is in by now, where groups can be joined.
    parents: the groups right above each group.
    """

    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]
    sources: tuple[str, ...] = ()
    joining: Optional[Joining] = field(default=None, compare=False)
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
