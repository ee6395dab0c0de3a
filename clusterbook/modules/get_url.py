"""Download a file; wrong bytes never take the place of the old ones."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import time
from typing import Any, Dict, Iterator, List, Tuple

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.ownership import FILE_PARAMETERS, attribute_changes, new_attributes, path_state, path_values
from clusterbook.modules.system import System
from clusterbook.modules.transfer import keep_backup, need_directory

NAME = "ansible.builtin.get_url"
KIND = "state"
DESCRIPTION = "Download a file and check its checksum."
PARAMETERS = {
    "url": Parameter("str", "The address.", required=True),
    "dest": Parameter("path", "File or directory of the host.", required=True),
    "checksum": Parameter("str", "ALGORITHM:HEX, or ALGORITHM:URL of a list of checksums.", default=""),
    "force": Parameter("bool", "Without a checksum: download again when the file exists.", default=False),
    "backup": Parameter("bool", "Keep the old file under a name with the time.", default=False),
    "tmp_dest": Parameter("path", "Accepted; the temporary file is made beside dest, so that it can be renamed."),
    "decompress": Parameter("bool", "Accepted; the body is stored as it is sent.", default=True),
    "headers": Parameter("dict", "Further headers of the request.", default={}),
    "timeout": Parameter("int", "Seconds without an answer before giving up.", default=10),
    "validate_certs": Parameter("bool", "Check the server's certificate.", default=True),
    "client_cert": Parameter("path", "Certificate to show to the server."),
    "client_key": Parameter("path", "Private key of that certificate."),
    "url_username": Parameter("str", "User for basic authentication.", aliases=("username",)),
    "url_password": Parameter("str", "Password for it.", aliases=("password",), secret=True),
    "force_basic_auth": Parameter("bool", "Send user and password at once.", default=False),
    "use_proxy": Parameter("bool", "Use the proxy that the environment names.", default=True),
    "http_agent": Parameter("str", "Name of the program to show.", default="clusterbook"),
    "unredirected_headers": Parameter("list", "Headers not sent after a redirect.", default=[], elements="str"),
    "ciphers": Parameter("list", "TLS ciphers.", elements="str"),
    "use_gssapi": Parameter("bool", "Not supported.", default=False),
    "use_netrc": Parameter("bool", "Accepted; .netrc is not read.", default=True),
    **FILE_PARAMETERS,
}
MOST_BYTES_OF_MD5 = 1 << 20
UNCHECKED = "sha256"
SUBJECT = "dest"


def observe(arguments: Arguments, system: System) -> State:
    """The file at dest, its checksum and the wanted one (empty when none is known)."""
    path = arguments["dest"]
    status = system.files.stat(path, True)
    if status is not None and status.kind == "directory":
        path = os.path.join(path, file_name(arguments["url"]))
        status = system.files.stat(path, True)
    if status is None:
        need_directory(path, system)
    elif status.kind != "file":
        raise ModuleFailed(f"{path} is a {status.kind}, wanted a file", {"dest": path}, "Remove it first.")
    state = path_state(path, arguments, system, status)
    algorithm, wanted = wanted_checksum(arguments)
    told: Dict[str, Any] = {}
    if not wanted and status is not None and arguments["force"]:
        wanted = source_checksum(arguments, system, told)
    state.update(algorithm=algorithm, wanted_digest=wanted, digest="", download=told, old=None)
    if status is not None and wanted:
        state["digest"] = system.files.digest(path, algorithm)
    return state


def source_checksum(arguments: Arguments, system: System, told: Dict[str, Any]) -> str:
    """The digest of what is at the address; a plan reads a file of the host as its earlier steps would leave it."""
    import urllib.request

    address = arguments["url"]
    if not system.predicting or not address.startswith("file://"):
        return remote_checksum(arguments, told)
    return system.files.digest(urllib.request.url2pathname(address[len("file://"):]), UNCHECKED)


def file_name(url: str) -> str:
    """The last part of an address's path."""
    import urllib.parse

    name = posixpath.basename(urllib.parse.unquote(urllib.parse.urlsplit(url).path))
    if not name or name in (".", ".."):
        raise ModuleFailed(f"dest is a directory, and {url} names no file", next_step="Give dest a file name.")
    return name


def wanted_checksum(arguments: Arguments) -> Tuple[str, str]:
    """Algorithm and hexadecimal digest of the checksum argument; the digest is empty without one."""
    if not arguments["checksum"]:
        return UNCHECKED, ""
    algorithm, _, value = arguments["checksum"].partition(":")
    algorithm, value = algorithm.strip().lower(), value.strip()
    if algorithm not in hashlib.algorithms_available or not value:
        raise ModuleFailed(f"checksum is {arguments['checksum']!r}, expected ALGORITHM:DIGEST",
                           next_step="Write it as sha256: and 64 hexadecimal digits.")
    if value.startswith(("http://", "https://", "ftp://", "file://")):
        value = listed_checksum(arguments, value)
    size = hashlib.new(algorithm).digest_size * 2
    if size and not re.fullmatch(f"[0-9a-fA-F]{{{size}}}", value):
        raise ModuleFailed(f"checksum is {value!r}, expected {size} hexadecimal digits",
                           next_step=f"Give the whole {algorithm} digest.")
    return algorithm, value.lower()


