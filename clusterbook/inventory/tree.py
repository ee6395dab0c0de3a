"""Groups and hosts while an inventory is read, before variables are merged."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.records import dataclass
from clusterbook.source import SourceMapping

IMPLICIT_GROUPS = ("all", "ungrouped")


@dataclass
class Group:
    """One group: its own hosts, variables and children."""

    name: str
    position: Position
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    variables: list[SourceMapping] = field(default_factory=list)

    @property
    def priority(self) -> int:
        """ansible_group_priority: among groups of one depth, the higher number wins."""
        found = [int(values["ansible_group_priority"]) for values in self.variables if _has_priority(values)]
        return found[-1] if found else 1


@dataclass
class Tree:
    """Every group and host of all sources, in the order in which they were first named."""

    groups: dict[str, Group] = field(default_factory=dict)
    hosts: dict[str, Position] = field(default_factory=dict)
    host_variables: dict[str, list[SourceMapping]] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)

    def copied(self) -> Tree:
        """Another tree with the same variables."""
        groups = {
            name: Group(name, one.position, dict(one.hosts), dict(one.children), list(one.variables))
            for name, one in self.groups.items()
        }
        variables = {name: list(layers) for name, layers in self.host_variables.items()}
        return Tree(groups, dict(self.hosts), variables, list(self.sources))

    def group(self, name: str, position: Position) -> Group:
        """The group of that name, new or known."""
        return self.groups.setdefault(name, Group(name, position))

    def host(self, name: str, position: Position, values: SourceMapping | None = None) -> None:
        """A host, with more variables."""
        self.hosts.setdefault(name, position)
        if values:
            self.host_variables.setdefault(name, []).append(values)

    def finish(self) -> None:
        """Put groups without a parent below `all` and hosts without a group into `ungrouped`; refuse circles."""
        top = self.group("all", Position(""))
        rest = self.group("ungrouped", Position(""))
        grouped = {host for group in self.groups.values() if group.name not in IMPLICIT_GROUPS for host in group.hosts}
        for host in self.hosts:
            if host not in grouped:
                rest.hosts[host] = None
        top.children = {"ungrouped": None, **top.children}
        children = {child for group in self.groups.values() for child in group.children}
        for name in self.groups:
            if name != "all" and (name not in children or name == "ungrouped"):
                top.children[name] = None
        done: set[str] = set()
        for name in self.groups:
            self._refuse_circles(name, [], done)

    def members(self, name: str) -> list[str]:
        """Hosts of a group, then of its children level by level, each once, as they were written (Ansible's order)."""
        found: dict[str, None] = {}
        seen: dict[str, None] = {name: None}
        level = [name]
        while level:
            for group in level:
                found.update(self.groups[group].hosts)
            below = [child for group in level for child in self.groups[group].children if child not in seen]
            level = list(dict.fromkeys(below))
            seen.update(dict.fromkeys(level))
        return list({**found, **self.hosts} if name == "all" else found)

    def parents(self) -> dict[str, tuple[str, ...]]:
        """The groups right above each group, but `all`."""
        found: dict[str, tuple[str, ...]] = {}
        for group in self.groups.values():
            for child in group.children if group.name != "all" else ():
                found[child] = (*found.get(child, ()), group.name)
        return found

    def depths(self) -> dict[str, int]:
        """How far below `all` each group is, by the longest way."""
        depths = {"all": 0}
        waiting = ["all"]
        while waiting:
            name = waiting.pop()
            for child in self.groups[name].children:
                if depths.get(child, -1) < depths[name] + 1:
                    depths[child] = depths[name] + 1
                    waiting.append(child)
        return depths

    def _refuse_circles(self, name: str, above: list[str], done: set[str]) -> None:
        if name in above:
            chain = " -> ".join([*above[above.index(name) :], name])
            raise InvalidInput(
                f"group {name!r} is its own child: {chain}",
                where=self.groups[name].position,
                next_step="Remove one of the 'children' entries.",
            )
        if name in done:
            return
        for child in self.groups[name].children:
            self._refuse_circles(child, [*above, name], done)
        done.add(name)


def _has_priority(values: SourceMapping) -> bool:
    return str(values.get("ansible_group_priority", "")).lstrip("-").isdigit()


def empty_mapping(position: Position, entries: dict[str, tuple[Any, Position]] | None = None) -> SourceMapping:
    """A mapping with positions from name -> (value, place)."""
    result = SourceMapping(position)
    for name, (value, place) in (entries or {}).items():
        result[name] = value
        result.keys_at[name] = result.values_at[name] = place
    return result


def no_secret(name: str) -> str:
    """What expressions of an inventory are told that ask for a secret. Raises InvalidInput."""
    raise InvalidInput(f"the secret {name!r} cannot be used in an inventory", next_step="Remove it.")
