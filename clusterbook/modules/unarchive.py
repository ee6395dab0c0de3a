"""Unpack an archive; each file is compared and replaced by itself."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Any, Dict, List, Tuple

from clusterbook.modules.archives import Member, members
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.file import make_directories
from clusterbook.modules.ownership import FILE_PARAMETERS, attribute_changes, path_state, path_values
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes

NAME = "ansible.builtin.unarchive"
KIND = "state"
DESCRIPTION = "Unpack an archive on the host."
PARAMETERS = {
    "src": Parameter("path", "The archive: of the local machine, or with remote_src a path or address of the host.",
                     required=True),
    "dest": Parameter("path", "Directory that it is unpacked into.", required=True),
    "remote_src": Parameter("bool", "src is on the host already.", default=False),
    "creates": Parameter("path", "Do nothing when this path exists."),
    "include": Parameter("list", "Only these entries.", default=[], elements="str"),
    "exclude": Parameter("list", "Not these entries.", default=[], elements="str"),
    "keep_newer": Parameter("bool", "Leave files that are newer than the archive's.", default=False),
    "list_files": Parameter("bool", "Give the names of the entries back.", default=False),
    "extra_opts": Parameter("list", "Only --strip-components=N is supported.", default=[], elements="str"),
    "io_buffer_size": Parameter("int", "Accepted; blocks have a fixed size.", default=65536),
    "copy": Parameter("bool", "The opposite of remote_src.", default=True),
    "decrypt": Parameter("bool", "Decrypt a source encrypted with a vault.", default=True),
    "validate_certs": Parameter("bool", "Check the server's certificate.", default=True),
    **FILE_PARAMETERS,
}
MUTUALLY_EXCLUSIVE = (("include", "exclude"),)


def observe(arguments: Arguments, system: System) -> State:
    """Every entry of the archive compared with what is in the destination."""
    dest = arguments["dest"].rstrip("/") or "/"
    state: State = {"dest": dest, "items": [], "names": [], "skipped": False}
    if arguments["creates"] and system.files.stat(arguments["creates"]) is not None:
        state["skipped"] = True
        return state
    found = system.files.stat(dest, True)
    if found is None or found.kind != "directory":
        raise ModuleFailed(f"dest is {dest!r}, which is no directory", {"dest": dest},
                           f"Create {dest} in an earlier step.")
    state["directory"] = path_state(dest, {}, system, found)
    for member in members(archive(arguments, system), arguments["src"], strip_count(arguments)):
        if not chosen(member.name, arguments):
            continue
        state["names"].append(member.name + ("/" if member.kind == "directory" else ""))
        state["items"].append(observe_member(os.path.join(dest, member.name), member, arguments, system))
    return state


def archive(arguments: Arguments, system: System) -> bytes:
    """The archive's bytes."""
    source = arguments["src"]
    if not arguments["remote_src"] and arguments["copy"]:
        return system.source(source).read()
    if "://" not in source:
        return system.files.read(source)
    from clusterbook.modules import web

    asked = {**{name: item.default for name, item in web.WEB_PARAMETERS.items()}, "url": source,
             "validate_certs": arguments["validate_certs"]}
    with web.ask(asked) as response:
        if response.status >= 400:
            raise ModuleFailed(f"{source} answers {response.status} {response.reason}")
        return b"".join(web.blocks(response, lambda count: None))


def strip_count(arguments: Arguments) -> int:
    """Leading parts of names to drop."""
    count = 0
    words = " ".join(arguments["extra_opts"]).replace("--strip-components ", "--strip-components=").split()
    for word in words:
        match = re.fullmatch(r"--strip-components=(\d+)", word)
        if match is None:
            raise ModuleFailed(f"extra_opts has {word!r}; only --strip-components=N is supported")
        count = int(match.group(1))
    return count


def chosen(name: str, arguments: Arguments) -> bool:
    """Whether include and exclude let an entry through."""

    def listed(patterns: List[str]) -> bool:
        """Whether a pattern names the entry or a directory above it."""
        bare = [pattern.rstrip("/") for pattern in patterns]
        return any(fnmatch.fnmatch(name, item) or name.startswith(item + "/") for item in bare)

    if arguments["include"]:
        return listed(arguments["include"])
    return not listed(arguments["exclude"])


