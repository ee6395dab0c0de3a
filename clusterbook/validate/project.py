"""What is wrong in what was read: every text that is evaluated, modes of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clusterbook.compile.context import as_list
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template
from clusterbook.model import Block, Node, Play, Project, RoleUse, Task
from clusterbook.source import SourceMapping, SourceSequence, position_of
from clusterbook.validate import names
from clusterbook.validate.expressions import Reader, condition_of
from clusterbook.validate.modes import of_modes
from clusterbook.variables import Layer

CONDITIONS = ("when", "changed_when", "failed_when", "until")
# What modules evaluate without braces.
_ARGUMENT_CONDITIONS = {"ansible.builtin.assert": "that", "ansible.builtin.debug": "var"}


def of_project(project: Project, layers: Iterable[Layer], reader: Reader) -> Iterator[InvalidInput]:
    """Everything that is wrong whatever hosts there are. layers: of the inventory, whose texts are read too."""
    layers, seen = list(layers), set[int]()
    for values in _variables(project, layers):
        if id(values) not in seen:
            seen.add(id(values))
            yield from _of_value(values, reader)
    for play in project.plays:
        yield from _of_value([play.name, play.hosts], reader)
        yield from _of_words(play.keywords, reader)
        for use in play.roles:
            yield from _of_use(use, reader)
    for role in project.roles.values():
        for use in role.dependencies:
            yield from _of_use(use, reader)
    for node in every_node(project):
        yield from _of_node(node, reader)
    yield from names.problems(project, layers)


def every_node(project: Project) -> Iterator[Node]:
    """Every task and block that was read."""
    for play in project.plays:
        yield from _inside((*play.pre_tasks, *play.tasks, *play.post_tasks, *play.handlers))
    for role in project.roles.values():
        for nodes in role.task_files.values():
            yield from _inside(nodes)
        yield from _inside(role.handlers)
    for nodes in project.task_files.values():
        yield from _inside(nodes)


def _inside(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, Block):
            yield from _inside((*node.body, *node.rescue, *node.always))


def _variables(project: Project, layers: Iterable[Layer]) -> Iterator[Mapping[str, Any]]:
    for play in project.plays:
        yield from _of_play(play)
    for role in project.roles.values():
        yield from (role.defaults, role.variables)
    for layer in layers:
        yield layer.values


def _of_play(play: Play) -> Iterator[Mapping[str, Any]]:
    yield play.variables
    yield from (values for values in play.vars_files if isinstance(values, Mapping))


def _of_use(use: RoleUse, reader: Reader) -> Iterator[InvalidInput]:
    yield from _of_value(use.parameters, reader)
    yield from _of_words(use.keywords, reader)


def _of_node(node: Node, reader: Reader) -> Iterator[InvalidInput]:
    yield from _of_value(node.name, reader)
    yield from _of_words(node.keywords, reader)
    if not isinstance(node, Task):
        return
    yield from _of_value(node.arguments, reader)
    if isinstance(node.arguments, Mapping):
        name = _ARGUMENT_CONDITIONS.get(node.module)
        if name is not None:
            yield from _of_conditions(node.arguments, name, node.position, reader)
        yield from of_modes(node.module, node.arguments, node.position)


def _of_words(words: Mapping[str, Any], reader: Reader) -> Iterator[InvalidInput]:
    """Keywords of a play, a role, a block or a task."""
    for name, value in words.items():
        if name not in CONDITIONS:
            yield from _of_value(value, reader)
    for name in CONDITIONS:
        if name in words:
            yield from _of_conditions(words, name, position_of(words), reader)
    control = words.get("loop_control")
    if isinstance(control, Mapping) and "break_when" in control:
        yield from _of_conditions(control, "break_when", position_of(control), reader)


def _of_conditions(words: Mapping[str, Any], name: str, default: Position, reader: Reader) -> Iterator[InvalidInput]:
    value = words.get(name)
    for number, item in enumerate(as_list(value)):
        where = words.values_at.get(name, default) if isinstance(words, SourceMapping) else default
        if isinstance(value, SourceSequence):
            where = value.items_at[number]
        text = condition_of(item, Template("", where.file, where.line, where.column))
        if text is not None:
            yield from reader.of_condition(text)


def _of_value(value: Any, reader: Reader) -> Iterator[InvalidInput]:
    """What is wrong in any text inside a value."""
    if isinstance(value, Template):
        yield from reader.problems(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, Template):
                yield from reader.problems(key)
            if not isinstance(item, str | int | None):
                yield from _of_value(item, reader)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _of_value(item, reader)
