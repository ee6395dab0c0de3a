"""Units of systemd: running, enabled, masked."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Tuple

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State, Unknown
from clusterbook.modules.system import System
from clusterbook.modules.system.units import UnitState, full_name
from clusterbook.records import replace

NAME = "ansible.builtin.systemd_service"
KIND = "state"
SUBJECT = "name"
DESCRIPTION = "Start, stop, enable and mask units of systemd."
PARAMETERS = {
    "name": Parameter("str", "The unit; a service when it has no suffix.", aliases=("service", "unit")),
    "state": Parameter("str", "What shall run; restarted and reloaded act each time.",
                       choices=("reloaded", "restarted", "started", "stopped")),
    "enabled": Parameter("bool", "Whether it starts at boot."),
    "masked": Parameter("bool", "Whether it cannot be started at all."),
    "force": Parameter("bool", "Replace links of other units when enabling."),
    "daemon_reload": Parameter("bool", "Read unit files again first; done by itself where a unit needs it.",
                               default=False, aliases=("daemon-reload",)),
    "daemon_reexec": Parameter("bool", "Restart systemd itself first.", default=False, aliases=("daemon-reexec",)),
    "scope": Parameter("str", "Which manager.", default="system", choices=("system", "user", "global")),
    "no_block": Parameter("bool", "Do not wait for the unit.", default=False),
}
FIXED = ("static", "indirect", "generated", "alias", "transient")  # nothing to enable or disable


def prepare(arguments: Arguments, system: System) -> None:
    """Have unit files read again where that is asked for and no unit says whether it is needed."""
    if arguments["daemon_reexec"]:
        system.units.reload_manager(True, arguments["scope"])
    if not arguments["daemon_reload"]:
        return
    unit = system.units.show(arguments["name"], arguments["scope"]) if arguments["name"] else None
    if unit is None or not unit.exists:
        system.units.reload_manager(scope=arguments["scope"])
    else:
        arguments["_unit"] = unit


def observe(arguments: Arguments, system: System) -> State:
    """The unit, None without a name. ModuleFailed when systemd does not know it."""
    name = arguments["name"]
    if not name:
        if any(arguments[key] is not None for key in ("state", "enabled", "masked")):
            raise ModuleFailed("parameter 'name' is missing", next_step="Name the unit.")
        return {"unit": None}
    unit: UnitState = arguments.pop("_unit", None) or system.units.show(name, arguments["scope"])
    if not unit.exists and system.files.matching(f"/etc/systemd/system/{full_name(name)}"):
        unit = replace(unit, load_state="loaded", file_state="disabled", needs_reload=True)
    if not unit.exists:
        raise ModuleFailed(
            f"unit {full_name(name)} does not exist on the host", {"name": name},
            "Write its unit file or install its package in an earlier step.",
        )
    if arguments["masked"] and not is_masked(unit):
        refuse_to_mask(arguments, unit, system)
    masked = is_masked(unit) if arguments["masked"] is None else arguments["masked"]
    if masked and arguments["enabled"]:
        raise ModuleFailed(
            f"{full_name(name)} is masked, so it cannot be enabled", {"name": name},
            "Set masked: false, or enabled: false.",
        )
    if masked and (arguments["state"] == "restarted" or (arguments["state"] == "started" and not unit.running)):
        raise ModuleFailed(
            f"{full_name(name)} is masked, so it cannot be started", {"name": name},
            "Set masked: false, or leave it stopped.",
        )
    return {"unit": unit}


def is_masked(unit: UnitState) -> bool:
    """Whether the unit is a link to nothing."""
    return unit.file_state.startswith("masked") or unit.load_state == "masked"


def refuse_to_mask(arguments: Arguments, unit: UnitState, system: System) -> None:
    """A mask is a link where the administrator's own unit file would be; systemd replaces none. Raises ModuleFailed."""
    home = os.path.expanduser("~/.config/systemd/user")
    folder = {"system": "/etc/systemd/system", "global": "/etc/systemd/user"}.get(arguments["scope"], home)
    path = os.path.join(folder, full_name(unit.name))
    there = system.files.stat(path)
    if there is None or (there.kind == "link" and (arguments["force"] or there.target == "/dev/null")):
        return
    raise ModuleFailed(
        f"{full_name(unit.name)} cannot be masked: {path} is in the place of the mask", {"name": arguments["name"]},
        f"Remove {path}, or move it to /usr/local/lib/systemd/system, in an earlier step.",
    )


