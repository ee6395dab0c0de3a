"""Files, directories and links, and who owns them."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Sequence, Tuple

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.differences import Difference
from clusterbook.modules.file_times import NAMES, NOW, TIME_PARAMETERS, observed_times, set_times, time_changes
from clusterbook.modules.ownership import (
    FILE_PARAMETERS,
    ansible_state,
    attribute_changes,
    new_attributes,
    path_state,
    path_values,
)
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes, FileState

NAME = "ansible.builtin.file"
KIND = "state"
DESCRIPTION = "Make, remove and own files, directories and links."
PARAMETERS = {
    "path": Parameter("path", "The path to manage.", required=True, aliases=("dest", "name")),
    "state": Parameter("str", "What shall be there; by default what is there, else a file.",
                       choices=("absent", "directory", "file", "hard", "link", "touch")),
    "src": Parameter("path", "What a link points to."),
    "recurse": Parameter("bool", "Give everything below a directory the same owner, group and mode.", default=False),
    "force": Parameter("bool", "Make links that replace files or point to nothing.", default=False),
    "follow": Parameter("bool", "Manage what a link at the path points to.", default=True),
    **TIME_PARAMETERS,
    **FILE_PARAMETERS,
}
LINKS = ("link", "hard")


def observe(arguments: Arguments, system: System) -> State:
    """The path, the wanted word for it, and what below it differs when recurse is given."""
    path = arguments["path"].rstrip("/") or "/"
    found = system.files.stat(path)
    wanted = arguments["state"]
    if arguments["src"] is not None and wanted not in LINKS and not (wanted is None and found and found.kind == "link"):
        raise ModuleFailed("src option requires state to be 'link' or 'hard'", {"path": path}, "Add state to the step.")
    through = arguments["follow"] and found and found.kind == "link" and wanted not in ("link", "absent")
    if through and (wanted is not None or system.files.stat(path, True) is not None):
        path = system.files.resolve(path)
        found = system.files.stat(path)
    if wanted == "hard" and arguments["src"] and found is not None and found.kind == "directory":
        path = os.path.join(path, os.path.basename(arguments["src"]))
        found = system.files.stat(path)
    if wanted is None:
        wanted = default_state(arguments, found)
    own = found
    if found and found.kind == "link" and wanted == "link" and arguments["follow"]:
        own = system.files.stat(path, True) or found
    state = path_state(path, arguments, system, own, wanted == "directory")
    if found is not None:
        state.update(kind=found.kind, target=found.target)
    state.update(state=wanted, below=[], src=arguments["src"], source=None, same=False, content=None)
    state["times"] = observed_times(system.files.stat(path, True))
    if wanted == "absent" and state["kind"] == "directory" and system.tells_difference:
        state["content"] = content_below(path, system)
    state["shown"] = shown(arguments, system, state)
    if wanted in LINKS:
        observe_link(arguments, system, state)
        state["holds"] = bool(state["kind"] == "directory" and system.files.entries(path))
    if wanted == "directory" and arguments["recurse"] and state["kind"] == "directory":
        state["below"] = differing_below(path, arguments, system)
    refuse_impossible(arguments, state)
    return state


def shown(arguments: Arguments, system: System, state: State) -> State:
    """What the return keys are about: the path as it was written, a link itself and not what it points to."""
    path = arguments["path"].rstrip("/") or "/"
    found = system.files.stat(path)
    if found is None or found.kind != "link":
        return state
    return path_state(path, {}, system, found)


def default_state(arguments: Arguments, found: Optional[FileState]) -> str:
    """What `state` means when it is not given."""
    if found is None:
        return "directory" if arguments["recurse"] else "file"
    return {"directory": "directory", "link": "link"}.get(found.kind, "file")


def observe_link(arguments: Arguments, system: System, state: State) -> None:
    """What the link would point to."""
    source = arguments["src"]
    if source is None:
        if state["kind"] != "link" or state["state"] != "link":
            kind = "symlinks" if state["state"] == "link" else "hardlinks"
            raise ModuleFailed(f"src is required for creating new {kind}", {"dest": state["path"]},
                               "Add src to the step.")
        state["src"] = source = state["target"]
    base = os.path.dirname(state["path"])
    full = source if os.path.isabs(source) else os.path.join(base, source)
    state["source"] = system.files.stat(full, True)
    if state["state"] == "hard" and state["source"] and state["kind"] == "file":
        here = system.files.stat(state["path"])
        there = state["source"]
        state["same"] = bool(here and (here.inode, here.device) == (there.inode, there.device))


def differing_below(path: str, arguments: Arguments, system: System) -> List[Tuple[str, Attributes, List[Change]]]:
    """Everything below a directory whose owner, group or mode is another; links are not followed."""
    found: List[Tuple[str, Attributes, List[Change]]] = []
    for name in system.files.entries(path):
        child = os.path.join(path, name)
        status = system.files.stat(child)
        if status is None:
            continue
        state = path_state(child, arguments, system, status, status.kind == "directory")
        changes = attribute_changes(arguments, state)
        if changes:
            wanted: Attributes = state["wanted"]
            if status.kind == "link":
                wanted = Attributes(wanted.uid, wanted.gid)
            found.append((child, wanted, changes))
        if status.kind == "directory":
            found.extend(differing_below(child, arguments, system))
    return found


def refuse_impossible(arguments: Arguments, state: State) -> None:
    """What Ansible refuses: files that must exist but do not, links over what must not be lost."""
    kind, wanted, path = state["kind"], state["state"], state["path"]
    if wanted == "file" and kind in ("absent", "directory"):
        found = "absent" if kind == "absent" else "a directory"
        raise ModuleFailed(f"{path} is {found}, cannot continue", {"path": path, "state": kind},
                           "Make the file with module copy or template, or use state: touch.")
    if wanted in ("file", "touch") and kind == "link":
        raise ModuleFailed(f"{path} is a link that leads to itself", {"path": path},
                           "Remove it first with state: absent.")
    if wanted == "directory" and kind not in ("absent", "directory"):
        raise ModuleFailed(f"{path} already exists as a {kind}", {"path": path, "state": kind},
                           "Remove it first with state: absent.")
    if wanted in LINKS and kind == "directory" and arguments["force"] and state["holds"]:
        raise ModuleFailed(f"the directory {path} is not empty, refusing to convert it", {"dest": path},
                           "Remove it first with state: absent.")
    if wanted in LINKS and not arguments["force"] and (state["source"] is None or wanted == "link"):
        refuse_link(state)
    if wanted == "hard" and state["source"] is None:
        raise ModuleFailed("src does not exist", {"dest": path, "src": state["src"]}, f"Create {state['src']} first.")


def refuse_link(state: State) -> None:
    """A symbolic link without force: its target exists and nothing of another kind is in its place."""
    if state["source"] is None and not (state["kind"] == "link" and state["target"] == state["src"]):
        raise ModuleFailed(f"src is {state['src']!r}, which does not exist", {"path": state["path"]},
                           "Create it first, or add force: true.")
    if state["kind"] not in ("absent", "link"):
        raise ModuleFailed(f"{state['path']} is a {state['kind']}, which a link would replace",
                           {"path": state["path"]}, "Remove it first, or add force: true.")


def diff(arguments: Arguments, state: State) -> List[Change]:
    """What is not as wanted."""
    kind, wanted = state["kind"], state["state"]
    if wanted == "absent":
        return [] if kind == "absent" else [Change("state", kind, "absent")]
    if wanted == "touch":
        made = [] if kind != "absent" else [Change("state", "absent", "file")]
        owned = attribute_changes(arguments, state) if kind != "absent" else new_attributes(arguments, state)
        return [*made, *owned, *([] if made else time_changes(arguments, state))]
    if wanted == "link" and (kind != "link" or state["target"] != state["src"]):
        before = state["target"] if kind == "link" else kind
        return [Change("link", None if before == "absent" else before, state["src"])]
    if wanted == "hard" and not state["same"]:
        return [Change("link", None if kind == "absent" else kind, state["src"])]
    if kind == "absent":
        return [Change("state", "absent", wanted), *new_attributes(arguments, state)]
    changes = attribute_changes(arguments, state) if wanted != "link" or state["source"] else []
    changes.extend(time_changes(arguments, state))
    for path, _, below in state["below"]:
        changes.extend(Change(f"{path} {change.what}", change.before, change.after) for change in below)
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Make it so."""
    path, wanted = state["path"], state["state"]
    if wanted == "absent":
        system.files.remove(path)
        return
    if wanted == "directory" and state["kind"] == "absent":
        make_directories(path, state["wanted"], system)
    elif wanted == "touch" and state["kind"] == "absent":
        system.files.write(path, b"", state["wanted"])
    elif wanted in LINKS:
        make_link(state, system)
    if wanted == "link" and state["source"] is None:
        return
    status = system.files.stat(path, True)
    fresh = path_state(path, arguments, system, status, wanted == "directory")
    if attribute_changes(arguments, fresh):
        system.files.attributes(path, fresh["wanted"], follow=arguments["follow"] or wanted != "link")
    if state["kind"] != "absent" or arguments["access_time"] or arguments["modification_time"]:
        set_times(arguments, {**state, "times": observed_times(status)}, system)
    for child, attributes, _ in state["below"]:
        system.files.attributes(child, attributes, follow=False)


