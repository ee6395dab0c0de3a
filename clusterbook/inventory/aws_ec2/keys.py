"""Host keys by instance id: addresses are used again for other machines, ids never are.

A key is learnt once, over AWS's own API: from the tag that the instance wrote, or from the console output in which
cloud-init shows it (cc_ssh, "BEGIN SSH HOST KEY KEYS"). From then on another key is refused.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs

from clusterbook.errors import InvalidInput, Position
from clusterbook.inventory.aws_ec2.hosts import FoundHost

KEY_TAG = "clusterbook.io/host-key"
# Consoles that are asked for together.
AT_A_TIME = 16
_KEY = r"(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) [A-Za-z0-9+/=]+"
_CONSOLE = re.compile(r"BEGIN SSH HOST KEY KEYS-+\s+(.*?)-+END SSH HOST KEY KEYS", re.DOTALL)


def known_hosts_file() -> Path:
    """The file with the learnt keys, one line a key: ID KIND KEY."""
    return Path(platformdirs.user_state_dir("clusterbook")) / "aws" / "known_hosts"


def pin(hosts: Sequence[FoundHost], console: Callable[[FoundHost], str], file: Path, where: Position) -> Path:
    """Learn the keys of instances that are new. console: what an instance wrote. Raises InvalidInput for a change."""
    known = _read(file)
    for host in hosts:
        _refuse_change(host, known.get(host.instance, set()), file, where)
    new = [host for host in hosts if host.instance not in known]
    with ThreadPoolExecutor(AT_A_TIME) as pool:  # each answer takes its time, and there may be hundreds
        learnt = list(pool.map(lambda host: _tag_keys(host) or _console_keys(console(host)), new))
    if lines := [f"{host.instance} {key}" for host, keys in zip(new, learnt, strict=True) for key in sorted(keys)]:
        _append(file, lines)
    return file


def _refuse_change(host: FoundHost, pinned: set[str], file: Path, where: Position) -> None:
    if pinned and not _tag_keys(host) <= pinned:
        raise InvalidInput(
            f"{host.name} ({host.instance}) has another host key than the one that was learnt for it",
            where=where,
            next_step=f"An instance keeps its key. Find out who changed its tag {KEY_TAG}; if it was you, remove the "
            f"lines of {host.instance} from {file}.",
        )


def _tag_keys(host: FoundHost) -> set[str]:
    return _keys(host.tags.get(KEY_TAG, ""))


def _keys(text: str) -> set[str]:
    return {key for key in re.findall(_KEY, text) if _is_whole(*key.split())}


def _is_whole(kind: str, text: str) -> bool:
    """Whether it is a key and no part of one: the kernel writes on the console, too, in the middle of a line.

    A key is strings, each after its length in four bytes, and the first is its kind: RFC 4253, 6.6.
    """
    try:
        blob = base64.b64decode(text, validate=True)
    except ValueError:
        return False
    parts = []
    while blob:
        end = 4 + int.from_bytes(blob[:4], "big")
        if len(blob) < end:
            return False
        parts.append(blob[4:end])
        blob = blob[end:]
    return len(parts) > 1 and parts[0] == kind.encode()


def _console_keys(text: str) -> set[str]:
    return {key for part in _CONSOLE.findall(text) for key in _keys(part)}


def _read(file: Path) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for instance, key in _lines(file):
        known.setdefault(instance, set()).add(key)
    return known


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    if file.is_file():
        for line in file.read_text().splitlines():
            instance, _, key = line.partition(" ")
            yield instance, key


def _append(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write("".join(f"{line}\n" for line in lines))
