"""One-line sources of Debian packages."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Optional

from clusterbook.modules import apt_sources
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.mode import parse_mode
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes

NAME = "ansible.builtin.apt_repository"
KIND = "state"
DESCRIPTION = "See to it that a one-line source of Debian packages is there, or is not."
PARAMETERS = {
    "repo": Parameter("str", "The source as in sources.list. ppa: addresses are not supported: see deb822_repository.",
                      required=True),
    "state": Parameter("str", "Whether it is there.", default="present", choices=("absent", "present")),
    "filename": Parameter("str", "Name of the file in /etc/apt/sources.list.d; by default from the address."),
    "mode": Parameter("raw", "Mode of that file."),
    "update_cache": Parameter("bool", "Fetch the lists of packages after a change.", default=True,
                              aliases=("update-cache",)),
    **apt_sources.UPDATE_PARAMETERS,
    "validate_certs": Parameter("bool", "Accepted; nothing is downloaded.", default=True),
    "codename": Parameter("str", "Accepted; it is for ppa: addresses."),
    "install_python_apt": Parameter("bool", "Accepted; nothing else is needed.", default=True),
}
MAIN = "/etc/apt/sources.list"
KINDS = ("deb", "deb-src")


def observe(arguments: Arguments, system: System) -> State:
    """Every file of sources that would change: path -> text now and text wanted."""
    wanted = normal(arguments["repo"])
    texts = {path: system.files.read(path).decode("utf-8", "replace") for path in source_files(system)}
    target = target_path(arguments)
    after = dict(texts)
    found = [path for path, text in texts.items() if any(source_of(line) == wanted for line in text.splitlines())]
    if arguments["state"] == "absent":
        for path in found:
            after[path] = "".join(line for line in texts[path].splitlines(True) if source_of(line) != wanted)
    elif found:
        after.update({path: enabled(texts[path], wanted) for path in found})
    else:
        after[target] = texts.get(target, "") + wanted + "\n"
    differing = {path: (texts.get(path), text) for path, text in after.items() if texts.get(path) != text}
    status = system.files.stat(target)
    mode = None
    if arguments["mode"] is not None and arguments["state"] == "present" and (status or target in differing):
        mode = parse_mode(arguments["mode"], status.mode if status else 0o644, False, 0o022)
    has = status.mode if status else None
    return {"wanted": wanted, "target": target, "files": differing, "mode": mode, "has": has}


def source_files(system: System) -> List[str]:
    """The files of one-line sources that exist."""
    return [path for path in (MAIN, *system.files.matching(f"{apt_sources.DIRECTORY}/*.list"))
            if system.files.stat(path, True) is not None]


def normal(source: str) -> str:
    """A source with single blanks. ModuleFailed when it is none."""
    if source.startswith("ppa:"):
        raise ModuleFailed(f"repo is {source!r}: ppa: addresses are not supported",
                           next_step="Use deb822_repository with the address, suite and signed_by of the archive.")
    text = " ".join(source.split("#", 1)[0].split())
    if text.split(" ", 1)[0] not in KINDS or len(re.sub(r"\[[^]]*\]", "", text).split()) < 3:
        raise ModuleFailed(f"repo is {source!r}, expected: deb ADDRESS SUITE COMPONENT")
    return text


def source_of(line: str, disabled: bool = True) -> Optional[str]:
    """The source that a line names, also when it is commented out; None for other lines."""
    bare = line.strip()
    while disabled and bare.startswith("#"):
        bare = bare[1:].strip()
    text = " ".join(bare.split("#", 1)[0].split())
    return text if text.split(" ", 1)[0] in KINDS else None


def enabled(text: str, wanted: str) -> str:
    """The text with the source's commented lines in force."""
    lines = text.splitlines(True)
    if any(source_of(line, False) == wanted for line in lines):
        return text
    return "".join(wanted + "\n" if source_of(line) == wanted else line for line in lines)


def target_path(arguments: Arguments) -> str:
    """The file for a new source."""
    name = arguments["filename"]
    if name is not None and "/" in name:
        return name if name.endswith(".list") else f"{name}.list"
    if name is None:
        bare = re.sub(r"\w+://", "", re.sub(r"\[[^]]+\]", "", arguments["repo"]))
        address = next((part for part in bare.split() if part not in KINDS), "")
        name = "_".join(re.sub("[^a-zA-Z0-9]", " ", address.rpartition("@")[2]).split())
    return os.path.join(apt_sources.DIRECTORY, f"{name}.list")


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Files whose text or mode differs; one without sources is removed."""
    changes = [Change(path, before, after or None) for path, (before, after) in sorted(state["files"].items())]
    if state["mode"] is not None and state["mode"] != state["has"] and not changes:
        changes.append(Change("mode", f"{state['has'] or 0:04o}", f"{state['mode']:04o}"))
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write the files, with their modes at once; lists that cannot be fetched put the old files back."""
    for path, (_, after) in sorted(state["files"].items()):
        put(path, after, system, state["mode"] if path == state["target"] else None)
    if state["mode"] is not None and state["target"] not in state["files"]:
        system.files.attributes(state["target"], Attributes(mode=state["mode"]))
    if not arguments["update_cache"] or not state["files"]:
        return
    try:
        apt_sources.update(arguments, system)
    except ModuleFailed:
        for path, (before, _) in state["files"].items():
            put(path, before or "", system)
        raise


def put(path: str, text: str, system: System, mode: Optional[int] = None) -> None:
    """A file of sources, none when it is empty; sources.list itself stays. mode: else a new one is for all to read."""
    if text.strip() or path == MAIN:
        kept = None if system.files.stat(path) else 0o644
        system.files.write(path, text.encode(), Attributes(mode=kept if mode is None else mode))
    else:
        system.files.remove(path)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return {"repo": arguments["repo"], "state": arguments["state"],
            "sources_added": sorted(path for path, (old, _) in before["files"].items() if old is None),
            "sources_removed": sorted(path for path, (_, new) in before["files"].items() if not new.strip())}