def observe_member(path: str, member: Member, arguments: Arguments, system: System) -> State:
    """One entry: its path as it is, and whether its content is the same."""
    found = system.files.stat(path)
    mode = member.mode if arguments["mode"] is None or member.kind == "link" else None
    state = path_state(path, arguments, system, found, member.kind == "directory", mode)
    state.update(member=member, same=False)
    if found is None:
        return state
    if arguments["keep_newer"] and member.kind == "file" and found.modified > member.modified * 1_000_000_000:
        state["same"] = True
        state["wanted"] = Attributes()
    elif member.kind == "file":
        same_size = found.kind == "file" and (found.size == member.size or system.predicting)
        state["same"] = same_size and system.files.read(path) == member.read()
    elif member.kind == "link":
        state["same"] = found.target == member.target
    elif member.kind == "directory":
        state["same"] = (system.files.stat(path, True) or found).kind == "directory"
        if found.kind == "link":
            state["wanted"] = Attributes()
    else:
        first = system.files.stat(os.path.join(arguments["dest"], member.target))
        state["same"] = first is not None and first.inode == found.inode
    return state


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Entries that are missing or differ."""
    changes: List[Change] = []
    for item in state["items"]:
        path, exists = item["path"], item["kind"] != "absent"
        if not item["same"]:
            changes.append(Change(path, item["kind"] if exists else None, f"{item['member'].kind} of the archive"))
        own = attribute_changes(arguments_for(item, arguments), item) if exists and item["same"] else []
        changes += [Change(f"{path} {change.what}", change.before, change.after) for change in own]
    return changes


def arguments_for(item: State, arguments: Arguments) -> Arguments:
    """The arguments with words for owner and group where only numbers are known."""
    return {**arguments, "owner": arguments["owner"] or item["owner"], "group": arguments["group"] or item["group"]}


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write what differs; directories get their modes last, as a read-only one could not be filled."""
    later: List[Tuple[str, Attributes]] = []
    for item in state["items"]:
        member: Member = item["member"]
        if item["same"]:
            if attribute_changes(arguments_for(item, arguments), item):
                later.append((item["path"], item["wanted"]))
            continue
        unpack(item, member, arguments, system)
        if member.kind == "directory":
            later.append((item["path"], owned(item["wanted"], member, system)))
    for path, wanted in reversed(later):
        system.files.attributes(path, wanted, follow=False)


def unpack(item: State, member: Member, arguments: Arguments, system: System) -> None:
    """Put one entry into place."""
    path = item["path"]
    above = os.path.dirname(path)
    if system.files.stat(above, True) is None:
        make_directories(above, Attributes(), system)
    if item["kind"] not in ("absent", "file", "link") or (item["kind"] == "link" and member.kind == "directory"):
        system.files.remove(path)
    if member.kind == "directory":
        if item["kind"] not in ("absent", "directory"):
            system.files.remove(path)
        system.files.make_directory(path, 0o700)
    elif member.kind == "link":
        system.files.link(member.target, path)
    elif member.kind == "hard":
        system.files.link(os.path.join(arguments["dest"], member.target), path, hard=True)
    else:
        system.files.write(path, member.read(), owned(item["wanted"], member, system))
        if member.modified:
            system.files.times(path, member.modified * 1_000_000_000, member.modified * 1_000_000_000)


def owned(wanted: Attributes, member: Member, system: System) -> Attributes:
    """The wanted owner; without one and as root the archive's, by name where the host has it."""
    if os.geteuid() != 0:
        return wanted
    uid, gid = wanted.uid, wanted.gid
    if uid is None and member.owner:
        uid = system.accounts.user_id(member.owner)
    if gid is None and member.group:
        group = system.accounts.group(member.group)
        gid = group.gid if group else None
    return Attributes(uid, gid, wanted.mode)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    if before["skipped"]:
        return {"msg": f"skipped, since {arguments['creates']} exists", "skipped": True}
    after = before if after["skipped"] else after  # what `creates` names is there by now
    values: Dict[str, Any] = {"dest": after["dest"], "src": arguments["src"], "handler": "clusterbook"}
    found = after["directory"]
    values.update(path_values(found))
    if arguments["list_files"]:
        values["files"] = after["names"]
    return values


