"""Variables of inventory and command line whose names are nearly a role's input, or nearly say the way to a host."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template
from clusterbook.model import Project, Role
from clusterbook.source import SourceMapping
from clusterbook.variables import Layer

_WORD = re.compile(r"[A-Za-z_]\w*")
# One or two wrong letters of a name of usual length; other names are people's own.
_ALIKE = 0.85
# Those of other names are rare, and so much like facts and variables of Ansible's that a guess would often be wrong.
_WAYS = {"ansible_connection", "ansible_host", "ansible_port", "ansible_user"}
_ALIKE_WAYS = 0.9
_BESIDE_PLAYBOOKS = ("tasks", "templates", "vars")


def problems(project: Project, layers: Iterable[Layer]) -> Iterator[InvalidInput]:
    """Each such variable once, unless something reads it by the name that it has."""
    inputs = {name for role in project.roles.values() for name in _inputs(role)}
    given = {(layer.position(name), name): layer for layer in layers for name in layer.values if name not in inputs}
    alike = {key: near for key in given if (near := _nearest(key[1], inputs)) is not None}
    if not alike:
        return
    read = set(_words(project, given.values()))
    for (where, name), near in alike.items():
        if name not in read:
            yield _unknown(name, near, where)


def _inputs(role: Role) -> Iterator[str]:
    yield from role.defaults
    for entry in role.argument_specs.values():
        options = entry.get("options") if isinstance(entry, Mapping) else None
        yield from options if isinstance(options, Mapping) else ()


def _nearest(name: str, inputs: set[str]) -> str | None:
    if name in _WAYS or name.removesuffix("s") in _WAYS:  # of several, such as ansible_users, people make lists
        return None
    found = difflib.get_close_matches(name, [each for each in inputs if each[:1] == name[:1]], n=1, cutoff=_ALIKE)
    found = found or difflib.get_close_matches(name, _WAYS, n=1, cutoff=_ALIKE_WAYS)
    return found[0] if found else None


def _words(project: Project, layers: Collection[Layer]) -> Iterator[str]:
    """Every word of the project's files but those that only give values, and of the expressions in these layers."""
    given = {layer.values.position.file for layer in layers if isinstance(layer.values, SourceMapping)}
    root = Path(project.root)
    folders = {Path(role.path) for role in project.roles.values()} | {root / name for name in _BESIDE_PLAYBOOKS}
    for path in (*root.iterdir(), *chain.from_iterable(folder.rglob("*") for folder in folders)):
        if path.suffix in {".yml", ".yaml", ".j2"} and str(path) not in given:
            yield from _WORD.findall(path.read_text(errors="replace"))
    for layer in layers:
        yield from _in_expressions(layer.values)


def _in_expressions(value: object) -> Iterator[str]:
    if isinstance(value, Template):
        yield from _WORD.findall(value.text)
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(map(_in_expressions, value.values()))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from chain.from_iterable(map(_in_expressions, value))


def _unknown(name: str, near: str, where: Position) -> InvalidInput:
    use = "says how the host is reached" if near in _WAYS else "a role reads"
    return InvalidInput(
        f"nothing reads the variable {name!r}; did you mean {near!r}?", where=where if where.file else None,
        next_step=f"Write {near!r}, which {use}, or remove it.",
    )  # fmt: skip
