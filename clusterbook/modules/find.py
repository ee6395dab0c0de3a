"""Find files of the host."""

from __future__ import annotations

import fnmatch
import os
import re
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.stat import stat_values
from clusterbook.modules.system import System
from clusterbook.modules.system.files import FileState

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
NAME = "ansible.builtin.find"
KIND = "query"
DESCRIPTION = "Find files of the host by name, age, size and content."
PARAMETERS = {
    "paths": Parameter("list", "Directories to look in.", required=True, elements="path", aliases=("name", "path")),
    "patterns": Parameter("list", "Names that count.", default=[], elements="str", aliases=("pattern",)),
    "excludes": Parameter("list", "Names that do not count.", elements="str", aliases=("exclude",)),
    "use_regex": Parameter("bool", "Names are regular expressions.", default=False),
    "contains": Parameter("str", "Regular expression that a line must match."),
    "read_whole_file": Parameter("bool", "contains is for the whole text.", default=False),
    "file_type": Parameter("str", "Kind of file.", default="file", choices=("any", "directory", "file", "link")),
    "recurse": Parameter("bool", "Look below too.", default=False),
    "depth": Parameter("int", "Levels to go down."),
    "follow": Parameter("bool", "Follow links to directories.", default=False),
    "hidden": Parameter("bool", "Names with a leading dot count too.", default=False),
    "age": Parameter("str", "Only older than this (1w 2d 3h 4m 5s); with - only younger."),
    "age_stamp": Parameter("str", "Which time counts.", default="mtime", choices=("atime", "ctime", "mtime")),
    "size": Parameter("str", "Only at least this large (1k 1m 1g 1t); with - at most."),
    "mode": Parameter("raw", "Only with this mode."),
    "exact_mode": Parameter("bool", "The mode is exactly this.", default=True),
    "get_checksum": Parameter("bool", "Give checksums.", default=False),
    "checksum_algorithm": Parameter("str", "Kind of checksum.", default="sha1", choices=ALGORITHMS,
                                    aliases=("checksum", "checksum_algo")),
    "limit": Parameter("int", "Stop after so many."),
    "encoding": Parameter("str", "Encoding of texts that contains looks at.", default="utf-8"),
}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
BYTES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def run(arguments: Arguments, system: System) -> Outcome:
    """files, matched, examined and what could not be looked at."""
    skipped: Dict[str, str] = {}
    files: List[Dict[str, Any]] = []
    examined = 0
    wanted = Filter(arguments, system)
    for top in arguments["paths"]:
        found = system.files.stat(top, True)
        if found is None or found.kind != "directory":
            skipped[top] = f"'{top}' is not a directory"
            continue
        for path, state, level in walk(top, arguments, system, skipped, 1):
            examined += 1
            try:
                if (arguments["depth"] and level > arguments["depth"]) or not wanted.accepts(path, state):
                    continue
            except UnicodeDecodeError:
                skipped[top] = (f"Failed to read the file {path} due to an encoding error. "
                                f"current encoding: {arguments['encoding']}")
                continue
            except LookupError as error:
                skipped[top] = str(error)
                continue
            values = stat_values(path, state, system)
            values.pop("exists")
            if arguments["get_checksum"] and state.kind == "file":
                values["checksum"] = system.files.digest(path, arguments["checksum_algorithm"])
            files.append(values)
            if arguments["limit"] and len(files) >= arguments["limit"]:
                return result(files, examined, skipped, "Limit of matches reached")
    message = "All paths examined" if not skipped else "Not all paths examined, check warnings for details"
    return result(files, examined, skipped, message)


def result(files: List[Dict[str, Any]], examined: int, skipped: Dict[str, str], message: str) -> Outcome:
    """Ansible's keys."""
    values = {"files": files, "matched": len(files), "examined": examined, "skipped_paths": skipped, "msg": message}
    warnings = [f"Skipped '{path}' path due to this access issue: {why}" for path, why in skipped.items()]
    return Outcome(values={**values, "warnings": warnings} if warnings else values)


