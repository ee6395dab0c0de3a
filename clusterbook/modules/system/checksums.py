"""Checksums of files, remembered between runs.

Binaries of a node are some 500 MB; reading them at each run would cost more than the rest of it. A digest is reused
while device, inode, size and both times of change (nanoseconds) are the same. A file changed within the last two
seconds before reading is not remembered: its next change might carry the same time.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import Dict, List, Optional

LIMIT = 4096
SMALL = 65536  # reading less than this is as cheap as remembering it
SETTLED = 2_000_000_000


class Checksums:
    """Digests by file. store: path of the file that keeps them, empty to keep none."""

    def __init__(self, store: str) -> None:
        """Nothing is read before the first question about a large file."""
        self.store = store
        self._known: Optional[Dict[str, List[object]]] = None

    def digest(self, path: str, algorithm: str = "sha256") -> str:
        """Hexadecimal digest of a file's content. OSError when it cannot be read."""
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            identity = [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
            key = f"{algorithm}:{found.st_dev}:{found.st_ino}"
            large = found.st_size > SMALL and bool(self.store)
            if large:
                known = self._load().get(key)
                if known and known[:3] == identity:
                    return str(known[3])
            result = hashlib.new(algorithm)
            for block in iter(lambda: file.read(1 << 20), b""):
                result.update(block)
        if large and time.time_ns() - max(identity[1:]) > SETTLED:
            self.remember(key, [*identity, result.hexdigest()])
        return result.hexdigest()

    def learn(self, path: str, algorithm: str, digest: str) -> None:
        """Keep the digest of a file that was just verified while it was written (only its owner changes it)."""
        found = os.stat(path)
        if self.store and found.st_size > SMALL:
            identity = [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
            self.remember(f"{algorithm}:{found.st_dev}:{found.st_ino}", [*identity, digest])

    def remember(self, key: str, entry: List[object]) -> None:
        """Write one entry; the file is replaced atomically. A store that cannot be written only costs time."""
        known = self._load(fresh=True)
        known.pop(key, None)
        known[key] = entry
        while len(known) > LIMIT:
            del known[next(iter(known))]
        temporary = f"{self.store}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self.store), 0o700, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(known, file)
            os.rename(temporary, self.store)
        except OSError:
            self._known = known

    def _load(self, fresh: bool = False) -> Dict[str, List[object]]:
        """The entries on disk; a store that others could write, or that is damaged, counts as empty."""
        if self._known is None or fresh:
            self._known = {}
            try:
                with open(self.store, encoding="ascii") as file:
                    found = os.fstat(file.fileno())
                    if found.st_uid == os.geteuid() and not found.st_mode & 0o022:
                        self._known = dict(json.load(file))
            except (OSError, ValueError):
                pass
        return self._known
