"""Changing lines of a text file: what lineinfile, blockinfile and replace share."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.file import make_directories
from clusterbook.modules.ownership import FILE_PARAMETERS, attribute_changes, new_attributes, path_state
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes
from clusterbook.modules.transfer import keep_backup, need_directory, validator

TEXT_PARAMETERS = {
    "path": Parameter("path", "The file.", required=True, aliases=("dest", "destfile", "name")),
    "backup": Parameter("bool", "Keep the old file under a name with the time.", default=False),
    "validate": Parameter("str", "Command that must accept the new file (%s) before it replaces the old one."),
    "encoding": Parameter("str", "Encoding of the file.", default="utf-8"),
    **FILE_PARAMETERS,
}


def observe_text(arguments: Arguments, system: System, edit: Callable[[str], str], create: bool, needed: bool) -> State:
    """The file's text now and after edit. needed: a file that is missing and not created is an error."""
    path = system.files.resolve(arguments["path"]) if system.files.stat(arguments["path"], True) else arguments["path"]
    found = system.files.stat(path)
    if found is not None and found.kind == "directory":
        raise ModuleFailed(f"Destination {path} is a directory !", {"rc": 256}, "Name a file in it.")
    if found is None and not create and needed:
        raise ModuleFailed(f"Destination {path} does not exist !", {"rc": 257},
                           "Make it in an earlier step, or set create: true where the module has it.")
    state = path_state(path, arguments, system, found)
    before = system.files.read(path).decode(arguments["encoding"], "surrogateescape") if found else None
    after = edit(before or "") if found or create else None
    if found is None and not after:
        after = None
    state.update(before=before, after=after, backup_file=None)
    return state


def text_changes(arguments: Arguments, state: State) -> List[Change]:
    """The text, owner, group and mode that differ."""
    if state["after"] is None:
        return []
    content = [] if state["before"] == state["after"] else [Change("content", state["before"], state["after"])]
    owned = attribute_changes if state["kind"] != "absent" else new_attributes
    return [*content, *owned(arguments, state)]


def settled_text(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left after apply; a line or a replacement that matches the new text again is not written again."""
    written = after["before"] == before["after"]
    return [change for change in text_changes(arguments, after) if not written or change.what != "content"]


def line_changes(arguments: Arguments, state: State) -> List[Change]:
    """`diff` of modules that keep lists of keys: the text, without regard to its last line end."""
    same = state["before"].splitlines() == state["after"].splitlines()
    return [] if same else [Change("content", state["before"] or None, state["after"])]


def apply_text(arguments: Arguments, state: State, system: System) -> None:
    """Write the text where it differs, else only the attributes."""
    path = state["path"]
    if state["before"] == state["after"]:
        system.files.attributes(path, state["wanted"])
        return
    if state["kind"] == "absent":
        above = path.rpartition("/")[0] or "/"
        if system.files.stat(above, True) is None:
            make_directories(above, Attributes(), system)
        need_directory(path, system)
    elif arguments["backup"]:
        state["backup_file"] = keep_backup(path, system)
    system.files.write(
        path, state["after"].encode(arguments["encoding"], "surrogateescape"), state["wanted"],
        validator(arguments["validate"], system), in_place=arguments["unsafe_writes"],
    )


def text_values(before: State, message: str) -> Dict[str, Any]:
    """Ansible's keys that the three share, and where a copy of the old file is."""
    kept = before.get("backup_file")
    return {"msg": message, **({"backup_file": kept} if kept else {})}


def insertion_index(arguments: Arguments, bare: List[str]) -> int:
    """Where insertafter and insertbefore put what is new. firstmatch (lineinfile has it) takes the first fit."""
    after, before = arguments["insertafter"], arguments["insertbefore"]
    if "BOF" in (before, after):
        return 0
    pattern = before or after
    if pattern is None or pattern == "EOF":
        return len(bare)
    found = [index for index, line in enumerate(bare) if re.search(pattern, line)]
    if re.compile(pattern).flags & re.MULTILINE and "firstmatch" not in arguments:  # the text as a whole
        text = "".join(f"{line}\n" for line in bare)
        first = re.search(pattern, text)
        found = [text.count("\n", 0, first.start() if before else first.end())] if first else []
    if not found:
        return len(bare)
    chosen = found[0] if arguments.get("firstmatch") else found[-1]
    return chosen if before else chosen + 1