def walk(
    top: str, arguments: Arguments, system: System, skipped: Dict[str, str], level: int
) -> Iterator[Tuple[str, FileState, int]]:
    """(path, state, level) of everything below a directory; one level more than wanted is looked at, as in Ansible."""
    try:
        names = system.files.entries(top)
    except OSError as error:
        skipped[top] = str(error)
        return
    deeper: List[str] = []
    for name in names:
        path = os.path.join(top, name)
        state = system.files.stat(path)
        if state is None:
            continue
        yield path, state, level
        target = system.files.stat(path, True) if arguments["follow"] and state.kind == "link" else state
        if target is not None and target.kind == "directory":
            deeper.append(path)
    if arguments["recurse"] and (not arguments["depth"] or level <= arguments["depth"]):
        for path in deeper:
            if arguments["hidden"] or not os.path.basename(path).startswith("."):
                yield from walk(path, arguments, system, skipped, level + 1)


class Filter:
    """Decides whether a file counts."""

    def __init__(self, arguments: Arguments, system: System) -> None:
        """Patterns and limits are read once."""
        self.arguments = arguments
        self.system = system
        self.now = time.time()
        self.age = limit(arguments["age"], SECONDS, "age")
        self.size = limit(arguments["size"], BYTES, "size")
        self.patterns = arguments["patterns"] or ([".*"] if arguments["use_regex"] else ["*"])

    def accepts(self, path: str, state: FileState) -> bool:
        """All conditions together."""
        name = os.path.basename(path)
        kind = self.arguments["file_type"]
        if kind not in ("any", state.kind) or (name.startswith(".") and not self.arguments["hidden"]):
            return False
        if not self.named(name, self.patterns) or self.named(name, self.arguments["excludes"] or []):
            return False
        return self.aged(state) and self.sized(state) and self.moded(state) and self.contains(path, state)

    def named(self, name: str, patterns: List[str]) -> bool:
        """Whether one of the patterns matches."""
        if self.arguments["use_regex"]:
            return any(re.match(pattern, name) for pattern in patterns)
        return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)

    def aged(self, state: FileState) -> bool:
        """Old enough, or young enough."""
        if self.age is None:
            return True
        stamps = {"mtime": state.modified, "atime": state.accessed, "ctime": state.changed}
        passed = self.now - stamps[self.arguments["age_stamp"]] / 1e9
        return passed >= self.age if self.age >= 0 else passed <= -self.age

    def sized(self, state: FileState) -> bool:
        """Large enough, or small enough; directories have no size that counts."""
        if self.size is None or state.kind == "directory":
            return True
        return state.size >= self.size if self.size >= 0 else state.size <= -self.size

    def moded(self, state: FileState) -> bool:
        """The wanted mode."""
        mode = self.arguments["mode"]
        if mode is None:
            return True
        from clusterbook.modules.mode import parse_mode

        wanted = parse_mode(mode, 0, state.kind == "directory", 0)
        return state.mode == wanted if self.arguments["exact_mode"] else bool(state.mode & wanted)

    def contains(self, path: str, state: FileState) -> bool:
        """The wanted text, in regular files."""
        pattern = self.arguments["contains"]
        if pattern is None:
            return True
        if state.kind != "file":
            return False
        text = self.system.files.read(path).decode(self.arguments["encoding"])
        if self.arguments["read_whole_file"]:
            return re.search(pattern, text) is not None
        return any(re.match(pattern, line) for line in text.splitlines())


def limit(text: Optional[str], units: Dict[str, int], what: str) -> Optional[int]:
    """A number with a unit; below zero: at most."""
    if text is None:
        return None
    match = re.match(r"^(-?\d+)([a-z])?", text.lower())
    if match is None or (match.group(2) or next(iter(units))) not in units:
        raise ModuleFailed(f"{what} is {text!r}, expected a number and one of {', '.join(units)}")
    return int(match.group(1)) * units[match.group(2) or next(iter(units))]
