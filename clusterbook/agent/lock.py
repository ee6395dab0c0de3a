"""One run at a time on a host. The kernel drops the lock when the agent dies, so none is ever stale."""

from __future__ import annotations

import fcntl
import json
import os
import time
from typing import Any, Mapping, Optional

NAME = "lock"
NAMING_SECONDS = 1.0


class HostLock:
    """A flock on a file that names its holder. Agents of the same run share it."""

    def __init__(self, directory: str) -> None:
        """directory: the agent's state directory; made when missing."""
        self._path = os.path.join(directory, NAME)
        self._descriptor = -1

    def take(self, holder: Mapping[str, Any]) -> Optional[dict[str, Any]]:
        """Take the lock; returns None, or who holds it. holder: run, user, machine, started.

        Raises OSError with the file's name, such as when the disk is full.
        """
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            other = _named(descriptor)
            os.close(descriptor)
            return None if other.get("run") == holder.get("run") else other
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(dict(holder)).encode(), 0)
        except OSError as error:
            error.filename = self._path
            raise
        self._descriptor = descriptor
        return None


def _named(descriptor: int) -> dict[str, Any]:
    """Who holds the lock; one that took it this moment is given the time to write its name."""
    deadline = time.monotonic() + NAMING_SECONDS
    found = _read(descriptor)
    while not found and time.monotonic() < deadline:
        time.sleep(0.01)
        found = _read(descriptor)
    return found


def _read(descriptor: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(descriptor, 65536, 0).decode())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
