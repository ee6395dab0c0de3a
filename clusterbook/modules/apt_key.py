"""Keys that apt trusts for every archive: the old way, which Debian 13 no longer has."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Set

from clusterbook.modules import apt_sources
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System

NAME = "ansible.builtin.apt_key"
KIND = "state"
DESCRIPTION = ("Add and remove a key that apt trusts for every archive. Debian 13 has no apt-key: there, use signed_by "
               "of deb822_repository, which trusts a key for one archive only.")
PARAMETERS = {
    "id": Parameter("str", "Identifier of the key; needed to remove one."),
    "data": Parameter("str", "The key as text."),
    "file": Parameter("path", "File of the host that holds the key."),
    "url": Parameter("str", "Address of the key."),
    "keyserver": Parameter("str", "Server to ask for the key."),
    "keyring": Parameter("path", "File of trusted keys to use."),
    "state": Parameter("str", "Whether it is there.", default="present", choices=("absent", "present")),
    "validate_certs": Parameter("bool", "Check the server's certificate.", default=True),
}
MUTUALLY_EXCLUSIVE = (("data", "file", "keyserver", "url"),)


def observe(arguments: Arguments, system: System) -> State:
    """The short identifiers that are trusted, and that of the wanted key."""
    data: Optional[bytes] = None
    identifier = (arguments["id"] or "").upper().removeprefix("0X")
    if arguments["state"] == "absent" and not identifier:
        raise ModuleFailed("id is missing: a key is removed by its identifier", next_step="Add id to the step.")
    if arguments["state"] == "present" and not arguments["keyserver"]:
        data = key_data(arguments, system)
        identifier = identifier or first_identifier(data, system)
    if not re.fullmatch("[0-9A-F]{8,40}", identifier):
        raise ModuleFailed(f"id is {arguments['id']!r}, expected 8 to 40 hexadecimal digits")
    trusted = trusted_keys(arguments, system)
    return {"id": identifier, "data": data, "there": any(key.endswith(identifier[-16:]) for key in trusted),
            "trusted": sorted(key[-16:] for key in trusted)}


def key_data(arguments: Arguments, system: System) -> bytes:
    """The key from wherever it is."""
    if arguments["data"] is not None:
        return str(arguments["data"]).encode()
    if arguments["url"] is not None:
        return apt_sources.download(arguments["url"], validate_certs=arguments["validate_certs"])
    if arguments["file"] is not None:
        return system.files.read(arguments["file"])
    raise ModuleFailed("one of data, file, keyserver, url is required")


def first_identifier(data: bytes, system: System) -> str:
    """The fingerprint of the first key in some data."""
    done = system.query(["gpg", "--no-default-keyring", "--batch", "--with-colons", "--show-keys"],
                        stdin=data.decode("utf-8", "surrogateescape"))
    found = re.search(r"^fpr:+([0-9A-F]+):", done.stdout, re.MULTILINE)
    if found is None:
        raise ModuleFailed(f"this is no key: {done.stderr.strip()}", {"rc": done.returncode},
                           "Install gnupg in an earlier step, and check the key.")
    return found.group(1)


def trusted_keys(arguments: Arguments, system: System) -> Set[str]:
    """Fingerprints of all keys that apt trusts."""
    ring = ["--keyring", arguments["keyring"]] if arguments["keyring"] else []
    done = system.query(["apt-key", *ring, "adv", "--list-public-keys", "--with-colons"],
                        environment={"APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE": "1"})
    if done.returncode:
        step = "Use signed_by of deb822_repository instead." if done.returncode == 127 else "Install gnupg first."
        raise ModuleFailed(f"apt-key failed: {done.stderr.strip()}", {"rc": done.returncode}, step)
    return set(re.findall(r"^fpr:+([0-9A-F]+):", done.stdout, re.MULTILINE))


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Whether the key is there."""
    if state["there"] == (arguments["state"] == "present"):
        return []
    words = (None, "trusted")
    return [Change(f"key {state['id'][-16:]}", words[state["there"]], words[not state["there"]])]


def apply(arguments: Arguments, state: State, system: System) -> None:
    """apt-key add, adv --recv or del."""
    ring = ["--keyring", arguments["keyring"]] if arguments["keyring"] else []
    stdin = None
    if arguments["state"] == "absent":
        words = ["del", state["id"]]
    elif arguments["keyserver"]:
        words = ["adv", "--no-tty", "--keyserver", arguments["keyserver"], "--recv", state["id"]]
    else:
        words, stdin = ["add", "-"], state["data"].decode("utf-8", "surrogateescape")
    done = system.execute(["apt-key", *ring, *words], stdin=stdin,
                          environment={"APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE": "1"})
    if done.returncode:
        raise ModuleFailed(f"apt-key failed: {done.stderr.strip()}", {"rc": done.returncode})


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return {"id": arguments["id"], "key_id": before["id"][-16:], "short_id": before["id"][-8:], "fp": before["id"],
            "before": before["trusted"], "after": after["trusted"]}
