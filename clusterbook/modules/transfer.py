"""Putting content into files of the host: what copy, template and their kin share."""

from __future__ import annotations

import hashlib
import os
import shlex
import time
from typing import Any, Callable, Dict, List, Optional

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, State
from clusterbook.modules.ownership import attribute_changes, new_attributes, path_state, path_values
from clusterbook.modules.system import Source, System
from clusterbook.modules.system.files import Attributes, as_text, missing_parent

SHOWN_BYTES = 256 * 1024  # larger texts are told by their sizes


def from_bytes(name: str, data: bytes, mode: int = 0o644) -> Source:
    """Content in memory as a source."""
    return Source(name, "file", mode, len(data), hashlib.sha256(data).hexdigest(), (), lambda: data)


def observe_file(path: str, source: Source, arguments: Arguments, system: System, mode: Any = None) -> State:
    """One destination file compared with its source. mode: instead of the argument ('preserve' is the source's)."""
    found = system.files.stat(path)
    if found is not None and found.kind == "link" and arguments.get("follow"):
        path = system.files.resolve(path)
        found = system.files.stat(path)
    elif found is not None and found.kind == "link":
        found = system.files.stat(path, True)
    if found is not None and found.kind == "directory":
        raise ModuleFailed(f"{path} is a directory, wanted a file", {"dest": path}, "Remove it first.")
    wanted_mode = source.mode if arguments.get("mode") == "preserve" else mode
    state = path_state(path, arguments, system, found, mode=wanted_mode)
    state.update(source=source, same=False, before=None, after=None, backup_file=None)
    if found is not None:
        state["same"] = same_content(path, found.size, source, system)
    if not state["same"]:
        state["after"] = shown(source.size, source.read)
        if found is not None:
            state["before"] = shown(found.size, lambda: system.files.read(path))
    return state


def same_content(path: str, size: int, source: Source, system: System) -> bool:
    """Whether the file holds the source's content."""
    if not system.predicting and size != source.size:
        return False
    return system.files.digest(path, "sha256") == source.sha256


def shown(size: int, read: Callable[[], bytes]) -> str:
    """Content for people: its text, or its size when it is large or no text."""
    text = as_text(read()) if size <= SHOWN_BYTES else None
    return text if text is not None else f"({size} bytes)"


def file_changes(arguments: Arguments, state: State) -> List[Change]:
    """Content, owner, group and mode that differ. With force: false a file that exists keeps its content."""
    exists = state["kind"] != "absent"
    if not exists:
        return [Change("content", None, state["after"]), *new_attributes(arguments, state)]
    changes = []
    if not state["same"] and arguments.get("force", True):
        changes.append(Change("content", state["before"], state["after"]))
    elif not state["same"]:
        return []
    return [*changes, *attribute_changes(arguments, state)]


def only_changes(arguments: Arguments, state: State) -> List[Change]:
    """`diff` of modules that write one file."""
    return file_changes(arguments, state["items"][0])


def apply_only(arguments: Arguments, state: State, system: System) -> None:
    """`apply` of modules that write one file."""
    apply_file(arguments, state["items"][0], system)


def apply_file(arguments: Arguments, state: State, system: System) -> None:
    """Write the content where it differs, else only the attributes."""
    path, source = state["path"], state["source"]
    exists = state["kind"] != "absent"
    if exists and state["same"]:
        system.files.attributes(path, state["wanted"])
        return
    above = system.files.stat(os.path.dirname(path) or ".", True)
    if above is None or above.kind != "directory":
        raise missing_parent(path)
    if exists and arguments.get("backup"):
        state["backup_file"] = keep_backup(path, system)
    # A prediction keeps the content, for later steps that read it.
    content = source.read() if source.parts is None or system.predicting else source.parts
    system.files.write(
        path, content, state["wanted"], validator(arguments.get("validate"), system), source.sha256,
        in_place=bool(arguments.get("unsafe_writes")),
    )


def need_directory(path: str, system: System) -> None:
    """Refuse a file whose directory is missing, in check mode too."""
    above = system.files.stat(os.path.dirname(path) or ".", True)
    if above is None or above.kind != "directory":
        raise missing_parent(path)


def keep_backup(path: str, system: System) -> str:
    """Copy a file beside itself under a name with the time, with the same owner and mode; return that name."""
    found = system.files.stat(path, True)
    name = f"{path}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}"
    if found is not None:
        system.files.write(name, system.files.read(path), Attributes(found.uid, found.gid, found.mode))
    return name


def validator(command: Optional[str], system: System) -> Optional[Callable[[str], None]]:
    """Runs the `validate` command on the temporary file; it must accept it before the old one is replaced."""
    if not command:
        return None
    if "%s" not in command:
        raise ModuleFailed(f"validate must contain %s: {command}", next_step="Put %s where the file's name belongs.")

    def accept(temporary: str) -> None:
        """Raise when the command rejects the file."""
        argv = [word.replace("%s", temporary) for word in shlex.split(command)]
        done = system.execute(argv)
        if done.returncode:
            said = done.stderr.strip() or done.stdout.strip()
            raise ModuleFailed(
                f"'{command}' rejects the new file (exit {done.returncode})" + (f": {said}" if said else ""),
                {"exit_status": done.returncode, "stdout": done.stdout, "stderr": done.stderr},
                "Correct the content; the old file is still in place.",
            )

    return accept


def file_values(arguments: Arguments, before: State, after: State, system_digest: str) -> Dict[str, Any]:
    """Ansible's return keys for one file."""
    values = {**path_values(after), "dest": after["path"], "checksum": system_digest}
    if before.get("backup_file"):
        values["backup_file"] = before["backup_file"]
    return values
