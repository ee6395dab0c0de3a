"""Services by their scripts in /etc/init.d."""

from __future__ import annotations

import time
from typing import Any, Dict, List

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed

NAME = "ansible.builtin.sysvinit"
KIND = "state"
SUBJECT = "name"
DESCRIPTION = "Start, stop and enable services by their scripts in /etc/init.d."
PARAMETERS = {
    "name": Parameter("str", "The service.", required=True, aliases=("service",)),
    "state": Parameter("str", "What it shall be doing.", choices=("reloaded", "restarted", "started", "stopped")),
    "enabled": Parameter("bool", "Whether it starts at boot."),
    "sleep": Parameter("int", "Seconds between stop and start of a restart.", default=1),
    "pattern": Parameter("str", "Text of its process, for scripts without a status command."),
    "arguments": Parameter("str", "Further words for the script.", aliases=("args",)),
    "runlevels": Parameter("list", "Run levels in which enabled counts; by default those of its script.",
                           elements="str"),
    "daemonize": Parameter("bool", "Accepted; the script never holds the step up.", default=False),
}
REQUIRED_ONE_OF = (("state", "enabled"),)


def observe(arguments: Arguments, system: System) -> State:
    """Whether it runs and starts at boot."""
    name = arguments["name"]
    script = f"/etc/init.d/{name}"
    if system.files.stat(script, True) is None:
        raise ModuleFailed(f"{script} does not exist", {"name": name}, "Use module systemd for units of systemd.")
    links = {path for level in levels(arguments) for path in system.files.matching(f"/etc/rc{level}.d/S??{name}")}
    wanted = levels(arguments) if arguments["runlevels"] else ["any"]
    return {"running": running(arguments, system), "enabled": len(links) >= len(wanted) and bool(links)}


def levels(arguments: Arguments) -> List[str]:
    """The run levels that count."""
    return arguments["runlevels"] or ["2", "3", "4", "5"]


def running(arguments: Arguments, system: System) -> bool:
    """What the script's status command says, or whether a process has the pattern."""
    if arguments["pattern"]:
        listed = system.query(["ps", "-eo", "args"]).stdout
        return any(arguments["pattern"] in line for line in listed.splitlines())
    return system.query([f"/etc/init.d/{arguments['name']}", "status"]).returncode == 0


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Running and enabled; a restart is always a change."""
    changes = []
    wanted = arguments["state"]
    if arguments["enabled"] is not None and arguments["enabled"] != state["enabled"]:
        changes.append(Change("enabled", state["enabled"], arguments["enabled"]))
    if wanted in ("restarted", "reloaded") or (wanted and state["running"] != (wanted == "started")):
        changes.append(Change("state", "started" if state["running"] else "stopped", wanted))
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """update-rc.d and the script."""
    name, wanted = arguments["name"], arguments["state"]
    if arguments["enabled"] is not None and arguments["enabled"] != state["enabled"]:
        verb = "enable" if arguments["enabled"] else "disable"
        succeed(system.execute(["update-rc.d", name, "defaults"]))
        succeed(system.execute(["update-rc.d", name, verb, *(arguments["runlevels"] or [])]))
    if wanted in (None, "started") and (state["running"] or wanted is None):
        return
    if wanted == "stopped" and not state["running"]:
        return
    verbs = {"started": ["start"], "stopped": ["stop"], "restarted": ["stop", "start"], "reloaded": ["reload"]}
    for index, verb in enumerate(verbs[str(wanted)]):
        if index:
            time.sleep(arguments["sleep"])
        succeed(system.execute([f"/etc/init.d/{name}", verb, *(arguments["arguments"] or "").split()]))


def succeed(done: Completed) -> None:
    """Raise the words of a program that failed."""
    if done.returncode:
        raise ModuleFailed(f"'{' '.join(done.argv)}' failed: {done.stderr.strip() or done.stdout.strip()}",
                           {"rc": done.returncode})


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left; a restart leaves it started."""
    wanted = "started" if arguments["state"] in ("restarted", "reloaded") else arguments["state"]
    return diff({**arguments, "state": wanted}, after)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return {"name": arguments["name"], "status": {
        "enabled": {"changed": before["enabled"] != after["enabled"]},
        "started": {"changed": before["running"] != after["running"]}}}