def make_directories(path: str, wanted: Attributes, system: System) -> None:
    """Make a directory and the missing ones above, all with the same owner, group and mode."""
    above = os.path.dirname(path)
    if above not in ("", path) and system.files.stat(above, True) is None:
        make_directories(above, wanted, system)
    system.files.make_directory(path, 0o700 if wanted.mode is not None else 0o777)
    system.files.attributes(path, wanted)


def make_link(state: State, system: System) -> None:
    """Replace what is there by the link."""
    if state["kind"] == "directory":
        system.files.remove(state["path"])
    if state["state"] == "hard" and not state["same"]:
        system.files.link(state["src"], state["path"], hard=True)
    elif state["state"] == "link" and (state["kind"] != "link" or state["target"] != state["src"]):
        system.files.link(state["src"], state["path"])


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left after apply; a time that was set to now is not now any more."""
    return [change for change in diff(arguments, after) if change.what not in NAMES or change.after != NOW]


def content_below(path: str, system: System) -> Dict[str, List[str]]:
    """Everything below a directory, for who wants to see what goes with it."""
    found: Dict[str, List[str]] = {"directories": [], "files": []}
    for name in system.files.entries(path):
        child = os.path.join(path, name)
        status = system.files.stat(child)
        if status is None or status.kind != "directory":
            found["files"].append(child)
            continue
        found["directories"].append(child)
        for kind, names in content_below(child, system).items():
            found[kind].extend(names)
    return found


def difference(state: State, changes: Sequence[Change]) -> Difference:
    """The return key `diff`: always the path, and by their names in Ansible what differs."""
    before: Dict[str, Any] = {"path": state["path"]}
    after: Dict[str, Any] = {"path": state["path"]}
    for change in changes:
        name = {"access time": "atime", "modification time": "mtime"}.get(change.what, change.what)
        if name == "link" and state["kind"] != "link":
            before["state"], after["state"] = state["kind"], state["state"]
            continue
        name = "src" if name == "link" else name
        before[name], after[name] = change.before, change.after
    if state["content"] is not None:
        before["path_content"] = state["content"]
    return {"before": before, "after": after}


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys: dest for links and touch, path otherwise."""
    item = after["shown"]
    values = path_values(item)
    linked = item["kind"] == "link" and after["state"] != "absent"
    values["state"] = after["state"] if after["state"] in LINKS else ansible_state(item)
    values["dest" if linked or after["state"] in (*LINKS, "touch") else "path"] = item["path"]
    if linked or after["state"] in LINKS:
        values["src"] = after["src"] if after["state"] in LINKS else item["target"]
    return values
