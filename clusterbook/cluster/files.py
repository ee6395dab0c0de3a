"""Private files of the local machine: 0600 from the first byte, replaced atomically, on disk before we go on."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600


def make_private_directory(path: Path, root: Path) -> None:
    """Make path and its parents up to root, each 0700. What is above root is made with the usual mode."""
    root.parent.mkdir(parents=True, exist_ok=True)
    below = path.relative_to(root).parts
    for directory in (root, *(root.joinpath(*below[: index + 1]) for index in range(len(below)))):
        try:
            directory.mkdir(mode=PRIVATE_DIRECTORY)
        except FileExistsError:
            if directory.stat().st_mode & 0o077:
                directory.chmod(PRIVATE_DIRECTORY)


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace path with data: readers see the old content or the new one, also after a crash."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        _write_new(temporary, data, durable)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_directory(path.parent)


def create_once(path: Path, data: bytes) -> bool:
    """Write path only if it does not exist, whole or not at all. False: another process was first."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        _write_new(temporary, data, durable=True)
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)
    return True


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the operating system's lock on path; it is gone when the process ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_new(path: Path, data: bytes, durable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        if durable:
            os.fsync(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
