"""Encrypted files of a person: opened, edited with no plain text left behind, written back whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from clusterbook.errors import Failed, InvalidInput, Position
from clusterbook.source import Vault, VaultKey, is_encrypted, read_bytes
from clusterbook.source.vault import seal

MEMORY = Path("/dev/shm")  # noqa: S108 - a private directory is made in it
EDITOR = "vi"
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


def plain(path: Path) -> bytes:
    """A file that is not encrypted. Raises InvalidInput when it is."""
    data = read_bytes(path)
    if is_encrypted(data):
        raise InvalidInput(f"{str(path)!r} is encrypted already", where=Position(str(path)),
                           next_step="To give it another password: clusterbook vault rekey FILE.")  # fmt: skip
    return data


def encrypted(path: Path) -> bytes:
    """A file that is encrypted, as it is. Raises InvalidInput when it is not."""
    data = read_bytes(path)
    if not is_encrypted(data):
        raise InvalidInput(f"{str(path)!r} is not encrypted", where=Position(str(path)),
                           next_step="Encrypt it: clusterbook vault encrypt FILE.")  # fmt: skip
    return data


def opened(path: Path, vault: Vault) -> tuple[bytes, VaultKey]:
    """What an encrypted file holds, and the password that fits. Raises InvalidInput."""
    return vault.opened_by(encrypted(path), Position(str(path), 1, 1))


def written(path: Path, data: bytes) -> None:
    """Replace a file at once; it keeps its mode, a new one is its owner's alone."""
    path = path.resolve()
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def sealed(data: bytes, key: VaultKey) -> bytes:
    """Encrypted, with the key's label in the first line unless it is the default one."""
    return seal(data, key.password, key.id).encode()


def edited(data: bytes, name: str, environment: Mapping[str, str]) -> bytes:
    """What a person made of it in an editor. name: of the file, whose ending tells editors the language.

    The plain text is only in a private directory, in memory where the system has one, and is gone afterwards, also when
    the editor fails or this process is asked to end. Raises Failed.
    """
    with _private_directory() as directory:
        path = directory / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        words = shlex.split(environment.get("VISUAL") or environment.get("EDITOR") or EDITOR)
        try:
            code = subprocess.run([*words, str(path)], check=False).returncode
        except OSError as error:
            raise Failed(f"the editor {words[0]!r} cannot be run: {str(error.strerror).lower()}",
                         next_step="Name one that there is in EDITOR.") from None  # fmt: skip
        if code:
            raise Failed(f"the editor {words[0]!r} ended with status {code}; the file is as it was",
                         next_step="Edit it again.")  # fmt: skip
        return path.read_bytes()


@contextlib.contextmanager
def _private_directory() -> Iterator[Path]:
    """A directory of this user alone, removed with everything in it."""
    base = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    with _ending_is_an_error():
        directory = Path(tempfile.mkdtemp(prefix="clusterbook-vault-", dir=base))
        try:
            yield directory
        finally:
            for path in directory.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    with contextlib.suppress(OSError), path.open("r+b") as file:
                        file.write(bytes(path.stat().st_size))
            shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _ending_is_an_error() -> Iterator[None]:
    """A signal that would end the process at once leaves through the `finally` of those who clean up."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
