"""Inventories that a program tells, as Ansible's inventory scripts do: `PROGRAM --list`, and `--host NAME` of old ones.

What it tells is data: text with braces stays text (ansible-core 2.19 does not trust it either).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.inventory.tree import Tree, empty_mapping
from clusterbook.source import SourceMapping, printable

_PARTS = ("hosts", "vars", "children")
# Of what a program that fails writes to standard error.
_LINES_SHOWN = 5


def is_script(path: Path) -> bool:
    """Whether the file is a program: it may be executed, and names its interpreter."""
    if not (path.is_file() and os.access(path, os.X_OK)):
        return False
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def read_script(path: Path, tree: Tree) -> None:
    """Add the groups and hosts that the program tells to the tree. Raises InvalidInput."""
    where = Position(str(path))
    told = _told(path, "--list")
    known = told.pop("_meta", {})
    variables = known.get("hostvars") if isinstance(known, Mapping) else None
    for name, content in told.items():
        _read_group(name, content, where, tree)
    hosts = dict.fromkeys(host for name in told for host in tree.groups[name].hosts)
    for host in (*hosts, *(name for name in variables or {} if name not in hosts)):
        own = _told(path, "--host", host) if variables is None else variables.get(host) or {}
        tree.host(host, where, _variables(own, f"the variables of host {host!r}", where))


def _told(path: Path, *words: str) -> dict[str, Any]:
    where, command = Position(str(path)), " ".join([str(path), *words])
    try:
        done = subprocess.run([str(path), *words], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise _wrong(f"it cannot be started: {error.strerror}", where, command) from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()[-_LINES_SHOWN:]
        said = f": {printable(' / '.join(lines))}" if lines else ", with nothing on standard error"
        raise _wrong(f"it ended with exit status {done.returncode}{said}", where, command)
    try:
        told = json.loads(done.stdout or b"{}")
    except ValueError as error:
        raise _wrong(f"what it wrote is not JSON: {error}", where, command) from error
    if not isinstance(told, dict):
        raise _wrong(f"it wrote {_short(told)}, expected a mapping", where, command)
    return told


def _short(value: Any) -> str:
    return printable(json.dumps(value))[:40]


def _wrong(what: str, where: Position, command: str) -> InvalidInput:
    return InvalidInput(f"the inventory script {where.file!r}: {what}", where=where, next_step=f"Run it: {command}")


def _read_group(name: str, content: Any, where: Position, tree: Tree) -> None:
    """A group as a mapping with hosts, vars, children; as a list of hosts; or, once, as one host's variables."""
    if isinstance(content, Mapping) and not any(part in content for part in _PARTS):
        content = {"hosts": [name], "vars": content} if content else {}
    parts = content if isinstance(content, Mapping) else {"hosts": content}
    group = tree.group(name, where)
    for part, target in (("hosts", group.hosts), ("children", group.children)):
        for item in _names(parts.get(part) or [], f"{part} of group {name!r}", where):
            target[item] = None
            if part == "hosts":
                tree.host(item, where)
            else:
                tree.group(item, where)
    if parts.get("vars"):
        group.variables.append(_variables(parts["vars"], f"vars of group {name!r}", where))


def _names(value: Any, what: str, where: Position) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(f"{what}: {_short(value)}, expected a list of names", where, f"{where.file} --list")
    return value


def _variables(value: Any, what: str, where: Position) -> SourceMapping:
    if not isinstance(value, Mapping):
        raise _wrong(f"{what}: {_short(value)}, expected a mapping", where, f"{where.file} --list")
    return empty_mapping(where, {str(name): (one, where) for name, one in value.items()})
