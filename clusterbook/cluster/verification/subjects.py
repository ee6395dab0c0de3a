"""A host as the verify files see it: its groups and its variables, evaluated when a test reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from clusterbook import source
from clusterbook.errors import InvalidInput
from clusterbook.language.scope import Scope
from clusterbook.lookups.expressions import local_expressions
from clusterbook.model import Host


class HostVariables(Mapping[str, Any]):
    """A host's variables by name, below them the defaults of all roles. Secrets are refused."""

    def __init__(self, scope: Scope) -> None:
        """scope: where names get their values."""
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        if name not in self._scope.names():
            raise KeyError(name)
        return self._scope.resolve(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope.names())

    def __len__(self) -> int:
        return len(self._scope.names())

    def holds(self, condition: str) -> bool:
        """The truth of a condition over these variables."""
        return self._scope.condition(condition)


class Subject:
    """One host to verify."""

    def __init__(self, host: Host, variables: HostVariables) -> None:
        """host: with its inventory variables evaluated as far as a connection needs."""
        self.host = host
        self.variables = variables

    @property
    def name(self) -> str:
        """The inventory's name of the host."""
        return self.host.name

    def concerns(self, groups: Sequence[str], condition: str) -> bool:
        """Whether a verify file for these groups, under that condition, is for this host."""
        if not set(groups) & set(self.host.groups):
            return False
        return not condition or self.variables.holds(condition)


def subjects(hosts: Mapping[str, Host], groups: Mapping[str, Sequence[str]], roles: Path) -> list[Subject]:
    """The hosts, each with what the inventory says of it and of the others."""
    defaults = _role_defaults(roles)
    expressions = local_expressions()
    shared: dict[str, Any] = {"groups": {name: list(members) for name, members in groups.items()}, "hostvars": {}}
    found = []
    for host in hosts.values():
        magic = {"inventory_hostname": host.name, "group_names": [name for name in host.groups if name != "all"]}
        scope = Scope([defaults, host.variables, magic, shared], expressions, _closed)
        variables = HostVariables(scope)
        shared["hostvars"][host.name] = variables
        found.append(Subject(host, variables))
    return found


def _role_defaults(roles: Path) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for path in sorted(roles.glob("*/defaults/main.yml")):
        defaults.update(source.load(path) or {})
    return defaults


def _closed(name: str) -> str:
    raise InvalidInput(f"a verify file asks for the secret {name}", next_step="Prove it without knowing the secret.")
