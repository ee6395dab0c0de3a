"""Answers that hosts were given, kept for the agent that may take a host over: long ones on disk, not in memory.

The file has no name and is gone with the process. It is sealed with a key that is nowhere else, because values may be
secret. What many hosts are told is kept once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from threading import Lock
from typing import Any

from clusterbook.agent.record import seal, unseal
from clusterbook.execute.session import Refusal
from clusterbook.records import dataclass

# Characters: shorter answers stay in memory, as they are.
SHORT = 512
# What one host may have kept of one play: a host that asks without end must fill neither memory nor disk.
MOST_ANSWERS, MOST_BYTES = 1_000_000, 256 << 20


@dataclass(frozen=True)
class Slot:
    """Where a long answer lies. size: of what is in the file."""

    offset: int
    size: int


class Shelf:
    """The long answers of one run. Thread-safe."""

    def __init__(self) -> None:
        """Nothing is kept yet, and there is no file."""
        self._lock = Lock()
        self._key = os.urandom(32)
        self._descriptor = -1
        self._end = 0
        self._slots: dict[bytes, Slot] = {}

    def put(self, value: Any) -> Any:
        """What get() gives the value for. value: data as it goes to hosts."""
        data = json.dumps(value, separators=(",", ":")).encode()
        if len(data) <= SHORT:
            return value
        digest = hashlib.blake2b(data, digest_size=16).digest()
        with self._lock:
            if digest not in self._slots:
                self._slots[digest] = self._write(seal(self._key, zlib.compress(data, 1)))
            return self._slots[digest]

    def get(self, kept: Any) -> Any:
        """The value again."""
        if not isinstance(kept, Slot):
            return kept
        data = unseal(self._key, os.pread(self._descriptor, kept.size, kept.offset))
        assert data is not None, "nobody else can write to a file without a name"
        return json.loads(zlib.decompress(data))

    def close(self) -> None:
        """Give the room back."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            self._slots.clear()

    def _write(self, data: bytes) -> Slot:
        if self._descriptor < 0:
            self._descriptor = _nameless()
        slot = Slot(self._end, len(data))
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, self._end)
            view, self._end = view[written:], self._end + written
        return slot


class Kept:
    """One host's answers of one play, by number. Used by one thread at a time."""

    def __init__(self, shelf: Shelf) -> None:
        """shelf: of the run."""
        self._shelf = shelf
        self._found: dict[int, Any] = {}
        self._bytes = 0

    def __contains__(self, number: int) -> bool:
        return number in self._found

    def __getitem__(self, number: int) -> Any:
        return self._shelf.get(self._found[number])

    def add(self, number: int, value: Any) -> None:
        """Keep it. Raises Refusal when that would be too much."""
        kept = self._shelf.put(value)
        self._bytes += kept.size if isinstance(kept, Slot) else 0
        if self._bytes > MOST_BYTES or len(self._found) >= MOST_ANSWERS:
            raise Refusal(f"this host asked for more in one play than is kept for it: {MOST_BYTES >> 20} MiB, packed, "
                          f"or {MOST_ANSWERS} answers")  # fmt: skip
        self._found[number] = kept


def _nameless() -> int:
    """A file of nobody else, on a disk rather than in memory where there is such a place."""
    for folder in ("/var/tmp", None):  # noqa: S108 - the file has no name there
        with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder) as file:
            return os.dup(file.fileno())
    raise Refusal("there is no room for temporary files on the local machine")
