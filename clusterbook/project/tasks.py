"""Task files: lists of tasks and blocks, from YAML to nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template
from clusterbook.model import Block, Node, Task
from clusterbook.modules import registry
from clusterbook.project import modules
from clusterbook.project.defaults import default_problems
from clusterbook.project.files import TASKS, encrypted, read_yaml, told
from clusterbook.project.keywords import task_keywords, uniform
from clusterbook.records import dataclass
from clusterbook.schema import nearest, suggestion
from clusterbook.source import Vault, position_of

_BLOCK_PARTS = {"name", "block", "rescue", "always"}
_ACTIONS = ("action", "local_action")
FAIL = "ansible.builtin.fail"


@dataclass
class TaskReader:
    """Reads nodes and collects every problem instead of stopping at the first.

    tolerant: as in Ansible, a module that does not exist here and arguments that a module does not take are failures of
    the task when it runs, so that a task which is skipped on these hosts harms nobody. encrypted: the file is, so tasks
    show no values unless they say so.
    """

    problems: list[InvalidInput] = field(default_factory=list)
    tolerant: bool = False
    encrypted: bool = False

    def nodes(self, written: Any, handler: bool = False) -> tuple[Node, ...]:
        """A list of tasks and blocks. What the schema has refused already is passed over."""
        found: list[Node] = []
        for item in written if isinstance(written, list) else ():
            if not isinstance(item, Mapping):
                continue
            node = self._block(item, handler) if "block" in item else self._task(item, handler)
            if node is not None:
                found.append(node)
        return tuple(found)

    def _block(self, written: Mapping[Any, Any], handler: bool) -> Block:
        keywords = uniform(written, _BLOCK_PARTS)
        self._check_defaults(keywords)
        return Block(
            name=written.get("name"),
            keywords=keywords,
            body=self.nodes(written.get("block"), handler),
            rescue=self.nodes(written.get("rescue"), handler),
            always=self.nodes(written.get("always"), handler),
            position=position_of(written),
        )

    def _check_defaults(self, keywords: Mapping[str, Any]) -> None:
        if not self.tolerant:
            self.problems.extend(default_problems(keywords))

    def _task(self, written: Mapping[Any, Any], handler: bool) -> Task | None:
        try:
            return self._read_task(written, handler)
        except InvalidInput as problem:
            self.problems.append(problem)
            return None

    def _read_task(self, written: Mapping[Any, Any], handler: bool) -> Task | None:
        keywords = uniform(written, {"name", "args", *_ACTIONS})
        self._check_defaults(keywords)
        try:
            key, module, text = self._module(written, task_keywords(handler))
        except NoModule as problem:
            if not self.tolerant:
                raise
            key, module, text = problem.key, FAIL, {"msg": problem.message}
        action = _action_name(written[key]) if key in _ACTIONS else _text(key)
        if module is None:
            return None
        keywords.pop(key, None)
        for name in list(keywords):
            if name not in task_keywords(handler):
                del keywords[name]
        if key == "local_action":
            keywords.update(delegate_to="localhost", connection="local")
        where = position_of(written, key)
        try:
            arguments = modules.arguments_of(module, text, None if module == FAIL else written.get("args"), where)
        except InvalidInput as problem:
            if not self.tolerant or module in modules.READ_BEFORE:
                raise
            module, arguments = FAIL, {"msg": problem.message}
        if not self.tolerant or module in modules.READ_BEFORE:
            self.problems.extend(modules.problems(module, arguments, where))
        elif registry.is_flow(module) and (wrong := modules.wrong(module, arguments, where)):
            module, arguments = FAIL, {"msg": wrong}
        if self.encrypted:
            keywords.setdefault("no_log", True)
        return Task(written.get("name"), module, arguments, keywords, position_of(written), action)

    def _module(self, written: Mapping[Any, Any], known: frozenset[str]) -> tuple[str, str | None, Any]:
        """(the key that names the module, its canonical name, what is written after it)."""
        for key in _ACTIONS:
            if key in written:
                self.problems.extend(_unknown_keywords(written, known, ()))
                return (key, *_from_action(key, written[key], position_of(written, key)))
        candidates = [key for key in written if key not in known]
        named = [key for key in candidates if registry.canonical(str(key))]
        if len(named) == 1:
            self.problems.extend(_unknown_keywords(written, known, named))
            return named[0], registry.canonical(named[0]), written[named[0]]
        if len(named) > 1:
            raise InvalidInput(
                f"a task has one module, this one has {' and '.join(repr(key) for key in named)}",
                where=position_of(written, named[1]),
                next_step="Make a task of each, or correct the indentation.",
            )
        if not candidates:
            raise InvalidInput(
                "the task names no module", where=position_of(written), next_step="Add one, such as 'command:'."
            )
        if self.tolerant and len(candidates) == 1:
            raise NoModule(candidates[0], _no_module(written, candidates[0], known))
        self.problems.extend(_no_module(written, key, known) for key in candidates)
        return "", None, None


def read_tasks(
    path: Path, problems: list[InvalidInput], tolerant: bool, vault: Vault | None, handlers: bool = False
) -> tuple[Node, ...]:
    """The nodes of a file of tasks or handlers; its problems are added to the list."""
    reader = TaskReader(tolerant=tolerant, encrypted=encrypted(path))
    nodes = reader.nodes(read_yaml(path, TASKS[handlers], problems, vault), handlers)
    problems.extend(told(reader.problems, path))
    return nodes


class NoModule(InvalidInput):
    """A task's module does not exist here. key: the key of the task that names it."""

    def __init__(self, key: str, problem: InvalidInput) -> None:
        """problem: in words."""
        super().__init__(problem.message, where=problem.where, next_step=problem.next_step)
        self.key = key


