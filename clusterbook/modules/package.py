"""Packages, by the host's own manager: apt or dnf."""

from __future__ import annotations

import os
from dataclasses import replace
from types import ModuleType
from typing import Any, Dict, List, Mapping

from clusterbook.modules import apt, dnf, registry
from clusterbook.modules.contract import Arguments, Change, Parameter, State
from clusterbook.modules.parameters import coerce
from clusterbook.modules.system import System
from clusterbook.modules.system.packages import STATUS

NAME = "ansible.builtin.package"
KIND = "state"
DESCRIPTION = "Install and remove packages by the host's own manager."
OWN: Mapping[str, Parameter] = {
    "name": Parameter("list", "The packages.", required=True, elements="str"),
    "state": Parameter("str", "What shall be.", required=True,
                       choices=("absent", "installed", "latest", "present", "removed")),
    "use": Parameter("str", "The manager; by default the host's own.", default="auto",
                     choices=("apt", "auto", "dnf", "dnf4", "dnf5", "yum")),
}
WORDS = {"installed": "present", "removed": "absent"}


def passed_on() -> Dict[str, Parameter]:
    """What else the managers take, as Ansible passes on whatever it is given; each says whose it is."""
    found: Dict[str, Parameter] = {}
    for module in (apt, dnf):
        short = module.NAME.rpartition(".")[2]
        for name, parameter in module.PARAMETERS.items():
            known = found.get(name)
            words = f"For {short}: {parameter.description}"
            if known is None:
                found[name] = replace(parameter, description=words, default=None)
            else:
                both = f"For apt and dnf: {parameter.description}"
                words = both if known.description == f"For apt: {parameter.description}" else f"{known.description} {words}"
                aliases = tuple(dict.fromkeys((*known.aliases, *parameter.aliases)))
                found[name] = replace(known, description=words, aliases=aliases)
    return {name: parameter for name, parameter in found.items() if name not in OWN}


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
