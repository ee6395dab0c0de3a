"""Hosts of a play: batches of `serial`, and the part of the variables that each host is sent."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.compile.plan import Selection
from clusterbook.errors import InvalidInput
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.program import EVERY_NAME, HostPart
from clusterbook.language.scope import Scope
from clusterbook.language.state import is_connection_variable, own_groups
from clusterbook.lookups.expressions import local_expressions
from clusterbook.model import Host, Inventory


def batches_of(hosts: Sequence[str], serial: Any) -> tuple[tuple[str, ...], ...]:
    """`serial`: a number, a percentage, or a list of them whose last one repeats. None: all at once."""
    if not hosts:
        return ()
    if serial in (None, 0, "0", []):
        return (tuple(hosts),)
    sizes = [_size(part, len(hosts)) for part in (serial if isinstance(serial, list) else [serial])]
    batches: list[tuple[str, ...]] = []
    rest = list(hosts)
    while rest:
        size = sizes[min(len(batches), len(sizes) - 1)]
        batches.append(tuple(rest[:size]))
        rest = rest[size:]
    return tuple(batches)


def _size(part: Any, count: int) -> int:
    text = str(part).strip()
    try:
        if text.endswith("%"):
            return max(1, int(float(text[:-1]) / 100 * count))
        return int(text) if int(text) > 0 else count
    except ValueError:
        raise InvalidInput(f"serial is {text!r}, expected a number or a percentage") from None


def ordered(hosts: Sequence[str], order: Any) -> tuple[str, ...]:
    """`order`: inventory (the default), reverse_inventory, sorted, reverse_sorted or shuffle."""
    kind = str(order or "inventory")
    if kind == "reverse_inventory":
        return tuple(reversed(hosts))
    if kind in ("sorted", "reverse_sorted"):
        return tuple(sorted(hosts, reverse=kind == "reverse_sorted"))
    if kind == "shuffle":
        return tuple(random.sample(list(hosts), len(hosts)))
    if kind != "inventory":
        raise InvalidInput(
            f"order is {kind!r}", next_step="Use inventory, reverse_inventory, sorted, reverse_sorted or shuffle."
        )
    return tuple(hosts)


def others_of(
    inventory: Inventory, shared: frozenset[str], selection: Selection, expressions: Expressions
) -> dict[str, Mapping[str, Any]]:
    """What every host of a play may be told of each: the variables that the play reads through `hostvars`.

    Where it may read all of them, what it does not name is asked for one by one.
    """
    shared -= {EVERY_NAME}
    if not shared:
        return {}
    return {
        name: shown_variables(host, inventory, shared, selection, expressions)
        for name, host in inventory.hosts.items()
    }


def host_part(host: Host, names: frozenset[str], others: Mapping[str, Mapping[str, Any]]) -> HostPart:
    """What only this host is sent: its own variables that the play can name, and other hosts' that it reads."""
    return HostPart(host.name, host.groups, sent_variables(host, names), others)


def sent_variables(host: Host, names: frozenset[str]) -> dict[str, Any]:
    """The host's own variables among those names; none that only steer its connection."""
    everything = EVERY_NAME in names
    return {name: value for name, value in host.variables.items() if _sent(name, names, everything)}


def _sent(name: str, names: frozenset[str], everything: bool) -> bool:
    return _told(name) and (everything or name in names)


def _told(name: str) -> bool:
    """Of the variables that steer a connection plays read those that Ansible has, and no password."""
    return not is_connection_variable(name) or (name.startswith("ansible_") and "pass" not in name)


def shown_variables(
    host: Host, inventory: Inventory, names: frozenset[str], selection: Selection,
    expressions: Expressions | None = None,
) -> dict[str, Any]:
    """The evaluated values of a host's variables, extra ones too, but for those that need a secret or a fact."""
    magic = {"inventory_hostname": host.name, "groups": {k: list(v) for k, v in inventory.groups.items()}}
    known = {**host.variables, **selection.extra_variables}
    if EVERY_NAME in names:
        wanted = {name for name in known if _told(name)}
        names = frozenset(wanted | {"inventory_hostname", "inventory_hostname_short", "group_names"})
    found: dict[str, Any] = {}
    scope = Scope([host.variables, selection.extra_variables, magic], expressions or local_expressions(), _refuse)
    for name in sorted(names):
        if name in known:
            try:
                found[name] = scope.evaluate(known[name])
            except ExpressionError:
                continue
    if "inventory_hostname" in names:
        found["inventory_hostname"] = host.name
    if "inventory_hostname_short" in names:
        found["inventory_hostname_short"] = host.name.split(".")[0]
    if "group_names" in names:
        found["group_names"] = own_groups(host.groups)
    return found


def _refuse(name: str) -> str:
    raise ExpressionError(f"secret {name!r} is not for other hosts")
