"""Sources of Debian packages in the newer form."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Optional, Tuple

from clusterbook.modules import apt_sources
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.file import make_directories
from clusterbook.modules.mode import parse_mode
from clusterbook.modules.ownership import path_state, path_values
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes, as_text

NAME = "ansible.builtin.deb822_repository"
KIND = "state"
DESCRIPTION = "Write and remove a source of Debian packages in the newer form, with its key."
FIELDS = {
    "allow_downgrade_to_insecure": Parameter("bool", "Accept that a signed archive becomes an unsigned one."),
    "allow_insecure": Parameter("bool", "Accept an unsigned archive."),
    "allow_weak": Parameter("bool", "Accept weak signatures."),
    "architectures": Parameter("list", "Only for these architectures.", elements="str"),
    "by_hash": Parameter("bool", "Ask for lists by their hash."),
    "check_date": Parameter("bool", "Refuse lists from the future."),
    "check_valid_until": Parameter("bool", "Refuse lists that have run out."),
    "components": Parameter("list", "Components such as main.", elements="str"),
    "date_max_future": Parameter("int", "Seconds by which lists may be from the future."),
    "enabled": Parameter("bool", "Whether apt uses it."),
    "inrelease_path": Parameter("str", "Path of the InRelease file."),
    "languages": Parameter("list", "Languages of descriptions.", elements="str"),
    "name": Parameter("str", "Name of the source; the file is called after it.", required=True),
    "pdiffs": Parameter("bool", "Fetch differences of lists."),
    "signed_by": Parameter("str", "The key: its text, the address of it, a path or a fingerprint."),
    "suites": Parameter("list", "Suites such as bookworm.", elements="str"),
    "targets": Parameter("list", "Kinds of lists to fetch.", elements="str"),
    "trusted": Parameter("bool", "Use it without looking at signatures."),
    "types": Parameter("list", "Kinds of packages.", default=["deb"], choices=("deb", "deb-src"), elements="str"),
    "uris": Parameter("list", "Addresses of the archive.", elements="str"),
}
PARAMETERS = {
    **FIELDS,
    "state": Parameter("str", "Whether it is there.", default="present", choices=("absent", "present")),
    "mode": Parameter("raw", "Mode of the file.", default="0644"),
    "install_python_debian": Parameter("bool", "Accepted; nothing else is needed.", default=True),
}
KEYRINGS = "/etc/apt/keyrings"
WORDS = {"name": "X-Repolib-Name", "uris": "URIs", "pdiffs": "PDiffs", "inrelease_path": "InRelease-Path"}
Signature = Tuple[Optional[str], Optional[str], Optional[bytes]]
ARMOUR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


def observe(arguments: Arguments, system: System) -> State:
    """The two files, the source and its key: path -> content now and content wanted."""
    slug = re.sub("[^a-z0-9-]+", "", re.sub(r"[_\s]+", "-", arguments["name"].lower()))
    path = os.path.join(apt_sources.DIRECTORY, f"{slug}.sources")
    status = system.files.stat(path, True)
    now = system.files.read(path) if status else None
    state: State = {"path": path, "key": None, "files": {}, "has": status.mode if status else None, "mode": None,
                    "place": path_state(path, {}, system, status)}
    if arguments["state"] == "absent":
        present = [item for item in (path, *keyrings(slug)) if system.files.stat(item) is not None]
        state["files"].update((item, (b"", None)) for item in present)
        return {**state, "repo": None}
    signed, state["key"], key = signature(arguments, slug, system)
    text = document({**arguments, "signed_by": signed})
    state["mode"] = parse_mode(arguments["mode"], status.mode if status else 0o644, False, 0o022)
    if now != text.encode():
        state["files"][path] = (now, text.encode())
    if key is not None:
        old = system.files.read(state["key"]) if system.files.stat(state["key"], True) else None
        if old != key:
            state["files"][state["key"]] = (old, key)
    return {**state, "repo": text}


def keyrings(slug: str) -> Tuple[str, str]:
    """Where the key of a source may lie."""
    return os.path.join(KEYRINGS, f"{slug}.asc"), os.path.join(KEYRINGS, f"{slug}.gpg")


def signature(arguments: Arguments, slug: str, system: System) -> Signature:
    """(text of Signed-By, file of the key, its content when it was downloaded)."""
    given = arguments["signed_by"]
    if given is None or os.path.isabs(given) or not ("://" in given or "\n" in given.strip()):
        return given, None, None
    if "\n" in given.strip():
        if ARMOUR not in given:
            raise ModuleFailed("signed_by is a text, but no public key of PGP")
        return given, None, None
    content = apt_sources.download(given)
    path = keyrings(slug)[0 if content.lstrip().startswith(ARMOUR.encode()) else 1]
    return path, path, content


def document(values: Arguments) -> str:
    """The text of the file: a field a line, by name."""
    lines = []
    for name in sorted(FIELDS):
        value = values[name]
        if value is None:
            continue
        word = WORDS.get(name) or "-".join(part.capitalize() for part in name.split("_"))
        lines.append(f"{word}: {written(value)}")
    return "\n".join(lines) + "\n"


def written(value: Any) -> str:
    """A value as the form has it; a text of several lines is indented, an empty line is a dot."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    if "\n" in str(value).strip():
        lines = str(value).strip().splitlines()
        return "\n" + "\n".join(" " + (line.strip() or ".") for line in lines)
    return str(value)


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Files that are not as wanted."""
    if arguments["state"] == "absent":
        return [Change(path, "present", None) for path in sorted(state["files"])]
    changes = [Change(path, shown(before), shown(after)) for path, (before, after) in sorted(state["files"].items())]
    if state["has"] is not None and state["has"] != state["mode"]:
        changes.append(Change("mode", f"{state['has']:04o}", f"{state['mode']:04o}"))
    return changes


def shown(content: Optional[bytes]) -> Optional[str]:
    """Content for people."""
    if content is None:
        return None
    text = as_text(content)
    return text if text is not None else f"({len(content)} bytes)"


def apply(arguments: Arguments, state: State, system: System) -> None:
    """The key first, so that apt never meets a source whose key is missing."""
    for path in sorted(state["files"], key=lambda item: item == state["path"]):
        content = state["files"][path][1]
        if content is None:
            system.files.remove(path)
            continue
        above = os.path.dirname(path)
        if system.files.stat(above, True) is None:
            make_directories(above, Attributes(mode=0o755), system)
        system.files.write(path, content, Attributes(mode=state["mode"] if path == state["path"] else 0o644))
    if state["mode"] is not None:
        system.files.attributes(state["path"], Attributes(mode=state["mode"]))


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return {"repo": before["repo"], "dest": before["path"], "key_filename": before["key"],
            **path_values(after["place"])}