def _action_name(written: Any) -> str:
    """The module of `action` as it is written."""
    named = written.get("module") if isinstance(written, Mapping) else written
    return (_text(named).split() or [""])[0]


def _from_action(key: str, written: Any, where: Position) -> tuple[str, Any]:
    """The module and arguments of `action: copy src=a dest=b` or of `action: {module: copy, src: a}`."""
    rest: Any
    if isinstance(written, Mapping):
        name, rest = written.get("module"), {key: item for key, item in written.items() if key != "module"}
    else:
        text = written.text if isinstance(written, Template) else str(written)
        name, _, after = text.strip().partition(" ")
        rest = Template(after, written.file, written.line, written.column) if isinstance(written, Template) else after
    module = registry.canonical(name) if isinstance(name, str) else None
    if module is None and registry.alternative(str(name)):
        raise _refused(str(name), where)
    if module is None:
        wrong = InvalidInput(
            f"there is no module {str(name)!r}{suggestion(name, _module_names())}",
            where=where,
            next_step="Correct the module's name.",
        )
        raise NoModule(key, wrong)
    return module, rest


def _unknown_keywords(written: Mapping[Any, Any], known: frozenset[str], modules_named: Any) -> Iterator[InvalidInput]:
    for key in written:
        if key not in known and key not in modules_named:
            meant = nearest(key, known)
            yield InvalidInput(
                f"unknown keyword {_text(key)!r} of a task{suggestion(_text(key), known)}",
                where=position_of(written, key),
                next_step=f"Write {meant!r} instead, or remove it."
                if meant
                else "Remove it, or indent it below the module if it is a parameter.",
            )


def _refused(name: str, where: Position) -> InvalidInput:
    instead = registry.alternative(name)
    return InvalidInput(
        f"module {name!r} is not supported", where=where, next_step=f"{instead[0].upper()}{instead[1:]}."
    )


def _no_module(written: Mapping[Any, Any], key: Any, known: frozenset[str]) -> InvalidInput:
    if registry.alternative(_text(key)):
        return _refused(_text(key), position_of(written, key))
    return InvalidInput(
        f"{_text(key)!r} is neither a module nor a keyword of a task{suggestion(_text(key), known | _module_names())}",
        where=position_of(written, key),
        next_step="Correct the name.",
    )


def _module_names() -> set[str]:
    names = registry.names()
    return {*names, *(name.rpartition(".")[2] for name in names)}


def _text(key: Any) -> str:
    return key.text if isinstance(key, Template) else str(key)
