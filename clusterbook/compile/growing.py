"""Hosts and groups that join during the run (add_host, group_by): later plays are compiled anew with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import takewhile
from threading import Lock
from typing import Any

from clusterbook.compile.plan import PlayPlan
from clusterbook.model import Block, Host, Inventory, Node, Project

# The inventory as it is by now, the number of the first play that is wanted -> the plays from there on.
Again = Callable[[Inventory, int], tuple[PlayPlan, ...]]

# The groups of a host that is in none.
ALONE = {"all", "ungrouped"}


class Growing:
    """The inventory of one run. What joins changes it in place, so that all who hold it see the same. Thread-safe."""

    def __init__(self, inventory: Inventory, again: Again) -> None:
        """inventory: as it was read; it is copied."""
        self._hosts = _copied(inventory.hosts)
        self._groups = {name: tuple(members) for name, members in inventory.groups.items()}
        self.inventory = replace(inventory, hosts=self._hosts, groups=self._groups)
        self._again = again
        self._grown = False
        # What add_host set for a host; the groups above one that came during the run.
        self._own: dict[str, dict[str, Any]] = {}
        self._parents: dict[str, list[str]] = {}
        # Hosts that came during the play, in that order: Ansible counts them to its hosts from then on.
        self._joined: list[str] = []
        self._lock = Lock()

    @property
    def joined(self) -> tuple[str, ...]:
        """Hosts that add_host brought or changed since the play began."""
        return tuple(self._joined)

    def add_host(self, name: str, groups: Iterable[str], variables: Mapping[str, Any]) -> bool:
        """A host in these groups, new or known, with these variables added to its own. Whether anything changed."""
        with self._lock:
            known = self._hosts.get(name)
            host = known or Host(name, ("all",), getattr(self._hosts, "common", {}))
            self._own.setdefault(name, {}).update(variables)
            host = replace(host, variables={**host.variables, **variables})
            self._hosts[name] = host
            joined = [self._join(name, group) for group in ("all", *self._with_parents(groups))]
            self._count_to_ungrouped(name)
            changed = any(joined) or known is None or dict(host.variables) != dict(known.variables)
            if any(joined):
                self._learn_groups(name)
            self._grown = self._grown or changed
            if changed and name not in self._joined:
                self._joined.append(name)
            return changed

    def group_by(self, host: str, group: str, parents: Iterable[str]) -> bool:
        """A known host in a group, and in the groups above it. Whether anything changed."""
        with self._lock:
            above = [name for name in parents if name != "all"]
            self._parents.setdefault(group, []).extend(above)
            joined = [self._join(host, name) for name in self._with_parents([group])]
            self._count_to_ungrouped(host)
            self._grown = self._grown or any(joined)
            if any(joined):
                self._learn_groups(host)
            return any(joined)

    def _with_parents(self, groups: Iterable[str]) -> list[str]:
        """The groups, and all above them: who is in a group is in those, too."""
        found = list(dict.fromkeys(groups))
        for group in found:  # grows meanwhile
            above = (*self.inventory.parents.get(group, ()), *self._parents.get(group, ()))
            found.extend(name for name in dict.fromkeys(above) if name not in found)
        return found

    def _join(self, name: str, group: str) -> bool:
        host = self._hosts[name]
        if group not in host.groups:
            self._hosts[name] = replace(host, groups=(*host.groups, group))
        members = self._groups.get(group, ())
        if name in members:
            return False
        place = self._first_of_children(members) if group == "all" else len(members)
        self._groups[group] = (*members[:place], name, *members[place:])
        return True

    def _count_to_ungrouped(self, name: str) -> None:
        """A host is in that group as long as it is in no other."""
        host, members = self._hosts[name], self._groups.get("ungrouped", ())
        alone = set(host.groups) <= ALONE
        if alone == (name in members):
            return
        groups = {*host.groups} ^ {"ungrouped"}
        self._hosts[name] = replace(host, groups=tuple(sorted(groups)))
        self._groups["ungrouped"] = (*members, name) if alone else tuple(one for one in members if one != name)

    def _first_of_children(self, members: tuple[str, ...]) -> int:
        """Where in the group `all` the hosts of its groups begin: those that are in none come before them."""
        direct = takewhile(lambda name: name in self._own or set(self._hosts[name].groups) <= ALONE, members)
        return len(list(direct))

    def _learn_groups(self, name: str) -> None:
        """What the host's groups set for it, below what add_host did. Raises InvalidProject."""
        host, joining = self._hosts[name], self.inventory.joining
        if joining is not None:
            given = {**joining(name, host.groups, self._parents), **self._own.get(name, {})}
            self._hosts[name] = replace(host, variables=given)

    def later(self, first: int) -> tuple[PlayPlan, ...] | None:
        """The plays from this one on, when something joined since they were compiled."""
        with self._lock:
            grown, self._grown = self._grown, False
            self._joined.clear()
            return self._again(self.inventory, first) if grown else None


def _copied(hosts: Mapping[str, Host]) -> dict[str, Host]:
    """The hosts in a mapping of the same kind: it may know the local machine without listing it."""
    copy = getattr(hosts, "copied", None)
    found: dict[str, Host] = copy() if copy is not None else dict(hosts)
    return found


def grows(project: Project) -> bool:
    """Whether some step adds hosts or groups."""
    nodes = [node for play in project.plays for part in (play.pre_tasks, play.tasks, play.post_tasks, play.handlers)
             for node in part]
    nodes += [node for role in project.roles.values() for file in role.task_files.values() for node in file]
    nodes += [node for role in project.roles.values() for node in role.handlers]
    nodes += [node for file in project.task_files.values() for node in file]
    return any(_adds(node) for node in nodes)


def _adds(node: Node) -> bool:
    if isinstance(node, Block):
        return any(_adds(part) for part in (*node.body, *node.rescue, *node.always))
    return node.module in ("ansible.builtin.add_host", "ansible.builtin.group_by")
