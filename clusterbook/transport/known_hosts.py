"""Host keys that this machine trusts: OpenSSH's known_hosts files, parsed once for a run.

Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT": markers, comma-separated patterns, negation, hashed names.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from clusterbook.errors import InvalidInput, Position
from clusterbook.records import dataclass


@dataclass(frozen=True)
class KnownKey:
    """One line of a file: the key, where it stands, and whether it is revoked."""

    kind: str
    blob: bytes
    position: Position
    revoked: bool = False


class KnownHosts:
    """The keys of several files. Looking a name up costs one dictionary access plus the few hashed lines."""

    def __init__(self, files: Iterable[str]) -> None:
        """files: in order of search; those that do not exist are skipped. New keys go to the first."""
        self.files = tuple(files)
        self._exact: dict[str, list[KnownKey]] = {}
        self._patterns: list[tuple[list[str], KnownKey]] = []
        self._hashed: list[tuple[bytes, bytes, KnownKey]] = []
        self._lock = Lock()
        for file in self.files:
            self._read(Path(file))

    def find(self, name: str) -> list[KnownKey]:
        """Every key for a name, which is HOST or [HOST]:PORT."""
        lowered = name.lower()
        found = list(self._exact.get(lowered, ()))
        found += [key for patterns, key in self._patterns if _matches(lowered, patterns)]
        for salt, digest, key in self._hashed:
            if hmac.compare_digest(hmac.new(salt, lowered.encode(), hashlib.sha1).digest(), digest):
                found.append(key)
        return found

    def add(self, name: str, kind: str, blob: bytes) -> None:
        """Remember a key for the rest of the run and write it to the first file."""
        with self._lock:
            file = Path(self.files[0])
            key = KnownKey(kind, blob, Position(str(file)))
            self._exact.setdefault(name.lower(), []).append(key)
            if file == Path(os.devnull):
                return
            line = f"{name} {kind} {base64.b64encode(blob).decode()}\n"
            try:
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                with os.fdopen(descriptor, "a") as stream:
                    stream.write(line)
            except OSError as error:
                raise InvalidInput(
                    f"cannot write the new host key of {name} to {str(file)!r}: {error.strerror}",
                    next_step="Make the file writable or name another with UserKnownHostsFile.",
                ) from None

    def _read(self, file: Path) -> None:
        try:
            text = file.read_text(errors="replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise InvalidInput(
                f"cannot read the known hosts file {str(file)!r}: {error.strerror}",
                next_step="Check its permissions.",
            ) from None
        for number, line in enumerate(text.splitlines(), 1):
            self._read_line(line.split(), Position(str(file), number))

    def _read_line(self, fields: list[str], position: Position) -> None:
        """Lines that cannot be understood are skipped, as OpenSSH does. Certificate authorities are not used."""
        if not fields or fields[0].startswith("#"):
            return
        marker = fields.pop(0) if fields[0].startswith("@") else ""
        if len(fields) < 3 or marker not in ("", "@revoked"):
            return
        names, kind, encoded = fields[:3]
        try:
            blob = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return
        self._remember(names, KnownKey(kind, blob, position, marker == "@revoked"))

    def _remember(self, names: str, key: KnownKey) -> None:
        if names.startswith("|1|"):
            parts = names.split("|")
            if len(parts) == 4:
                self._hashed.append((base64.b64decode(parts[2]), base64.b64decode(parts[3]), key))
            return
        patterns = names.lower().split(",")
        if any(set(pattern) & set("*?!") for pattern in patterns):
            self._patterns.append((patterns, key))
            return
        for name in patterns:
            self._exact.setdefault(name, []).append(key)


def fingerprint(blob: bytes) -> str:
    """SHA256:… of a public key, as ssh-keygen -l shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def host_entry(host: str, port: int) -> str:
    """The name of a host in known_hosts: HOST, or [HOST]:PORT when the port is not 22."""
    return host if port == 22 else f"[{host}]:{port}"


def _matches(name: str, patterns: list[str]) -> bool:
    """OpenSSH's rule: one match is needed and no negated one may match. Brackets are plain characters."""
    found = False
    for pattern in patterns:
        plain = pattern.lstrip("!").replace("[", "[[]")
        if fnmatch.fnmatchcase(name, plain):
            if pattern.startswith("!"):
                return False
            found = True
    return found
