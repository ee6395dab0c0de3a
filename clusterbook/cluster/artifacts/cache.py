"""The cache on the local machine: files by their SHA-256, and records of what was built from which recipe.

A file appears under its sum by one rename, so it is there whole or not at all, and it is read-only from then on.
Two runs that want the same component meet at a file lock; the second one then finds the first one's work.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_dir

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Cache:
    """A folder of files by content. Safe for several processes at once."""

    root: Path

    def find(self, sha256: str) -> Path | None:
        """The file with this sum, when it is here."""
        path = self._blob(sha256)
        return path if path.is_file() else None

    def add(self, source: Path, mode: int = 0o555) -> str:
        """Move a file in under its sum, which is returned. The source must lie in a folder of `workspace`."""
        sha256 = digest(source)
        target = self._blob(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.chmod(mode)
        source.replace(target)
        return sha256

    def record(self, name: str, toolchain: str) -> Mapping[str, str] | None:
        """File sums of a finished build, as long as every file of it is still here. name: holds the recipe's digest."""
        try:
            sums: dict[str, str] = json.loads(self._record(name, toolchain).read_text())
        except (OSError, ValueError):
            return None
        return sums if all(self.find(sha256) for sha256 in sums.values()) else None

    def write_record(self, name: str, toolchain: str, sums: Mapping[str, str]) -> None:
        """Remember a finished build, so that the same recipe and toolchain never build twice."""
        path = self._record(name, toolchain)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(dict(sums), indent=1))
        partial.replace(path)

    def partial(self, url: str) -> Path:
        """Where a download of this address is collected, also across broken runs."""
        path = self.root / "downloads" / hashlib.sha256(url.encode()).hexdigest()
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder on the cache's own file system, so that moving into the cache is a rename."""
        folder = self.root / "work"
        folder.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=folder))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold the lock of one component; another process that wants it waits. Ends with the process at the latest."""
        path = self.root / "locks" / name.replace("/", "_")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _blob(self, sha256: str) -> Path:
        return self.root / "sha256" / sha256[:2] / sha256

    def _record(self, name: str, toolchain: str) -> Path:
        return self.root / "builds" / f"{name.replace('/', '_')}_{toolchain.replace(' ', '_')}.json"


def default() -> Cache:
    """The person's own cache."""
    return Cache(Path(user_cache_dir("clusterbook")) / "artifacts")


def digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
