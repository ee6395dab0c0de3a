"""Keys of hosts that ssh trusts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Any, Dict, List, Sequence

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.file import make_directories
from clusterbook.modules.ownership import path_state, path_values
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes, as_text
from clusterbook.modules.textfile import line_changes

NAME = "ansible.builtin.known_hosts"
KIND = "state"
DESCRIPTION = "See to it that a host's key is in a file of known hosts, or is not."
PARAMETERS = {
    "name": Parameter("str", "The host.", required=True, aliases=("host",)),
    "key": Parameter("str", "The whole line: host, kind, key."),
    "path": Parameter("path", "The file.", default="~/.ssh/known_hosts"),
    "hash_host": Parameter("bool", "Hide the host's name.", default=False),
    "state": Parameter("str", "Whether it is there.", default="present", choices=("absent", "present")),
}
REQUIRED_IF = (("state", "present", ("key",)),)


def observe(arguments: Arguments, system: System) -> State:
    """The file's text as it is and as it shall be."""
    path = arguments["path"]
    found = system.files.stat(path, True)
    text = (as_text(system.files.read(path)) or "") if found else ""
    state = path_state(path, {}, system, found)
    return {**state, "before": text, "after": edited(arguments, text), "exists": found is not None}


def names_host(line: str, host: str) -> bool:
    """Whether a line is about a host, also when the name is hashed."""
    words = line.split()
    if words[:1] and words[0].startswith("@"):
        words = words[1:]
    if len(words) < 3 or line.startswith("#"):
        return False
    if not words[0].startswith("|1|"):
        return host in words[0].split(",")
    salt, digest = (base64.b64decode(part) for part in words[0].split("|")[2:4])
    return hmac.compare_digest(hmac.new(salt, host.encode(), hashlib.sha1).digest(), digest)


def hashed(host: str) -> str:
    """A host's name as ssh hides it."""
    salt = os.urandom(20)
    digest = hmac.new(salt, host.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def edited(arguments: Arguments, text: str) -> str:
    """The text with each key of the argument set, or those of the host removed."""
    host, lines = arguments["name"], text.splitlines()
    given = (line for line in (arguments["key"] or "").splitlines() if line.strip() and not line.startswith("#"))
    wanted = [line.split() for line in given]
    if any(len(words) < 3 for words in wanted):
        raise ModuleFailed("key is not a line of host, kind and key", next_step="Take it from ssh-keyscan.")
    if any(words[0].startswith("@") and len(words) < 4 for words in wanted):
        raise ModuleFailed("key is not a line of mark, host, kind and key")
    if arguments["state"] == "absent":
        gone = [line for line in lines if names_host(line, host)
                and (not wanted or any(replaces(words, line.split()) for words in wanted))]
        return "".join(line + "\n" for line in lines if line not in gone)
    for words in wanted:
        lines = with_key(arguments, lines, words)
    return "".join(line + "\n" for line in lines)


def replaces(new: List[str], old: List[str]) -> bool:
    """Whether a line is about the same kind of key. Of authorities and revoked keys there may be several."""
    if new[0].startswith("@") or old[0].startswith("@"):
        return new[:1] == old[:1] and new[2:4] == old[2:4]
    return new[1] == old[1]


def with_key(arguments: Arguments, lines: List[str], words: List[str]) -> List[str]:
    """The lines with one key: in place of another one of its kind for this host, else at the end."""
    found = [line for line in lines if names_host(line, arguments["name"]) and replaces(words, line.split())]
    marked = words[0].startswith("@")
    fitting = [line for line in found
               if marked or (words[2] in line.split() and line.startswith("|1|") == arguments["hash_host"])]
    hides = arguments["hash_host"] and not marked
    new = " ".join([hashed(arguments["name"]) if hides else words[0], *words[1:]])
    keep = fitting[:1] or [new]
    at = lines.index(found[0]) if found else len(lines)
    return [*(line for line in lines[:at] if line not in found), *keep,
            *(line for line in lines[at:] if line not in found)]


def difference(state: State, changes: Sequence[Change]) -> None:
    """The return key `diff` is there in any case."""


diff = line_changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write the file, in a private directory."""
    directory = os.path.dirname(arguments["path"])
    if system.files.stat(directory, True) is None:
        make_directories(directory, Attributes(mode=0o700), system)
    system.files.write(arguments["path"], state["after"].encode())


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys; this module tells the difference always."""
    headers = {"before_header": arguments["path"] if before["exists"] else "/dev/null",
               "after_header": arguments["path"]}
    return {"diff": {"before": before["before"], "after": before["after"], **headers},
            "name": arguments["name"], "path": arguments["path"], "state": arguments["state"],
            "hash_host": arguments["hash_host"], "key": arguments["key"], **path_values(after)}
