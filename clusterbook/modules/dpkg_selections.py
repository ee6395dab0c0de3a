"""What dpkg shall do with a package: install, hold, deinstall, purge."""

from __future__ import annotations

from typing import Any, Dict, List

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System

NAME = "ansible.builtin.dpkg_selections"
KIND = "state"
SUBJECT = "name"
DESCRIPTION = "Set what dpkg shall do with a package, such as hold."
PARAMETERS = {
    "name": Parameter("str", "The package.", required=True),
    "selection": Parameter("str", "What shall be done with it.", required=True,
                           choices=("deinstall", "hold", "install", "purge")),
}


def observe(arguments: Arguments, system: System) -> State:
    """The selection that dpkg has."""
    done = system.query(["dpkg", "--get-selections", arguments["name"]])
    words = done.stdout.split()
    if done.returncode or len(words) < 2:
        raise ModuleFailed(f"package {arguments['name']} is not known to dpkg", {"rc": done.returncode},
                           "Install the package in an earlier step.")
    return {"selection": words[-1]}


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The selection."""
    if state["selection"] == arguments["selection"]:
        return []
    return [Change(f"selection of {arguments['name']}", state["selection"], arguments["selection"])]


def apply(arguments: Arguments, state: State, system: System) -> None:
    """dpkg --set-selections."""
    done = system.execute(["dpkg", "--set-selections"], stdin=f"{arguments['name']} {arguments['selection']}\n")
    if done.returncode:
        raise ModuleFailed(f"dpkg --set-selections failed: {done.stderr.strip()}", {"rc": done.returncode})


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return {"before": before["selection"], "after": arguments["selection"]}
