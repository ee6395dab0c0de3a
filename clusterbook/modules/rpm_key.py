"""Keys that rpm trusts."""

from __future__ import annotations

import re
from typing import Any, Dict, List

from clusterbook.modules import apt_sources
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System

NAME = "ansible.builtin.rpm_key"
KIND = "state"
DESCRIPTION = "Add and remove a key that rpm trusts."
PARAMETERS = {
    "key": Parameter("str", "File or address of the key; to remove one, its identifier will do.", required=True),
    "state": Parameter("str", "Whether it is there.", default="present", choices=("absent", "present")),
    "fingerprint": Parameter("list", "Fingerprints, one of which the key must have.", elements="str"),
    "validate_certs": Parameter("bool", "Check the server's certificate.", default=True),
}


def observe(arguments: Arguments, system: System) -> State:
    """The key's identifier, and whether rpm has it."""
    given = arguments["key"]
    data = b""
    if re.fullmatch("(0x)?[0-9a-fA-F]{8,40}", given):
        if arguments["state"] == "present":
            raise ModuleFailed(f"key is {given!r}, expected a file or an address to take the key from")
        identifier = given.lower().removeprefix("0x")
    else:
        data = key_data(arguments, system)
        identifier = fingerprint(data, system)
        accepted = [item.replace(" ", "").lower() for item in arguments["fingerprint"] or ()]
        if accepted and identifier not in accepted:
            raise ModuleFailed(f"the key has fingerprint {identifier}, wanted {' or '.join(accepted)}")
    done = system.query(["rpm", "-q", "gpg-pubkey", "--qf", "%{VERSION}-%{RELEASE}\n"])
    if done.returncode == 127:
        raise ModuleFailed("rpm is not on this host", {"rc": 127}, "Install rpm in an earlier step.")
    packages = [line for line in done.stdout.splitlines() if line.split("-")[0].endswith(identifier[-8:])]
    return {"id": identifier, "data": data, "packages": packages}


def key_data(arguments: Arguments, system: System) -> bytes:
    """The key from its file or address."""
    if "://" in arguments["key"]:
        return apt_sources.download(arguments["key"], validate_certs=arguments["validate_certs"])
    if system.files.stat(arguments["key"], True) is None:
        raise ModuleFailed(f"key is {arguments['key']!r}, which does not exist on the host")
    return system.files.read(arguments["key"])


def fingerprint(data: bytes, system: System) -> str:
    """The fingerprint of the first key in some data."""
    done = system.query(["gpg", "--no-tty", "--batch", "--with-colons", "--show-keys"],
                        stdin=data.decode("utf-8", "surrogateescape"))
    found = re.search(r"^fpr:+([0-9A-F]+):", done.stdout, re.MULTILINE)
    if found is None:
        raise ModuleFailed(f"this is no key: {done.stderr.strip()}", {"rc": done.returncode},
                           "Install gnupg in an earlier step, and check the key.")
    return found.group(1).lower()


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Whether the key is there."""
    if bool(state["packages"]) == (arguments["state"] == "present"):
        return []
    there = "trusted" if state["packages"] else None
    return [Change(f"key {state['id'][-8:]}", there, None if there else "trusted")]


def apply(arguments: Arguments, state: State, system: System) -> None:
    """rpm --import, or the erasure of the package that stands for the key."""
    if arguments["state"] == "absent":
        done = system.execute(["rpm", "-e", "--allmatches", *(f"gpg-pubkey-{item}" for item in state["packages"])])
    else:
        path = system.files.make_temporary(False, "clusterbook-key-", "", None)
        try:
            system.files.write(path, state["data"])
            done = system.execute(["rpm", "--import", path])
        finally:
            system.files.remove(path)
    if done.returncode:
        raise ModuleFailed(f"rpm failed: {done.stderr.strip()}", {"rc": done.returncode})


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Nothing beyond what every module returns."""
    return {}