def diff(arguments: Arguments, state: State) -> List[Change]:
    """What is not as wanted; restarted and reloaded always are a change."""
    unit: UnitState = state["unit"]
    if unit is None:
        return []
    changes = []
    masked = is_masked(unit)
    if arguments["masked"] is not None and arguments["masked"] != masked:
        changes.append(Change("masked", masked, arguments["masked"]))
    wanted = arguments["enabled"]
    if wanted is not None and wanted != unit.enabled and unit.file_state not in FIXED:
        changes.append(Change("enabled", unit.enabled, wanted))
    acts = arguments["state"] in ("restarted", "reloaded")
    if acts or (arguments["state"] is not None and unit.running != (arguments["state"] == "started")):
        changes.append(Change("state", unit.active_state, arguments["state"]))
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Mask, enable and start, in this order."""
    unit: UnitState = state["unit"]
    scope = arguments["scope"]
    wanted = {change.what: change for change in diff(arguments, state)}
    if (unit.needs_reload or arguments["daemon_reload"]) and "enabled" not in wanted:  # enabling reloads by itself
        system.units.reload_manager(scope=scope)
    unit = replace(unit, needs_reload=False)
    force = ["--force"] if arguments["force"] else []
    if "masked" in wanted:
        verb = "mask" if arguments["masked"] else "unmask"
        unit = replace(unit, file_state="masked" if arguments["masked"] else "disabled",
                       load_state="masked" if arguments["masked"] else "loaded")
        system.units.command([verb, *force], unit.name, unit, scope)
        if verb == "unmask" and arguments["enabled"] is not None:
            wanted, unit = beneath_the_mask(arguments, unit, system)
    if "enabled" in wanted:
        verb = "enable" if arguments["enabled"] else "disable"
        unit = replace(unit, file_state=verb + "d")
        system.units.command([verb, *force], unit.name, unit, scope)
    if "state" in wanted:
        run_state(arguments, unit, system)


def beneath_the_mask(arguments: Arguments, unit: UnitState, system: System) -> Tuple[Dict[str, Change], UnitState]:
    """What is left to do once the mask is gone: only then it shows whether the unit is enabled. Unknown to a plan."""
    if system.predicting:
        raise Unknown(f"whether {unit.name} is enabled shows once its mask is gone")
    shown = system.units.show(unit.name, arguments["scope"])
    return {change.what: change for change in diff(arguments, {"unit": shown})}, shown


def run_state(arguments: Arguments, unit: UnitState, system: System) -> None:
    """Start, stop, restart or reload; what is not running is started instead of reloaded."""
    verb = {"started": "start", "stopped": "stop", "restarted": "restart", "reloaded": "reload"}[arguments["state"]]
    if verb == "reload" and not unit.running:
        verb = "start"
    active, sub = ("inactive", "dead") if verb == "stop" or unit.ends_by_itself else ("active", "running")
    block = ["--no-block"] if arguments["no_block"] else []
    becomes = replace(unit, active_state=active, sub_state=sub)
    system.units.command([*block, verb], unit.name, becomes, arguments["scope"])


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left after apply. A service that ended by itself without an error was started all the same."""
    unit: UnitState = after["unit"]
    wanted = arguments["state"]
    if wanted in ("restarted", "reloaded"):
        wanted = "started"
    left = diff({**arguments, "state": wanted}, after)
    ended = unit.active_state == "inactive" and unit.properties.get("Result", "success") == "success"
    if wanted == "started" and (ended or arguments["no_block"]):
        left = [change for change in left if change.what != "state"]
    elif wanted == "started" and unit.sub_state == "auto-restart":
        left.append(Change("state", "ended with an error and waiting to be tried again", "started"))
    return left


def why_left(arguments: Arguments, after: State, system: System) -> str:
    """The unit's last log lines, for one that ended as soon as it was started."""
    unit: UnitState = after["unit"]
    crashed = unit is not None and (unit.active_state == "failed" or unit.sub_state == "auto-restart")
    return system.units.last_lines(unit.name) if crashed else ""


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys; status holds everything that systemd says."""
    unit: UnitState = after["unit"]
    values: Dict[str, Any] = {"name": arguments["name"], "status": {}}
    if unit is not None:
        values["status"] = dict(unit.properties)
        values["state"] = arguments["state"] and ("stopped" if arguments["state"] == "stopped" else "started")
        values["enabled"] = arguments["enabled"]
    return {key: value for key, value in values.items() if value is not None}
