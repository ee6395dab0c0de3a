"""Groups of the host."""

from __future__ import annotations

from typing import Any, Dict, List

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.accounts import UNBORN, Group

NAME = "ansible.builtin.group"
KIND = "state"
DESCRIPTION = "Make and remove groups."
PARAMETERS = {
    "name": Parameter("str", "The group.", required=True),
    "state": Parameter("str", "Whether it exists.", default="present", choices=("absent", "present")),
    "gid": Parameter("int", "Its number."),
    "system": Parameter("bool", "Give a new one a number of the system's range.", default=False),
    "force": Parameter("bool", "Remove it though users have it as their main group.", default=False),
    "local": Parameter("bool", "Keep it out of directories such as LDAP.", default=False),
    "non_unique": Parameter("bool", "Accept a number that another group has.", default=False),
    "gid_min": Parameter("int", "Smallest number to choose."),
    "gid_max": Parameter("int", "Largest number to choose."),
}
REQUIRED_IF = (("non_unique", True, ("gid",)),)


def observe(arguments: Arguments, system: System) -> State:
    """The group as it is. ModuleFailed when another one has its number, or groupdel(8) would not remove it."""
    name, gid = arguments["name"], arguments["gid"]
    group = system.accounts.group(name)
    holder = system.accounts.group_name(gid) if gid is not None and not arguments["non_unique"] else None
    other = system.accounts.group(holder) if holder not in (None, name) and arguments["state"] == "present" else None
    if other is not None and other.gid == gid and (group is None or group.gid != gid):
        raise ModuleFailed(f"gid is {gid}, which group {other.name} has", {"name": name},
                           "Choose another number, or set non_unique: true.")
    users = system.accounts.users_of(group.gid) if group and arguments["state"] == "absent" else []
    if users and not arguments["force"]:
        raise ModuleFailed(f"group {name} cannot go: it is the main group of {', '.join(users)}", {"name": name},
                           "Remove these users before it, give them another group, or set force: true.")
    return {"group": group}


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Existence and number."""
    group, name = state["group"], arguments["name"]
    if arguments["state"] == "absent":
        return [Change(f"group {name}", "present", None)] if group else []
    if group is None:
        return [Change(f"group {name}", None, "present")]
    if arguments["gid"] is not None and arguments["gid"] != group.gid:
        return [Change("gid", group.gid, arguments["gid"])]
    return []


def apply(arguments: Arguments, state: State, system: System) -> None:
    """groupadd, groupmod or groupdel."""
    name, gid = arguments["name"], arguments["gid"]
    prefix = "l" if arguments["local"] else ""
    if prefix:
        raise ModuleFailed("local is not supported", next_step="Remove local from the step.")
    if arguments["state"] == "absent":
        system.accounts.change_group(name, ["groupdel", *(["-f"] if arguments["force"] else []), name], None)
        return
    number = [] if gid is None else ["-g", str(gid)]
    number += ["-o"] if arguments["non_unique"] and gid is not None else []
    becomes = Group(name, UNBORN if gid is None else gid)
    if state["group"] is not None:
        system.accounts.change_group(name, ["groupmod", *number, name], becomes)
        return
    limits = [word for key in ("gid_min", "gid_max") if arguments[key] is not None
              for word in ("-K", f"{key.upper()}={arguments[key]}")]
    kind = ["-r"] if arguments["system"] else []
    system.accounts.change_group(name, ["groupadd", *kind, *number, *limits, name], becomes)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    values = {"name": arguments["name"], "state": arguments["state"]}
    if after["group"] is not None:
        values.update(gid=after["group"].gid, system=arguments["system"])
    return values
