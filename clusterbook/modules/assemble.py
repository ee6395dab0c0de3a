"""Put a file together from the pieces in a directory."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from typing import Any, Dict, Iterator, List, Sequence

from clusterbook.modules import copy
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.differences import Difference
from clusterbook.modules.ownership import FILE_PARAMETERS
from clusterbook.modules.system import Source, System
from clusterbook.modules.transfer import apply_only, from_bytes, need_directory, observe_file, only_changes

NAME = "ansible.builtin.assemble"
KIND = "state"
DESCRIPTION = "Put a file together from the pieces in a directory, in the order of their names."
PARAMETERS = {
    "src": Parameter("path", "The directory of the pieces.", required=True),
    "dest": Parameter("path", "The file that they make.", required=True),
    "remote_src": Parameter("bool", "The pieces are on the host; false: on the local machine.", default=True),
    "delimiter": Parameter("str", "Text between two pieces; \\n and the like are understood."),
    "regexp": Parameter("str", "Only pieces whose name matches."),
    "ignore_hidden": Parameter("bool", "Leave out names that begin with a dot.", default=False),
    "backup": Parameter("bool", "Keep the old file under a name with the time.", default=False),
    "validate": Parameter("str", "Command that must accept the new file (%s) before it replaces the old one."),
    "decrypt": Parameter("bool", "Decrypt pieces that are encrypted with a vault.", default=True),
    **FILE_PARAMETERS,
}


def observe(arguments: Arguments, system: System) -> State:
    """The destination compared with the pieces put together."""
    source = from_bytes(arguments["src"], joined(arguments, list(pieces(arguments, system))))
    status = system.files.stat(arguments["dest"], True)
    if status is not None and status.kind == "directory":
        raise ModuleFailed(f"dest is {arguments['dest']!r}, a directory; wanted a file")
    item = observe_file(arguments["dest"], source, arguments, system)
    need_directory(item["path"], system)
    return {"dest": item["path"], "items": [item], "source": source}


def pieces(arguments: Arguments, system: System) -> Iterator[bytes]:
    """The content of each chosen file, by name."""
    name = arguments["src"]
    if not arguments["remote_src"]:
        directory = system.source(name)
    elif system.files.stat(name, True) is None:
        raise ModuleFailed(f"src is {name!r}, which does not exist on the host",
                           next_step="Create it in an earlier step, or set remote_src: false.")
    else:
        directory = copy.remote_source(name, system)
    if directory.kind != "directory":
        raise ModuleFailed(f"src is {name!r}, a file; wanted a directory of pieces")
    pattern = re.compile(arguments["regexp"]) if arguments["regexp"] else None
    for entry in sorted(directory.entries):
        if (pattern and not pattern.search(entry)) or (arguments["ignore_hidden"] and entry.startswith(".")):
            continue
        piece = piece_of(os.path.join(name, entry), arguments, system)
        if piece.kind == "file":
            yield piece.read()


def piece_of(path: str, arguments: Arguments, system: System) -> Source:
    """One entry of the directory."""
    return copy.remote_source(path, system) if arguments["remote_src"] else system.source(path)


def joined(arguments: Arguments, parts: List[bytes]) -> bytes:
    """The pieces in one: each begins on a new line, and the delimiter stands on lines of its own between two."""
    given = arguments["delimiter"]
    delimiter = codecs.escape_decode(given.encode())[0] if given else b""
    text = b""
    for index, part in enumerate(parts):
        if index:
            text += b"" if parts[index - 1].endswith(b"\n") else b"\n"
            text += delimiter + (b"" if not delimiter or delimiter.endswith(b"\n") else b"\n")
        text += part
    return text


diff, apply = only_changes, apply_only


def difference(state: State, changes: Sequence[Change]) -> Difference:
    """The return key `diff`: the text alone."""
    found = copy.difference(state, changes)
    return found[0] if found else {}


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    values = copy.returns(arguments, before, after)
    if "checksum" in values:
        values["md5sum"] = hashlib.md5(before["source"].read(), usedforsecurity=False).hexdigest()
    return {**values, "msg": "OK"}