def listed_checksum(arguments: Arguments, url: str) -> str:
    """The digest of this file in a list as sha256sum writes them, or a list of a single digest."""
    from clusterbook.modules import web

    with web.ask(arguments, url=url) as response:
        if response.status >= 400:
            raise ModuleFailed(f"{url} answers {response.status} {response.reason}")
        text = response.read(1 << 22).decode("utf-8", "replace")
    name = file_name(arguments["url"])
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for words in lines:
        if len(words) > 1 and posixpath.basename(words[-1].lstrip("*")) == name:
            return str(words[0])
    if len(lines) == 1 and len(lines[0]) == 1:
        return str(lines[0][0])
    raise ModuleFailed(f"{url} has no checksum for {name}", next_step="Give the digest itself.")


def remote_checksum(arguments: Arguments, told: Dict[str, Any]) -> str:
    """The digest of what the address gives now; with force and no checksum nothing else tells a difference."""
    for _ in received(arguments, UNCHECKED, told):
        pass
    return str(told["digest"])


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The content when its checksum differs, and the attributes."""
    url = arguments["url"]
    if state["kind"] == "absent":
        return [Change("content", None, f"from {url}"), *new_attributes(arguments, state)]
    if state["wanted_digest"] and state["digest"] != state["wanted_digest"]:
        algorithm = state["algorithm"]
        return [Change("content", f"{algorithm}:{state['digest']}", f"{algorithm}:{state['wanted_digest']} from {url}"),
                *attribute_changes(arguments, state)]
    return attribute_changes(arguments, state)


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Download to a temporary file, verify, rename."""
    path, algorithm, wanted = state["path"], state["algorithm"], state["wanted_digest"]
    if state["kind"] != "absent" and state["digest"] == wanted:
        system.files.attributes(path, state["wanted"])
        return
    if state["kind"] != "absent" and arguments["backup"]:
        state["backup_file"] = keep_backup(path, system)
    if state["kind"] != "absent" and not system.predicting:
        state["old"] = system.files.digest(path, "sha1")
    known = wanted if algorithm == "sha256" else ""
    system.files.write(path, lambda: verified(arguments, state), state["wanted"], digest=known,
                       in_place=arguments["unsafe_writes"])
    if wanted and not system.predicting:
        system.files.checksums.learn(path, algorithm, wanted)


def verified(arguments: Arguments, state: State) -> Iterator[bytes]:
    """The blocks of the download; after the last one its digest must be the wanted one."""
    algorithm, wanted = state["algorithm"], state["wanted_digest"]
    yield from received(arguments, algorithm, state["download"])
    found = state["download"]["digest"]
    if wanted and found != wanted:
        raise ModuleFailed(
            f"{arguments['url']} has {algorithm} {found}, wanted {wanted}; it was not kept",
            {"url": arguments["url"], "dest": state["path"]},
            "Correct the checksum, or find out who changed the file at that address.",
        )


def received(arguments: Arguments, algorithm: str, told: Dict[str, Any]) -> Iterator[bytes]:
    """The blocks of the download; told receives the digest, too, and those that Ansible returns."""
    digests = {"digest": hashlib.new(algorithm), "sha1": hashlib.sha1(usedforsecurity=False),
               "md5": hashlib.md5(usedforsecurity=False)}
    size = 0
    for block in download(arguments, told):
        size += len(block)
        if size > MOST_BYTES_OF_MD5:
            digests.pop("md5", None)  # the slowest of them, and nobody's need
        for digest in digests.values():
            digest.update(block)
        yield block
    told.update((name, digest.hexdigest()) for name, digest in digests.items())


def download(arguments: Arguments, told: Dict[str, Any]) -> Iterator[bytes]:
    """The body in blocks; told receives status, size and time."""
    from clusterbook.modules import web

    started = time.monotonic()
    try:
        response = web.ask(arguments)
    except ModuleFailed as failure:
        values = {**failure.values, "dest": arguments["dest"], "status_code": -1, "response": failure.message}
        raise ModuleFailed(failure.message, values, failure.next_step) from failure
    with response:
        if response.status >= 400:
            raise ModuleFailed(
                f"{arguments['url']} answers {response.status} {response.reason}",
                {"url": arguments["url"], "dest": arguments["dest"], "status_code": response.status,
                 "response": f"HTTP Error {response.status}: {response.reason}",
                 "elapsed": int(time.monotonic() - started)},
                "Correct the address, or put the file there.",
            )
        yield from web.blocks(response, lambda count: told.update(size=count))
    told.update(status_code=response.status, elapsed=int(time.monotonic() - started))


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left after apply; without a checksum the download itself is the truth."""
    if not arguments["checksum"]:
        return attribute_changes(arguments, after)
    return diff(arguments, after)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys; checksum_src is of what was downloaded, checksum_dest of what was there before, both SHA-1."""
    values = {**path_values(after), "dest": after["path"], "url": arguments["url"]}
    told = before["download"]
    if "sha1" in told:
        same = before["kind"] != "absent" and before["digest"] == told["digest"]
        values.update(checksum_src=told["sha1"], checksum_dest=told["sha1"] if same else before["old"],
                      **({"md5sum": told["md5"]} if "md5" in told else {}))
    if told:
        values.update(status_code=told.get("status_code"), elapsed=told.get("elapsed", 0),
                      msg=f"OK ({told.get('size', 'unknown')} bytes)")
    elif not before.get("digest") and before["kind"] != "absent":
        values["msg"] = "file already exists"
    if before.get("backup_file"):
        values["backup_file"] = before["backup_file"]
    return values
