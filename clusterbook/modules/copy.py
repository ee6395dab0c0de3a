"""Copy files, directories or given text to the host."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.differences import Difference, of_attributes, of_text
from clusterbook.modules.file import make_directories
from clusterbook.modules.ownership import FILE_PARAMETERS, attribute_changes, new_attributes, path_state, path_values
from clusterbook.modules.system import Source, System
from clusterbook.modules.transfer import apply_file, file_changes, from_bytes, need_directory, observe_file

NAME = "ansible.builtin.copy"
KIND = "state"
DESCRIPTION = "Copy files, directories or given text to the host."
PARAMETERS = {
    "src": Parameter("path", "File or directory of the local machine; with a final slash only what is in it."),
    "content": Parameter("raw", "The text itself; mappings and lists are written as JSON."),
    "dest": Parameter("path", "Where it goes on the host.", required=True),
    "remote_src": Parameter("bool", "src is on the host already.", default=False),
    "force": Parameter("bool", "Replace a file whose content differs.", default=True),
    "backup": Parameter("bool", "Keep the old file under a name with the time.", default=False),
    "validate": Parameter("str", "Command that must accept the new file (%s) before it replaces the old one."),
    "directory_mode": Parameter("raw", "Mode of directories that are made."),
    "follow": Parameter("bool", "Write through a link at dest.", default=False),
    "local_follow": Parameter("bool", "Copy what links of the local machine point to.", default=True),
    "checksum": Parameter("str", "SHA-1 that the source must have."),
    "decrypt": Parameter("bool", "Decrypt a source encrypted with a vault.", default=True),
    **FILE_PARAMETERS,
}
MUTUALLY_EXCLUSIVE = (("src", "content"),)
REQUIRED_ONE_OF = (("src", "content"),)


def observe(arguments: Arguments, system: System) -> State:
    """Every file and directory that shall be there, compared with what is."""
    source = find_source(arguments, system)
    dest = arguments["dest"]
    if source.kind == "directory":
        if not arguments["src"].endswith("/"):
            dest = os.path.join(dest, os.path.basename(source.name.rstrip("/")))
        pairs = list(walk(source, dest.rstrip("/") or "/", system, arguments["remote_src"]))
        told = arguments["dest"].rstrip("/") + "/" if arguments["src"].endswith("/") else arguments["dest"]
        return {"dest": told, "items": [observe_item(path, item, arguments, system) for path, item in pairs],
                "source": source}
    made: List[State] = []
    status = system.files.stat(dest, True)
    if dest.endswith("/") or (status is not None and status.kind == "directory"):
        if arguments["src"] is None:
            raise ModuleFailed(f"dest is {dest!r}, a directory; content needs the name of a file")
        if status is None:
            made = [observe_directory(dest.rstrip("/"), arguments, system)]
        dest = os.path.join(dest, os.path.basename(source.name))
    item = observe_file(dest, source, arguments, system)
    if not made:
        need_directory(item["path"], system)
    return {"dest": item["path"], "items": [*made, item], "source": source}


def find_source(arguments: Arguments, system: System) -> Source:
    """Where the content comes from."""
    if arguments["content"] is not None:
        content = arguments["content"]
        text = json.dumps(content) if isinstance(content, (dict, list)) else str(content)
        return from_bytes("", text.encode("utf-8", "surrogateescape"))
    if arguments["remote_src"]:
        return remote_source(arguments["src"], system)
    source = system.source(arguments["src"])
    wanted = arguments["checksum"]
    if wanted and source.kind == "file":
        found = hashlib.sha1(source.read()).hexdigest()  # noqa: S324 - the parameter is SHA-1
        if found != wanted:
            raise ModuleFailed(f"{source.name} has checksum {found}, wanted {wanted}")
    return source


def remote_source(path: str, system: System) -> Source:
    """A file or directory of the host as a source."""
    found = system.files.stat(path, True)
    if found is None:
        raise ModuleFailed(f"src is {path!r}, which does not exist on the host")
    if found.kind == "directory":
        return Source(path, "directory", found.mode, 0, "", tuple(system.files.entries(path)), lambda: b"")
    digest = system.files.digest(path, "sha256")
    return Source(path, "file", found.mode, found.size, digest, (), lambda: system.files.read(path))


def walk(source: Source, dest: str, system: System, remote: bool) -> Iterator[Tuple[str, Source]]:
    """Every (destination, source) below a directory, directories before what is in them."""
    yield dest, source
    for name in source.entries:
        child_name = os.path.join(source.name, name)
        child = remote_source(child_name, system) if remote else system.source(child_name)
        path = os.path.join(dest, name)
        if child.kind == "directory":
            yield from walk(child, path, system, remote)
        else:
            yield path, child


def observe_item(path: str, source: Source, arguments: Arguments, system: System) -> State:
    """One file or directory of a tree."""
    if source.kind == "directory":
        return observe_directory(path, arguments, system, source.mode)
    return observe_file(path, source, arguments, system)


def observe_directory(path: str, arguments: Arguments, system: System, own: Optional[int] = None) -> State:
    """A directory that shall be there; directory_mode counts only for one that is made.

    own: its mode where it is copied from. On the host that is kept unless the step says another one.
    """
    found = system.files.stat(path, True)
    if found is not None and found.kind != "directory":
        raise ModuleFailed(f"{path} is a {found.kind}, wanted a directory", {"dest": path}, "Remove it first.")
    keeps = arguments["remote_src"] and arguments["mode"] in (None, "preserve")
    made = arguments["directory_mode"] if arguments["directory_mode"] is not None else own if keeps else None
    rest = {**arguments, "mode": None}
    return {**path_state(path, rest, system, found, True, made if found is None else None), "source": None}


def diff(arguments: Arguments, state: State) -> List[Change]:
    """What differs; in a tree each change names its path."""
    single = len(state["items"]) == 1
    changes: List[Change] = []
    for item in state["items"]:
        for change in item_changes(arguments, item):
            changes.append(change if single else Change(f"{item['path']} {change.what}", change.before, change.after))
    return changes


def item_changes(arguments: Arguments, item: State) -> List[Change]:
    """What differs in one file or directory."""
    if item["source"] is not None:
        return file_changes(arguments, item)
    if item["kind"] == "absent":
        return [Change("state", "absent", "directory"), *new_attributes(arguments, item)]
    return attribute_changes(arguments, item)


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write what differs."""
    for item in state["items"]:
        if not item_changes(arguments, item):
            continue
        if item["source"] is not None:
            apply_file(arguments, item, system)
        elif item["kind"] == "absent":
            make_directories(item["path"], item["wanted"], system)
        else:
            system.files.attributes(item["path"], item["wanted"])


def difference(state: State, changes: Sequence[Change]) -> List[Difference]:
    """The return key `diff`: the texts that change, or of one file its owner, group and mode."""
    files = [item for item in state["items"] if item["source"] is not None and not item["same"]]
    texts = [of_text(item["path"], item["before"], item["after"], item["source"].name) for item in files]
    return texts or of_attributes(changes)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys; checksum is SHA-1 as there, of small files only."""
    last = after["items"][-1]
    values: Dict[str, Any] = {"dest": after["dest"], "src": before["source"].name}
    if before["source"].kind == "directory":
        values.update(path_values(after["items"][0]))
        return values
    values.update(path_values(last))
    if before["source"].size <= 1 << 20 and (last["same"] or last["kind"] != "absent"):
        values["checksum"] = before["source"].sha1 or hashlib.sha1(before["source"].read()).hexdigest()  # noqa: S324
        if before["items"][-1]["same"]:
            values["path"] = last["path"]
        else:
            values["md5sum"] = hashlib.md5(before["source"].read(), usedforsecurity=False).hexdigest()
    kept = before["items"][-1].get("backup_file")
    if kept:
        values["backup_file"] = kept
    return values
