"""Pack files into an archive."""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

from clusterbook.modules.archives import members
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State, Unknown
from clusterbook.modules.ownership import FILE_PARAMETERS, attribute_changes, new_attributes, path_state, path_values
from clusterbook.modules.system import System

NAME = "community.general.archive"
KIND = "state"
DESCRIPTION = "Pack files and directories of the host into an archive, or compress one file."
PARAMETERS = {
    "path": Parameter("list", "What to pack; patterns are understood.", required=True, elements="path"),
    "dest": Parameter("path", "The archive; by default the one path with the ending of the format."),
    "format": Parameter("str", "How it is packed.", default="gz", choices=("bz2", "gz", "tar", "xz", "zip")),
    "exclude_path": Parameter("list", "Paths to leave out.", default=[], elements="path"),
    "exclusion_patterns": Parameter("list", "Patterns of paths to leave out.", elements="path"),
    "force_archive": Parameter("bool", "An archive even for a single file.", default=False),
    "remove": Parameter("bool", "Remove what was packed.", default=False),
    **FILE_PARAMETERS,
}
COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data), "bz2": lambda data: bz2.compress(data),
    "xz": lambda data: lzma.compress(data),
}
Entry = Tuple[str, str]  # path on the host, name in the archive


def observe(arguments: Arguments, system: System) -> State:
    """What would be packed, and whether the archive holds just that."""
    excluded = {path for pattern in arguments["exclude_path"] for path in expanded(pattern, system)}
    found = sorted({path for pattern in arguments["path"] for path in expanded(pattern, system)} - excluded)
    paths = [path for path in found if system.files.stat(path) is not None]
    single = len(paths) == 1 and len(arguments["path"]) == 1 and not is_pattern(arguments["path"][0])
    is_file = single and is_kind(paths[0], "file", system)
    compress = is_file and not arguments["force_archive"] and arguments["format"] in ("gz", "bz2", "xz")
    dest = arguments["dest"] or default_name(arguments, paths, single, compress)
    root = common_root(found) if found else ""
    entries = sorted({entry for path in paths for entry in packed_of(path, root, arguments, dest, system)})
    status = system.files.stat(dest, True)
    missing = [pattern for pattern in arguments["path"] if not system.files.matching(pattern)]
    state = path_state(dest, arguments, system, status)
    state.update(entries=entries, compress=compress, missing=missing, root=root, paths=paths, found=found, same=False)
    if status is not None and status.kind == "directory":
        raise ModuleFailed(f"dest is {dest!r}, a directory; wanted the name of an archive")
    if status is not None:
        state["same"] = not paths or holds(system.files.read(dest), state, arguments, system)
    return state


def is_pattern(path: str) -> bool:
    """Whether it may mean several paths."""
    return any(letter in path for letter in "*?[")


def expanded(path: str, system: System) -> List[str]:
    """The paths that a pattern means; a plain path means itself, also with a slash at its end."""
    return system.files.matching(path) if is_pattern(path) else [path]


def is_kind(path: str, kind: str, system: System) -> bool:
    """Whether a path is of a kind."""
    found = system.files.stat(path)
    return found is not None and found.kind == kind


def default_name(arguments: Arguments, paths: List[str], single: bool, compress: bool) -> str:
    """The archive's name when none is given."""
    if not single and not (len(arguments["path"]) == 1 and not paths):
        raise ModuleFailed("dest is missing: several paths need a name for their archive",
                           next_step="Add dest to the step.")
    base, kind = (paths or arguments["path"])[0].rstrip("/"), arguments["format"]
    return f"{base}.{kind}" if compress or kind in ("tar", "zip") else f"{base}.tar.{kind}"


def common_root(paths: List[str]) -> str:
    """The directory that all paths share, with a final slash."""
    shared = os.path.commonpath([os.path.dirname(path) for path in paths])
    return os.path.join(shared, "")


