"""Inventories in INI: [group], [group:vars], [group:children]."""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.inventory.ranges import expand, split_port
from clusterbook.inventory.tree import Tree, empty_mapping
from clusterbook.schema import suggestion
from clusterbook.source import read_text, text_value

_SECTION = re.compile(r"\[([^:\]]+)(?::(\w+))?\]\s*(?:[#;].*)?$")
_KINDS = ("hosts", "vars", "children")


def read_ini(path: Path, tree: Tree) -> None:
    """Add a file's groups and hosts to the tree. Raises InvalidProject with every problem of the file."""
    reader = _Reader(tree)
    for number, line in enumerate(read_text(path).splitlines(), 1):
        reader.line(line, Position(str(path), number, len(line) - len(line.lstrip()) + 1))
    reader.finish()
    if reader.problems:
        raise InvalidProject(reader.problems)


class _Reader:
    """The section that is open, and the groups that were named before they were defined."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._group = "ungrouped"
        self._kind = "hosts"
        self._awaited: dict[str, Position] = {}
        self.problems: list[InvalidInput] = []

    def line(self, line: str, where: Position) -> None:
        """One line of the file."""
        text = line.strip()
        if not text or text[0] in "#;":
            return
        try:
            if text.startswith("[") and (found := _SECTION.match(text)):
                self._section(found.group(1).strip(), found.group(2) or "hosts", where)
            elif self._kind == "hosts":
                self._host(text, where)
            elif self._kind == "vars":
                self._variable(text, where)
            else:
                self._child(text.split("#")[0].strip(), where)
        except InvalidInput as problem:
            self.problems.append(problem)

    def finish(self) -> None:
        """Groups that have only variables or were only named as children must exist."""
        for name, where in self._awaited.items():
            if name not in self._tree.groups:
                self.problems.append(
                    InvalidInput(
                        f"there is no group {name!r}{suggestion(name, self._tree.groups)}",
                        where=where,
                        next_step=f"Add a section [{name}], or correct the name.",
                    )
                )

    def _section(self, group: str, kind: str, where: Position) -> None:
        self._group, self._kind = group, kind if kind in _KINDS else "vars"
        if kind not in _KINDS:
            raise InvalidInput(
                f"unknown section kind {kind!r} of group {group!r}{suggestion(kind, _KINDS)}",
                where=where,
                next_step=f"Write [{group}], [{group}:vars] or [{group}:children].",
            )
        if kind == "vars" and group != "all":
            self._awaited.setdefault(group, where)
        else:
            self._tree.group(group, where)

    def _host(self, text: str, where: Position) -> None:
        try:
            words = shlex.split(text, comments=True)
        except ValueError as error:
            raise InvalidInput(
                f"{text!r} cannot be split into words: {str(error).lower()}",
                where=where,
                next_step="Close the quotation.",
            ) from None
        entries: dict[str, tuple[Any, Position]] = {}
        base, port = split_port(words[0])
        if port is not None:
            entries["ansible_port"] = (port, where)
        for word in words[1:]:
            name, equals, value = word.partition("=")
            if not equals:
                raise InvalidInput(
                    f"{word!r} after host {words[0]!r} is not NAME=VALUE",
                    where=where,
                    next_step="Write variables as NAME=VALUE, with quotes around spaces.",
                )
            entries[name] = (_typed(value, where), where)
        for host in expand(base, where):
            self._tree.host(host, where, empty_mapping(where, entries) if entries else None)
            self._tree.group(self._group, where).hosts[host] = None

    def _variable(self, text: str, where: Position) -> None:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(
                f"{text!r} is not NAME=VALUE", where=where, next_step="Write one variable a line as NAME=VALUE."
            )
        entry = empty_mapping(where, {name.strip(): (_typed(value.strip(), where), where)})
        self._tree.group(self._group, where).variables.append(entry)

    def _child(self, name: str, where: Position) -> None:
        self._awaited.setdefault(name, where)
        self._tree.group(self._group, where).children[name] = None


def _typed(text: str, where: Position) -> Any:
    """Python literals (numbers, True, quoted text, lists) as Ansible reads them; anything else is text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of text that only looks like a literal
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = text
    if value is Ellipsis:
        value = text
    value = _plain(value)
    return text_value(value, where) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """Literals of Python's own kinds as what YAML has; a mapping keeps its names."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is Ellipsis:
        return "..."
    if isinstance(value, complex):
        return str(value)
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value
