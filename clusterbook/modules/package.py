"""Packages, by the host's own manager: apt or dnf."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any, Dict, List, Mapping, Optional

from clusterbook.modules import apt, dnf, registry
from clusterbook.modules.contract import Arguments, Change, Parameter, State
from clusterbook.modules.parameters import coerce
from clusterbook.modules.system import System
from clusterbook.modules.system.packages import STATUS
from clusterbook.records import replace

NAME = "ansible.builtin.package"
KIND = "state"
DESCRIPTION = "Install and remove packages by the host's own manager."
OWN: Mapping[str, Parameter] = {
    "name": Parameter("list", "The packages.", required=True, elements="str"),
    "state": Parameter("str", "What shall be.", default="present",
                       choices=("absent", "installed", "latest", "present", "removed")),
    "use": Parameter("str", "The manager; by default the host's own.", default="auto",
                     choices=("apt", "auto", "dnf", "dnf4", "dnf5", "yum")),
}
WORDS = {"installed": "present", "removed": "absent"}


def passed_on() -> Dict[str, Parameter]:
    """What else the managers take, as Ansible passes on whatever it is given; each says whose it is."""
    both = {name: (apt.PARAMETERS.get(name), dnf.PARAMETERS.get(name))
            for name in [*apt.PARAMETERS, *dnf.PARAMETERS] if name not in OWN}
    return {name: replace(known, default=None, description=whose(of_apt, of_dnf),
                          aliases=tuple(alias for one in (of_apt, of_dnf) if one for alias in one.aliases))
            for name, (of_apt, of_dnf) in both.items() if (known := of_apt or of_dnf)}


def whose(of_apt: Optional[Parameter], of_dnf: Optional[Parameter]) -> str:
    """What a parameter means to the managers that have it."""
    if of_apt and of_dnf and of_apt.description == of_dnf.description:
        return f"For apt and dnf: {of_apt.description}"
    words = {"apt": of_apt, "dnf": of_dnf}
    return " ".join(f"For {name}: {one.description}" for name, one in words.items() if one)


PARAMETERS = {**OWN, **passed_on()}


def manager(arguments: Arguments) -> ModuleType:
    """The module of the manager."""
    if arguments["use"] == "apt" or (arguments["use"] == "auto" and os.path.exists(STATUS)):
        return apt
    return dnf


def complete(arguments: Arguments) -> Arguments:
    """The arguments as the manager's module takes them. ModuleFailed for what it does not know."""
    given = {name: value for name, value in arguments.items() if name != "use" and value is not None}
    given["state"] = WORDS.get(arguments["state"], arguments["state"])
    return coerce(registry.specification(manager(arguments).NAME), given)


def observe(arguments: Arguments, system: System) -> State:
    """See apt and dnf."""
    found: State = manager(arguments).observe(complete(arguments), system)
    return found


def diff(arguments: Arguments, state: State) -> List[Change]:
    """See apt and dnf."""
    found: List[Change] = manager(arguments).diff(complete(arguments), state)
    return found


def apply(arguments: Arguments, state: State, system: System) -> None:
    """See apt and dnf."""
    manager(arguments).apply(complete(arguments), state, system)


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """See apt and dnf."""
    found: List[Change] = manager(arguments).settled(complete(arguments), before, after)
    return found


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """See apt and dnf."""
    values: Dict[str, Any] = manager(arguments).returns(complete(arguments), before, after)
    return values
