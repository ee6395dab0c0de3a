"""Inventories in YAML: groups by name with hosts, vars and children."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.inventory import constructed
from clusterbook.inventory.ranges import expand, split_port
from clusterbook.inventory.tree import Group, Tree, empty_mapping
from clusterbook.schema import problems
from clusterbook.source import SourceMapping, Vault, load, position_of


def read_yaml(
    path: Path, tree: Tree, cluster: Mapping[str, Any], vault: Vault | None = None,
    known: Callable[[bool], Mapping[str, Mapping[str, Any]]] = lambda files: {},
) -> None:  # fmt: skip
    """Add a file's groups and hosts to the tree. Raises InvalidProject with every problem of the file.

    cluster: the variables of the command's cluster, for hosts that a cloud lists. vault: opens what is encrypted.
    known(files): the variables of each host so far, those of group_vars/ and host_vars/ with files.
    """
    written = load(path, vault)
    if isinstance(written, Mapping) and "plugin" in written:
        if written["plugin"] in constructed.NAMES:
            constructed.read_constructed(path, written, tree, known(written.get("use_vars_plugins") is True))
        else:
            _read_plugin(path, written, tree, cluster)
        return
    found = problems(written, "inventory.schema.json", where=Position(str(path), 1, 1))
    if found:
        raise InvalidProject(found)
    for name, content in (written or {}).items():
        _read_group(name, content, position_of(written, name), tree)


def plugin_of(path: Path | str) -> str:
    """The plugin of a cloud that an inventory file names; '' for any other, or one that cannot be read."""
    if "," in str(path) or Path(path).suffix not in (".yml", ".yaml") or not Path(path).is_file():
        return ""
    written = load(Path(path))
    found = str(written.get("plugin", "")) if isinstance(written, Mapping) else ""
    return "" if found in constructed.NAMES else found


def _read_plugin(path: Path, written: Mapping[str, Any], tree: Tree, cluster: Mapping[str, Any]) -> None:
    if written["plugin"] != "aws_ec2":
        raise InvalidInput(
            f"there is no inventory plugin {written['plugin']!r}",
            where=position_of(written, "plugin"),
            next_step="Use aws_ec2, constructed, or a static inventory.",
        )
    from clusterbook.inventory.aws_ec2 import read_aws  # boto3 takes half a second to load

    read_aws(path, written, tree, cluster)


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
