"""What rules look at: every task, play, role and template of the files that are checked, as a person wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from clusterbook.errors import Position
from clusterbook.language.values import Template
from clusterbook.model import Role, Task
from clusterbook.source import SourceSequence, position_of

CONDITIONS = ("when", "changed_when", "failed_when", "until")


@dataclass(frozen=True)
class Step:
    """A task. written: its mapping; around: the play and blocks that it is in, the outermost first.

    role: empty outside of roles.
    """

    written: Mapping[Any, Any]
    task: Task
    handler: bool = False
    around: tuple[Mapping[Any, Any], ...] = ()
    role: str = ""

    def at(self, key: Any = None) -> Position:
        """Where the task starts, or one of its keys."""
        return position_of(self.written, key)

    @property
    def module(self) -> str:
        """The module's name without its collection."""
        return self.task.module.rpartition(".")[2]

    @cached_property
    def module_key(self) -> str:
        """The key that names the module, as written."""
        names = (str(key) for key in self.written)
        return next((name for name in names if name.rpartition(".")[2] == self.module), self.module)

    @property
    def arguments(self) -> Mapping[Any, Any]:
        """The module's arguments; none when only the run knows them."""
        return self.task.arguments if isinstance(self.task.arguments, Mapping) else {}

    def inherited(self, name: str) -> Any:
        """A keyword of the task or of what it is in."""
        found = (part[name] for part in (self.written, *reversed(self.around)) if name in part)
        return next(found, None)


@dataclass(frozen=True)
class Material:
    """Everything that one call looks at. files: text files that are rendered; known: names that others set.

    guessed: names come from files that only a run knows (an include_vars with an expression), so a name that seems
    undefined may be defined.
    """

    steps: tuple[Step, ...]
    plays: tuple[Mapping[Any, Any], ...]
    roles: tuple[Role, ...]
    files: tuple[Path, ...] = ()
    known: frozenset[str] = field(default_factory=frozenset)
    guessed: bool = False


def templates(value: Any) -> Iterator[Template]:
    """Every expression inside a value."""
    if isinstance(value, Template):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from templates(key)
            yield from templates(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from templates(item)


def conditions(written: Mapping[Any, Any]) -> Iterator[Template]:
    """Conditions of a task, block, play or use of a role, as expressions with their places."""
    for name in CONDITIONS:
        yield from _expressions(written, name)
    control = written.get("loop_control")
    if isinstance(control, Mapping):
        yield from _expressions(control, "break_when")


def argument_conditions(step: Step) -> Iterator[Template]:
    """What `assert` and `debug` evaluate without braces."""
    if step.module == "assert":
        yield from _expressions(step.arguments, "that")
    if step.module == "debug":
        yield from _expressions(step.arguments, "var")


def _expressions(written: Mapping[Any, Any], name: str) -> Iterator[Template]:
    value = written.get(name)
    for number, item in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(item, str):
            values_at = getattr(written, "values_at", {})
            where = values_at.get(name, position_of(written, name))
            if isinstance(value, SourceSequence):
                where = value.items_at[number]
            yield Template("{{ " + item + " }}", where.file, where.line, where.column)
