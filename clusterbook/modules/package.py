"""Packages, by the host's own manager: apt or dnf."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any, Dict, List

from clusterbook.modules import apt
from clusterbook.modules.contract import Arguments, Change, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.packages import STATUS

NAME = "ansible.builtin.package"
KIND = "state"
DESCRIPTION = "Install and remove packages by the host's own manager."
PARAMETERS = {
    "name": Parameter("list", "The packages.", required=True, elements="str"),
    "state": Parameter("str", "What shall be.", required=True,
                       choices=("absent", "installed", "latest", "present", "removed")),
    "use": Parameter("str", "The manager; by default the host's own.", default="auto",
                     choices=("apt", "auto", "dnf", "dnf4", "dnf5", "yum")),
}
WORDS = {"installed": "present", "removed": "absent"}


def manager(arguments: Arguments) -> ModuleType:
    """The module of the manager."""
    if arguments["use"] == "apt" or (arguments["use"] == "auto" and os.path.exists(STATUS)):
        return apt
    from clusterbook.modules import dnf

    return dnf


def complete(arguments: Arguments) -> Arguments:
    """The arguments as the manager's module takes them."""
    defaults = {name: parameter.default for name, parameter in manager(arguments).PARAMETERS.items()}
    state = WORDS.get(arguments["state"], arguments["state"])
    return {**defaults, "name": arguments["name"], "state": state}


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
