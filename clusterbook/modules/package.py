"""Packages, by the host's package manager; that is apt on the hosts of clusterbook."""

from __future__ import annotations

from typing import Any, Dict, List

from clusterbook.modules import apt
from clusterbook.modules.contract import Arguments, Change, Parameter, State
from clusterbook.modules.system import System

NAME = "ansible.builtin.package"
KIND = "state"
DESCRIPTION = "Install and remove packages by the host's own manager."
PARAMETERS = {
    "name": Parameter("list", "The packages.", required=True, elements="str"),
    "state": Parameter("str", "What shall be.", required=True, choices=("absent", "latest", "present")),
    "use": Parameter("str", "The manager.", default="auto", choices=("auto", "apt")),
}


def complete(arguments: Arguments) -> Arguments:
    """The arguments as apt takes them."""
    defaults = {name: parameter.default for name, parameter in apt.PARAMETERS.items()}
    return {**defaults, "name": arguments["name"], "state": arguments["state"]}


def observe(arguments: Arguments, system: System) -> State:
    """See apt."""
    return apt.observe(complete(arguments), system)


def diff(arguments: Arguments, state: State) -> List[Change]:
    """See apt."""
    return apt.diff(complete(arguments), state)


def apply(arguments: Arguments, state: State, system: System) -> None:
    """See apt."""
    apt.apply(complete(arguments), state, system)


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """See apt."""
    return apt.settled(complete(arguments), before, after)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """See apt."""
    return apt.returns(complete(arguments), before, after)
