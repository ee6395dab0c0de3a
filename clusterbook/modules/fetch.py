"""Bring a file of the host to the local machine."""

from __future__ import annotations

import base64
from typing import Any, Dict

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.fetch"
KIND = "action"
DESCRIPTION = "Bring a file of the host to the local machine."
PARAMETERS = {
    "src": Parameter("path", "The file on the host.", required=True),
    "dest": Parameter("path", "Directory of the local machine; the file goes to DEST/HOST/SRC. Variables in it must "
                      "come from the inventory or the play, as no host may choose where this machine writes.",
                      required=True),
    "flat": Parameter("bool", "dest is the file itself, or with a final slash the directory that it goes to.",
                      default=False),
    "fail_on_missing": Parameter("bool", "A file that is not there is an error.", default=True),
    "validate_checksum": Parameter("bool", "Compare checksums of both sides afterwards.", default=True),
}
BLOCK = 1 << 20


def run(arguments: Arguments, system: System) -> Outcome:
    """Offer the file by its checksum; send its content when the local machine has another one."""
    path = arguments["src"]
    found = system.files.stat(path, True)
    if found is None or found.kind == "directory":
        directory = "remote file is a directory, fetch cannot work on it"
        why = "the remote file does not exist" if found is None else directory
        if arguments["fail_on_missing"]:
            raise ModuleFailed(f"{why}: {path}", {"file": path}, "Correct src, or set fail_on_missing: false.")
        return Outcome(values={"file": path, "msg": f"{why}, not transferring, ignored"})
    content = system.files.read(path)
    import hashlib

    digests = {name: hashlib.new(name, content, usedforsecurity=False).hexdigest() for name in ("md5", "sha1")}
    answer = system.deliver({"src": path, "sha1": digests["sha1"], "size": len(content)})
    values: Dict[str, Any] = {"dest": answer["dest"], "checksum": digests["sha1"], "md5sum": digests["md5"]}
    if answer["same"]:
        return Outcome(values={**values, "file": path})
    send(content, path, found.mode, system)
    return Outcome(True, {**values, "remote_checksum": digests["sha1"], "remote_md5sum": None})


def send(content: bytes, path: str, mode: int, system: System) -> None:
    """The content in blocks."""
    for start in range(0, max(len(content), 1), BLOCK):
        block = content[start : start + BLOCK]
        system.deliver({"src": path, "offset": start, "data": base64.b64encode(block).decode(), "mode": mode,
                        "last": start + BLOCK >= len(content)})


def check(arguments: Arguments, system: System) -> Outcome:
    """Not done in check mode, as with Ansible."""
    return Outcome(skipped=True, message="check mode not (yet) supported for this module")