def packed_of(path: str, root: str, arguments: Arguments, dest: str, system: System) -> Iterator[Entry]:
    """A file, or everything below a directory; the directory itself is no entry, as in Ansible."""
    if not is_kind(path, "directory", system):
        yield from below(path, root, arguments, dest, system)
        return
    for entry in system.files.entries(path):
        yield from below(os.path.join(path, entry), root, arguments, dest, system)


def below(path: str, root: str, arguments: Arguments, dest: str, system: System) -> Iterator[Entry]:
    """A path and everything below it, without what is excluded, and without the archive."""
    if path == dest or any(fnmatch.fnmatch(path, pattern) for pattern in arguments["exclusion_patterns"] or ()):
        return
    yield path, path[len(root):]
    if is_kind(path, "directory", system):
        for entry in system.files.entries(path):
            yield from below(os.path.join(path, entry), root, arguments, dest, system)


def holds(data: bytes, state: State, arguments: Arguments, system: System) -> bool:
    """Whether an archive holds the same names and contents."""
    touched = getattr(system.files, "touched", None)
    if touched is not None and touched(state["path"]):
        raise Unknown(f"{state['path']} is written by an earlier step")
    try:
        if state["compress"]:
            return opened(data, arguments["format"]) == system.files.read(state["entries"][0][0])
        have = {item.name: item for item in members(data, state["path"], 0)}
    except (ModuleFailed, OSError, EOFError, lzma.LZMAError):
        return False
    if set(have) != {name for _, name in state["entries"]}:
        return False
    for path, name in state["entries"]:
        found = system.files.stat(path)
        if found is None or found.kind != have[name].kind:
            return False
        if found.kind == "file" and have[name].read() != system.files.read(path):
            return False
        if found.kind == "link" and have[name].target != found.target:
            return False
    return True


def opened(data: bytes, kind: str) -> bytes:
    """The content of a compressed file."""
    return {"gz": gzip.decompress, "bz2": bz2.decompress, "xz": lzma.decompress}[kind](data)


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The archive, its owner and mode, and what is removed afterwards."""
    changes: List[Change] = []
    if state["paths"] and not state["same"]:
        before = None if state["kind"] == "absent" else f"({state['size']} bytes)"
        changes.append(Change(state["path"], before, f"{len(state['entries'])} entries"))
    if state["kind"] != "absent":
        changes += attribute_changes(arguments, state)
    elif state["paths"]:
        changes += new_attributes(arguments, state)
    if arguments["remove"]:
        changes += [Change(path, "present", None) for path in state["paths"]]
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write the archive, then remove what is in it."""
    if state["paths"] and not state["same"]:
        system.files.write(state["path"], packed(state, arguments, system), state["wanted"])
    elif state["kind"] != "absent":
        system.files.attributes(state["path"], state["wanted"])
    if arguments["remove"]:
        for path in state["paths"]:
            system.files.remove(path.rstrip("/"))


def packed(state: State, arguments: Arguments, system: System) -> bytes:
    """The archive's bytes."""
    kind = arguments["format"]
    if state["compress"]:
        return COMPRESS[kind](system.files.read(state["entries"][0][0]))
    target = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as made:
            for path, name in state["entries"]:
                if not system.predicting:
                    made.write(path, name)
    else:
        with tarfile.open(fileobj=target, mode="w" if kind == "tar" else f"w:{kind}") as made_tar:  # type: ignore[call-overload]
            for path, name in state["entries"]:
                if not system.predicting:
                    made_tar.add(path, name, recursive=False)
    return target.getvalue()


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left; sources that were removed are not missed."""
    return [] if arguments["remove"] else diff(arguments, after)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    state = "absent" if not before["paths"] else "compress" if before["compress"] else "archive"
    if before["missing"] and before["paths"]:
        state = "incomplete"
    place = path_values(after) if before["paths"] else {"state": "absent"}
    return {**place, "dest_state": state, "dest": before["path"], "missing": before["missing"],
            "archived": [path for path, _ in before["entries"] if not before["compress"]] or before["paths"],
            "arcroot": before["root"], "expanded_paths": before["found"],
            "expanded_exclude_paths": arguments["exclude_path"]}
