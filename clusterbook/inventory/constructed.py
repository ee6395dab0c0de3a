"""`plugin: constructed`: variables and groups by expressions over the hosts of the inventories before it.

As ansible.builtin.constructed of ansible-core 2.19, but for `use_extra_vars` and cached facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.inventory.tree import Group, Tree, empty_mapping, no_secret
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.scope import Scope
from clusterbook.language.values import Template
from clusterbook.lookups.expressions import local_expressions
from clusterbook.schema import load_schema, problems
from clusterbook.source import position_of

NAMES = ("constructed", "ansible.builtin.constructed")
SCHEMA = "constructed-inventory.schema.json"
_EMPTY = (None, "")
# As Ansible makes names of groups fit: signs that no name of a variable has.
_UNFIT = re.compile(r"^\d|\W")


def read_constructed(
    path: Path, written: Mapping[str, Any], tree: Tree, known: Mapping[str, Mapping[str, Any]]
) -> None:
    """Add the variables and groups of a file. known: the variables of each host so far. Raises InvalidInput."""
    found = problems(written, SCHEMA, where=Position(str(path), 1, 1))
    if found:
        raise InvalidProject(found)
    rules = load_schema(SCHEMA)["properties"]
    settings = {name: written.get(name, rule.get("default")) for name, rule in rules.items()}
    expressions = local_expressions()
    for host, variables in known.items():
        _Host(host, {**variables, "inventory_hostname": host}, settings, tree, expressions).read()


class _Host:
    """One host, and what the file makes of it."""

    def __init__(
        self, name: str, variables: Mapping[str, Any], settings: Mapping[str, Any], tree: Tree, expressions: Expressions
    ) -> None:
        self._name, self._variables, self._settings, self._tree = name, dict(variables), settings, tree
        self._expressions = expressions

    def read(self) -> None:
        compose, groups = self._settings["compose"], self._settings["groups"]
        for name, expression in compose.items():
            where = position_of(compose, name)
            for value in self._evaluated(expression, f"compose.{name}", where):
                self._tree.host(self._name, where, empty_mapping(where, {name: (value, where)}))
                self._variables[name] = value
        for name, condition in groups.items():
            where = position_of(groups, name)
            if any(self._evaluated(condition, f"groups.{name}", where, condition=True)):
                self._group(name, where).hosts[self._name] = None
        for number, rule in enumerate(self._settings["keyed_groups"]):
            self._keyed(rule, position_of(self._settings["keyed_groups"], number))

    def _keyed(self, rule: Mapping[str, Any], where: Position) -> None:
        for key in self._evaluated(rule["key"], "key", where):
            names = list(self._names(key, rule, where))
            parents = self._evaluated(rule.get("parent_group"), "parent_group", where, text=True) if names else ()
            for parent in parents:
                for name in names:
                    group = self._group(name, where)
                    group.hosts[self._name] = None
                    if parent:
                        self._group(str(parent), where).children[group.name] = None

    def _group(self, name: str, where: Position) -> Group:
        if not name:
            raise InvalidInput(f"a group of host {self._name!r} would have no name", where=where,
                               next_step="Give it a prefix, or a default_value for what is empty.")  # fmt: skip
        return self._tree.group(_UNFIT.sub("_", name), where)

    def _names(self, key: Any, rule: Mapping[str, Any], where: Position) -> Iterator[str]:
        """The names of a keyed group for one host."""
        default, separator, prefix = rule.get("default_value"), rule.get("separator", "_"), rule.get("prefix", "")
        lead = "" if not prefix and self._settings["leading_separator"] is False else separator
        for part in self._parts(key, default, separator, rule, where):
            yield f"{prefix}{lead}{part}"

    def _parts(self, key: Any, default: Any, separator: str, rule: Mapping[str, Any], where: Position) -> Iterator[Any]:
        if key in _EMPTY:
            if default is not None:
                yield default
            elif self._settings["strict"]:
                raise InvalidInput(f"key {rule['key']!r} gives nothing for host {self._name!r}", where=where,
                                   next_step="Give it a default_value, or leave strict out.")  # fmt: skip
        elif isinstance(key, str):
            yield key
        elif isinstance(key, list):
            yield from (default if one in _EMPTY and default is not None else one for one in key)
        elif isinstance(key, Mapping):
            for name, value in key.items():
                if value not in _EMPTY:
                    yield f"{name}{separator}{value}"
                elif default is not None:
                    yield f"{name}{separator}{default}"
                else:
                    yield name if rule.get("trailing_separator") is False else f"{name}{separator}{value}"
        else:
            raise InvalidInput(f"key {rule['key']!r} gives {key!r} for host {self._name!r}", where=where,
                               next_step="Have it give a text, a list of texts, or a mapping.")  # fmt: skip

    def _evaluated(
        self, expression: Any, name: str, where: Position, condition: bool = False, text: bool = False
    ) -> list[Any]:
        """The value, alone; empty where it cannot be evaluated, unless the file is strict. text: with braces."""
        if not isinstance(expression, str | Template):
            return [expression]
        scope = Scope([self._variables], self._expressions, no_secret)
        try:
            if condition:
                return [scope.condition(expression)]
            if text:
                return [scope.evaluate(expression)]
            return [scope.evaluate(Template("{{ " + str(getattr(expression, "text", expression)) + " }}"))]
        except ExpressionError as error:
            if not self._settings["strict"]:
                return []
            raise InvalidInput(f"{name} of host {self._name!r}: {error.message}", where=where,
                               next_step="Correct the expression, or leave strict out.") from error  # fmt: skip
