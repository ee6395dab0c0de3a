"""A compiled play as the interpreter reads it, and its form on the wire.

Every field is data: unevaluated values with `Template` leaves. A host is sent one Program and its own HostPart.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple, Union

from clusterbook.language.values import decode, encode
from clusterbook.records import dataclass, field, fields

Place = Tuple[str, int, int]
# Among the names of variables: any name.
EVERY_NAME = "*"
# Fields of several parts; Python 3.9 evaluates this line, so typing's spelling.
Parts = Tuple[Any, ...]


@dataclass(frozen=True)
class Loop:
    """`loop` (kind loop) and `with_NAME` (kind NAME, a lookup): the items are evaluated once."""

    items: Any
    variable: Any = "item"
    index_variable: Any = ""
    label: Any = None
    pause: Any = 0
    extended: Any = False
    all_items: Any = True
    break_when: Parts = ()
    kind: str = "loop"


@dataclass(frozen=True)
class Step:
    """One task. layers: variables of blocks and the task, outermost first; parameters: of roles and includes.

    connection: (variable, value) pairs of another way to the host than the play's (`connection: local` of a task).
    """

    id: int
    name: Any
    module: str
    arguments: Any = None
    place: Place = ("", 0, 0)
    role: Optional[int] = None
    layers: Parts = ()
    parameters: Parts = ()
    when: Parts = ()
    loop: Optional[Loop] = None
    register: str = ""
    until: Parts = ()
    retries: Any = None
    delay: Any = 5
    changed_when: Parts = ()
    failed_when: Parts = ()
    ignore_errors: Any = False
    any_errors_fatal: Any = False
    notify: Parts = ()
    listen: Parts = ()
    become: Any = None
    become_user: Any = None
    environment: Parts = ()
    no_log: Any = False
    check_mode: Any = None
    diff: Any = None
    delegate_to: Any = None
    delegate_facts: Any = False
    connection: Parts = ()
    run_once: Any = False
    timeout: Any = 0
    throttle: Any = 0
    ignore_unreachable: Any = False
    run_async: Any = 0
    poll: Any = 10
    defaults: Parts = ()
    body: Optional[Parts] = None
    # The role whose variables the whole play sees once this include has run.
    exposes: Optional[int] = None
    # Roles whose handlers are known once this include has run.
    brings: Parts = ()
    # The file or role that this include brings, where the run shows it.
    brought: str = ""
    # The module as it is written, where that is another name; for `ansible_failed_task`, as the tags are.
    action: str = ""
    tags: Parts = ()


@dataclass(frozen=True)
class Group:
    """A block with a rescue or always part (plain blocks are dissolved by the compiler), or one use of a role.

    role: that role; use: what tells the use from others, which take other files or variables; again: also where an
    equal use has run on this host.
    """

    id: int
    name: Any
    body: Parts = ()
    rescue: Parts = ()
    always: Parts = ()
    role: Optional[int] = None
    use: str = ""
    again: bool = True


@dataclass(frozen=True)
class Flush:
    """Run the handlers that are notified by now. resumes: also those that an unfinished run left.

    Those wait for the end of the play's roles and tasks, for they may need what comes before.
    """

    id: int
    resumes: bool = False


Instruction = Union[Step, Group, Flush]


@dataclass(frozen=True)
class RolePart:
    """What the steps of one role see of it. public: the whole play sees its variables, too."""

    name: str
    path: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    parents: Parts = ()
    public: bool = True


@dataclass(frozen=True)
class Program:
    """One play, compiled. key names the play in the marks of pending handlers. late: roles that includes bring.

    grows: steps add hosts and groups, so that these are asked for when a step names them.
    whole_results: events carry all of a step's result, as registered. foresight: in check mode a step sees what earlier
    ones would have done.
    files: (place, step) of each of `variables` that is a file whose name a host gives, see language/files.py.
    shared: names that some play of the run reads of other hosts; what a host learns under one of them it reports.
    """

    key: str
    name: str
    instructions: Parts
    handlers: Parts = ()
    roles: Parts = ()
    variables: Parts = ()
    extra_variables: Mapping[str, Any] = field(default_factory=dict)
    role_defaults: Mapping[str, Any] = field(default_factory=dict)
    role_variables: Mapping[str, Any] = field(default_factory=dict)
    magic: Mapping[str, Any] = field(default_factory=dict)
    check: bool = False
    diff: bool = False
    whole_results: bool = False
    foresight: bool = True
    lockstep: bool = True
    become: Any = False
    become_user: Any = "root"
    force_handlers: bool = False
    modules: Parts = ()
    shared: Parts = ()
    late: Parts = ()
    grows: bool = False
    files: Parts = ()


@dataclass(frozen=True)
class HostPart:
    """What only this host is sent. hostvars: the variables of other hosts that the play names.

    given: what steps of other hosts learnt for this one in earlier plays, see HostState.accept.
    """

    name: str
    groups: Parts
    variables: Mapping[str, Any]
    hostvars: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Expansion:
    """What an include brings that was compiled when it ran. roles: pairs of index and RolePart that its steps name.

    handlers: of those roles; variables: of the host, that the new steps name; brought: as in Step; depth: how many of
    the steps' first parameters are those of the include itself, which has more where it is within a loop's item.
    """

    instructions: Parts
    roles: Parts = ()
    handlers: Parts = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    exposes: Optional[int] = None
    brought: str = ""
    depth: int = 0


_TYPES = {kind.__name__: kind for kind in (Step, Group, Flush, Loop, RolePart, Program, HostPart, Expansion)}


def to_wire(part: Any) -> Any:
    """A part of a program -> JSON data; fields with their default are left out."""
    kind = type(part)
    if kind.__name__ in _TYPES:
        data = {"": kind.__name__}
        for item in fields(part):
            value = getattr(part, item.name)
            if value != item.default:
                data[item.name] = to_wire(value)
        return data
    if isinstance(part, (tuple, list)):
        return [to_wire(item) for item in part]
    return encode(part)


def from_wire(data: Any) -> Any:
    """JSON data of the local machine -> the part of a program."""
    if isinstance(data, dict):
        if "" not in data:
            return decode(data, trusted=True)
        kind = _TYPES[data[""]]
        return kind(**{name: from_wire(value) for name, value in data.items() if name})
    if isinstance(data, list):
        return tuple(from_wire(item) for item in data)
    return data
