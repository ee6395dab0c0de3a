"""Public keys that may log in as a user."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Tuple

from clusterbook.modules.contract import Arguments, ModuleFailed, Parameter, State
from clusterbook.modules.ownership import path_state, path_values
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes, as_text
from clusterbook.modules.textfile import line_changes

NAME = "ansible.posix.authorized_key"
KIND = "state"
DESCRIPTION = "See to it that public keys may log in as a user, or may not."
PARAMETERS = {
    "user": Parameter("str", "The user.", required=True),
    "key": Parameter("str", "Public keys, one a line, or the address of such a list.", required=True),
    "state": Parameter("str", "Whether they are there.", default="present", choices=("absent", "present")),
    "path": Parameter("path", "The file; by default in the user's home."),
    "manage_dir": Parameter("bool", "Make the directory, private to the user.", default=True),
    "key_options": Parameter("str", "Options in front of the keys."),
    "comment": Parameter("str", "Comment behind the keys."),
    "exclusive": Parameter("bool", "Remove all other keys.", default=False),
    "validate_certs": Parameter("bool", "Check the server's certificate.", default=True),
    "follow": Parameter("bool", "Write through a link.", default=False),
}
KINDS = ("ssh-ed25519", "ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
         "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")


def observe(arguments: Arguments, system: System) -> State:
    """The file's text as it is and as it shall be."""
    user = system.accounts.user(arguments["user"])
    if user is None:
        raise ModuleFailed(f"user is {arguments['user']!r}: no such user",
                           next_step=f"Create user {arguments['user']} in an earlier step.")
    path = arguments["path"] or os.path.join(user.home, ".ssh", "authorized_keys")
    if arguments["follow"]:
        path = system.files.resolve(path)
    found = system.files.stat(path, True)
    text = (as_text(system.files.read(path)) or "") if found else ""
    state = path_state(path, {}, system, found)
    return {**state, "user": user, "before": text, "after": edited(arguments, text)}


def parsed(line: str) -> Optional[Tuple[str, str, str, str]]:
    """(options, kind, key, comment) of a line; None for comments and what is no key."""
    quoted, words, word = False, [], ""
    for letter in line.strip():
        quoted ^= letter == '"'
        if letter == " " and not quoted:
            words.append(word)
            word = ""
        else:
            word += letter
    words = [item for item in [*words, word] if item]
    for index, item in enumerate(words[:2]):
        if item in KINDS and len(words) > index + 1 and not line.startswith("#"):
            return " ".join(words[:index]), item, words[index + 1], " ".join(words[index + 2:])
    return None


def keys(arguments: Arguments) -> "List[Tuple[str, str, str, str]]":
    """The wanted keys."""
    text = arguments["key"]
    if text.startswith(("http://", "https://")):
        from clusterbook.modules import web

        asked = {**{name: item.default for name, item in web.WEB_PARAMETERS.items()}, "url": text,
                 "validate_certs": arguments["validate_certs"]}
        with web.ask(asked) as response:
            text = response.read(1 << 20).decode("utf-8", "replace")
    found = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        key = parsed(line)
        if key is None:
            raise ModuleFailed(f"key is {line[:40]!r}, which is no public key",
                               next_step="Give the line of a .pub file.")
        options, comment = arguments["key_options"], arguments["comment"]
        found.append((key[0] if options is None else options, key[1], key[2], key[3] if comment is None else comment))
    return found


def edited(arguments: Arguments, text: str) -> str:
    """The text with the keys set or removed."""
    wanted = {key[2]: " ".join(part for part in key if part) for key in keys(arguments)}
    lines: List[str] = []
    left = dict(wanted)
    for line in text.splitlines():
        key = parsed(line)
        if key is None or key[2] not in wanted:
            if not (arguments["exclusive"] and key is not None):
                lines.append(line)
        elif arguments["state"] == "present" and key[2] in left:
            new = left.pop(key[2])
            lines.append(line if parsed(new) == key else new)
    added = list(left.values()) if arguments["state"] == "present" else []
    return "".join(line + "\n" for line in [*lines, *added])


diff = line_changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write the file, owned by the user and private."""
    path, user = state["path"], state["user"]
    directory = os.path.dirname(path)
    own = Attributes(user.uid, user.gid, 0o700)
    if arguments["manage_dir"] and system.files.stat(directory, True) is None:
        system.files.make_directory(directory, 0o700)
        system.files.attributes(directory, own)
    mode = Attributes() if system.files.stat(path) else Attributes(user.uid, user.gid, 0o600)
    system.files.write(path, state["after"].encode(), mode)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys: what was asked for, and what is at `path` where the step names one."""
    return {**{name: arguments[name] for name in PARAMETERS}, "keyfile": after["path"],
            **(path_values(after) if arguments["path"] else {})}
