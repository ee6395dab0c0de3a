"""Inventories in YAML: groups by name with hosts, vars and children."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.inventory.ranges import expand, split_port
from clusterbook.inventory.tree import Group, Tree, empty_mapping
from clusterbook.schema import problems
from clusterbook.source import SourceMapping, load, position_of


def read_yaml(path: Path, tree: Tree) -> None:
    """Add a file's groups and hosts to the tree. Raises InvalidProject with every problem of the file."""
    written = load(path)
    if isinstance(written, Mapping) and "plugin" in written:
        raise InvalidInput(
            f"inventory plugin {written['plugin']!r} cannot be read yet",
            where=position_of(written, "plugin"),
            next_step="Use a static inventory.",
        )
    found = problems(written, "inventory.schema.json", where=Position(str(path), 1, 1))
    if found:
        raise InvalidProject(found)
    for name, content in (written or {}).items():
        _read_group(name, content, position_of(written, name), tree)


def _read_group(name: str, content: Any, position: Position, tree: Tree) -> None:
    group = tree.group(name, position)
    if not content:
        return
    if content.get("vars"):
        group.variables.append(content["vars"])
    _read_hosts(group, content.get("hosts"), position_of(content, "hosts"), tree)
    children = content.get("children") or {}
    for child, inner in children.items():
        group.children[child] = None
        _read_group(child, inner, position_of(children, child), tree)


def _read_hosts(group: Group, hosts: Any, position: Position, tree: Tree) -> None:
    if isinstance(hosts, str):
        hosts = empty_mapping(position, {hosts: (None, position)})
    for pattern, values in (hosts or {}).items():
        where = position_of(hosts, pattern)
        base, port = split_port(str(pattern))
        for name in expand(base, where):
            tree.host(name, where, _with_port(values, port, where))
            group.hosts[name] = None


def _with_port(values: SourceMapping | None, port: int | None, where: Position) -> SourceMapping | None:
    if port is None:
        return values
    result = empty_mapping(where, {"ansible_port": (port, where)})
    for name, value in (values or {}).items():
        result[name] = value
        result.keys_at[name] = values.keys_at[name] if values is not None else where
    return result
