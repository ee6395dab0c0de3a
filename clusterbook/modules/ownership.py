"""Owner, group and mode: the parameters that every module for files shares, their state, difference and return keys."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.mode import mode_text, parse_mode
from clusterbook.modules.system import System
from clusterbook.modules.system.accounts import group_id, owner_id
from clusterbook.modules.system.files import Attributes, FileState, current_umask

FILE_PARAMETERS: Mapping[str, Parameter] = {
    "owner": Parameter("str", "User that shall own the file, by name or number."),
    "group": Parameter("str", "Group that shall own the file, by name or number."),
    "mode": Parameter("raw", "Permission bits: quoted octal ('0644') or symbolic (u=rw,g=r)."),
    "unsafe_writes": Parameter("bool", "Write in place what cannot be replaced (bind mounts).", default=False),
    "attributes": Parameter("str", "Flags of chattr; not supported.", aliases=("attr",)),
    "seuser": Parameter("str", "SELinux user; only accepted on hosts without SELinux."),
    "serole": Parameter("str", "SELinux role; only accepted on hosts without SELinux."),
    "setype": Parameter("str", "SELinux type; only accepted on hosts without SELinux."),
    "selevel": Parameter("str", "SELinux level; only accepted on hosts without SELinux."),
}
LABELS = ("seuser", "serole", "setype", "selevel")
# It is there while the kernel enforces SELinux's labels, or only tells of them.
SELINUX = "/sys/fs/selinux/enforce"


def wanted_attributes(
    arguments: Arguments, system: System, found: Optional[FileState], directory: bool = False, mode: Any = None
) -> Attributes:
    """Owner, group and mode by number. found: what is there now; mode: instead of the argument."""
    refuse_unsupported(arguments)
    wanted = mode if mode is not None else arguments.get("mode")
    if wanted is not None:
        umask = current_umask()
        new = (0o777 if directory else 0o666) & ~umask
        wanted = parse_mode(wanted, found.mode if found else new, directory, umask)
    return Attributes(
        owner_id(system.accounts, arguments["owner"]) if arguments.get("owner") else None,
        group_id(system.accounts, arguments["group"]) if arguments.get("group") else None,
        wanted,
    )


def refuse_unsupported(arguments: Arguments) -> None:
    """ModuleFailed for flags of chattr, and for labels of SELinux on a host that has it; others ignore them."""
    if arguments.get("attributes"):
        raise ModuleFailed(f"attributes is {arguments['attributes']!r}: this parameter is not supported",
                           next_step="Remove attributes from the step.")
    label = next((name for name in LABELS if arguments.get(name)), None)
    if label is not None and os.path.exists(SELINUX):
        raise ModuleFailed(f"{label} is {arguments[label]!r}: labels of SELinux are not set, and this host has SELinux",
                           next_step=f"Remove {label} from the step, and set the label by a command.")


def path_state(path: str, arguments: Arguments, system: System, found: Optional[FileState], directory: bool = False,
               mode: Any = None) -> State:
    """The state of a path as plain values, with the numbers that the arguments ask for."""
    wanted = wanted_attributes(arguments, system, found, directory, mode)
    state: State = {
        "path": path, "kind": "absent", "mode": None, "uid": None, "gid": None, "size": None, "target": None,
        "owner": None, "group": None, "links": 0, "wanted": wanted,
    }
    if found is not None:
        state.update(
            kind=found.kind, mode=found.mode, uid=found.uid, gid=found.gid, size=found.size, target=found.target,
            owner=owner_name(system, found.uid), group=group_name(system, found.gid), links=found.links,
        )
    return state


def attribute_changes(arguments: Arguments, state: State) -> List[Change]:
    """Owner, group and mode that differ on something that exists."""
    wanted: Attributes = state["wanted"]
    changes = []
    if wanted.uid is not None and wanted.uid != state["uid"]:
        changes.append(Change("owner", state["owner"] or state["uid"], arguments["owner"]))
    if wanted.gid is not None and wanted.gid != state["gid"]:
        changes.append(Change("group", state["group"] or state["gid"], arguments["group"]))
    if wanted.mode is not None and wanted.mode != state["mode"] and state["kind"] != "link":
        changes.append(Change("mode", mode_text(state["mode"]), mode_text(wanted.mode)))
    return changes


def new_attributes(arguments: Arguments, state: State) -> List[Change]:
    """Owner, group and mode of something that is about to be made, for display."""
    wanted: Attributes = state["wanted"]
    changes = []
    if wanted.uid is not None:
        changes.append(Change("owner", None, arguments["owner"]))
    if wanted.gid is not None:
        changes.append(Change("group", None, arguments["group"]))
    if wanted.mode is not None:
        changes.append(Change("mode", None, mode_text(wanted.mode)))
    return changes


def path_values(state: State) -> Dict[str, Any]:
    """Ansible's return keys for a path that exists; nothing for one that does not."""
    if state["kind"] == "absent":
        return {}
    values: Dict[str, Any] = {"uid": state["uid"], "gid": state["gid"], "mode": f"0{state['mode']:03o}",
                              "state": ansible_state(state), "size": state["size"]}
    if state["owner"] is not None:
        values["owner"] = state["owner"]
    if state["group"] is not None:
        values["group"] = state["group"]
    return values


def ansible_state(state: State) -> str:
    """Ansible's word for a kind of file."""
    if state["kind"] == "file" and state["links"] > 1:
        return "hard"
    return str(state["kind"]) if state["kind"] in ("directory", "link", "absent") else "file"


def owner_name(system: System, uid: int) -> Optional[str]:
    """A user's name by number; None for a number without a name."""
    return system.accounts.user_name(uid)


def group_name(system: System, gid: int) -> Optional[str]:
    """A group's name by number; None for a number without a name."""
    return system.accounts.group_name(gid)
