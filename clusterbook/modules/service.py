"""Services, by the host's service manager; hosts of clusterbook run systemd."""

from __future__ import annotations

from typing import Any, Dict, List

from clusterbook.modules import systemd
from clusterbook.modules.contract import Arguments, Change, Parameter, State
from clusterbook.modules.system import System

NAME = "ansible.builtin.service"
KIND = "state"
DESCRIPTION = "Start, stop and enable services."
PARAMETERS = {
    "name": Parameter("str", "The service.", required=True),
    "state": systemd.PARAMETERS["state"],
    "enabled": systemd.PARAMETERS["enabled"],
    "sleep": Parameter("int", "Accepted; systemd waits by itself."),
    "pattern": Parameter("str", "Accepted; systemd knows its processes."),
    "arguments": Parameter("str", "Accepted; systemd passes none.", aliases=("args",), default=""),
    "runlevel": Parameter("str", "Accepted; systemd has none.", default="default"),
    "use": Parameter("str", "Accepted; the manager is systemd.", default="auto"),
}
REQUIRED_ONE_OF = (("state", "enabled"),)
REST = {"masked": None, "force": None, "daemon_reload": False, "daemon_reexec": False, "scope": "system",
        "no_block": False}


def observe(arguments: Arguments, system: System) -> State:
    """See systemd."""
    return systemd.observe({**REST, **arguments}, system)


def diff(arguments: Arguments, state: State) -> List[Change]:
    """See systemd."""
    return systemd.diff({**REST, **arguments}, state)


def apply(arguments: Arguments, state: State, system: System) -> None:
    """See systemd."""
    systemd.apply({**REST, **arguments}, state, system)


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """See systemd."""
    return systemd.settled({**REST, **arguments}, before, after)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """See systemd."""
    return systemd.returns({**REST, **arguments}, before, after)
