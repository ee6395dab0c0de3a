"""Host patterns: all, group, a:b, a:&b, a:!b, globs, ~regular expressions, [0:2], commas; and --limit with @file."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from clusterbook.errors import InvalidInput, Position
from clusterbook.inventory.load import LOCAL_NAMES
from clusterbook.model import Inventory
from clusterbook.schema import nearest, suggestion
from clusterbook.source import read_text

SHOWN_HOSTS = 12
_SUBSCRIPT = re.compile(r"(.+)\[(-?\d+|\d*:-?\d*|\d+-\d*)\]$")
_ADDRESS = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


def matcher(
    inventory: Inventory, limit: str | None = None, unknown: Callable[[str], None] | None = None
) -> Callable[[str], list[str]]:
    """A function from a play's pattern to its hosts, in the pattern's order as in Ansible, with --limit applied.

    unknown: told of names that are not in the inventory, which then choose nothing.
    """
    allowed = None if not limit else set(match_limit(inventory, limit, unknown))

    def match_play(pattern: str) -> list[str]:
        names = match(inventory, pattern, unknown=unknown)
        return names if allowed is None else [name for name in names if name in allowed]

    return match_play


def match_limit(inventory: Inventory, limit: str, unknown: Callable[[str], None] | None = None) -> list[str]:
    """The hosts of --limit. Each name must exist; @FILE gives one pattern a line. unknown: see matcher."""
    patterns: list[str] = []
    for part in limit.split(",") if limit.lstrip().startswith("@") else [limit]:
        if part.strip().startswith("@"):
            if Path(part.strip()[1:]).is_dir():
                raise InvalidInput(
                    f"--limit {part.strip()} must be a file, not a directory", next_step="Name a file with hosts."
                )
            lines = read_text(Path(part.strip()[1:])).splitlines()
            patterns += [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
        elif part.strip():
            patterns.append(part.strip())
    return match(inventory, ",".join(patterns), strict=True, where=Position("--limit"), unknown=unknown)


def match(
    inventory: Inventory, pattern: str, strict: bool = False, where: Position | None = None,
    unknown: Callable[[str], None] | None = None,
) -> list[str]:  # fmt: skip
    """The names of the hosts that match. Raises InvalidInput for a name that is not in the inventory.

    strict: any unknown name is an error. Else, as in Ansible, a group that does not exist is an empty one, unless a
    name that is like it exists: then it is a slip. unknown: see matcher.
    """
    parts = split(pattern)
    plain = [part for part in parts if part[0] not in "&!"]
    ordered = [*(plain or ["all"]), *(part for part in parts if part[0] == "&"), *(p for p in parts if p[0] == "!")]
    found: dict[str, None] = {}
    for part in ordered:
        names = _known(inventory, part.lstrip("&!"), strict, where, unknown)
        if part[0] == "&":
            found = {name: None for name in found if name in set(names)}
        elif part[0] == "!":
            found = {name: None for name in found if name not in set(names)}
        else:
            found.update(dict.fromkeys(names))
    return list(found)


def _known(
    inventory: Inventory, part: str, strict: bool, where: Position | None, unknown: Callable[[str], None] | None
) -> list[str]:
    try:
        return _names(inventory, part, strict or unknown is not None, where)
    except InvalidInput:
        if unknown is None:
            raise
        unknown(part)
        return []


def split(pattern: str) -> list[str]:
    """The parts of a pattern, separated by commas or colons outside brackets; IPv6 addresses stay whole."""
    if "," in pattern:
        return [part for piece in pattern.split(",") for part in split(piece)]
    text = pattern.strip()
    if _ADDRESS.fullmatch(text) or text.startswith("~"):
        return [text]
    parts = re.findall(r"(?:[^:\[\]]|\[[^\]]*\])+", text)
    return [part.strip() for part in parts if part.strip("&! ")]


def _names(inventory: Inventory, part: str, strict: bool, where: Position | None) -> list[str]:
    found = None if part.startswith("~") else _SUBSCRIPT.match(part)
    if found and part not in inventory.hosts:
        names = _matching(inventory, found.group(1), strict, where)
        return _chosen(names, found.group(2))
    return _matching(inventory, part, strict, where)


def _chosen(names: list[str], subscript: str) -> list[str]:
    """[1] is the second, [-1] the last, [0:2] the first three: both ends count, as in Ansible."""
    if "-" in subscript[1:] and ":" not in subscript:
        subscript = subscript.replace("-", ":")
    if ":" not in subscript:
        index = int(subscript)
        return [names[index]] if -len(names) <= index < len(names) else []
    start, end = subscript.split(":")
    last = int(end) if end else len(names) - 1
    return names[int(start or 0) : (last if last >= 0 else len(names) + last) + 1]


def _matching(inventory: Inventory, name: str, strict: bool, where: Position | None) -> list[str]:
    if name in ("all", "*"):
        return list(inventory.groups.get("all", inventory.hosts))
    if name in inventory.groups:
        return list(inventory.groups[name])
    if name in list(inventory.hosts):
        return [name]
    if name in LOCAL_NAMES:
        return [name]
    if name.startswith("~") or any(sign in name for sign in "*?["):
        return _by_expression(inventory, _compiled(name, where))
    known = [*inventory.groups, *inventory.hosts]
    if strict or nearest(name, known) or not inventory.hosts:
        raise _unknown(name, known, inventory, where)
    return []


def _compiled(name: str, where: Position | None) -> re.Pattern[str]:
    try:
        return re.compile(name[1:] if name.startswith("~") else fnmatch.translate(name))
    except re.error as error:
        raise InvalidInput(
            f"{name!r} is not a regular expression: {error}", where=where, next_step="Correct the pattern."
        ) from None


def _by_expression(inventory: Inventory, expression: re.Pattern[str]) -> list[str]:
    groups: Iterable[str] = (name for name in inventory.groups if expression.match(name))
    found = [host for name in groups for host in inventory.groups[name]]
    return [*found, *(name for name in inventory.hosts if expression.match(name))]


def _some(hosts: Iterable[str]) -> str:
    """The first names of the inventory, and how many there are besides."""
    names = list(hosts)
    rest = f" and {len(names) - SHOWN_HOSTS} more" if len(names) > SHOWN_HOSTS else ""
    return (", ".join(names[:SHOWN_HOSTS]) or "none") + rest


def _unknown(name: str, known: list[str], inventory: Inventory, where: Position | None) -> InvalidInput:
    groups = ", ".join(group for group in inventory.groups if group != "ungrouped") or "none"
    return InvalidInput(
        f"there is no host or group {name!r} in the inventory{suggestion(name, known)}",
        where=where,
        next_step=f"Groups are: {groups}. Hosts are: {_some(inventory.hosts)}.",
    )
