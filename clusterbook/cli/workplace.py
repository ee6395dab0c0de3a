"""A private folder for what must be in the open for a while; one that a killed run left goes with the next run."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs

_LOCK = "lock"


@contextlib.contextmanager
def workplace(purpose: str) -> Iterator[Path]:
    """A new folder (0700) in the user's cache, removed at the end. purpose: of the name, such as restore.

    A run that is killed (SIGKILL, power) cannot remove its own: each run holds a lock on its folder (flock(2) ends with
    its process), and folders whose lock is free go first.
    """
    place = Path(platformdirs.user_cache_dir("clusterbook")) / "work"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place / _LOCK).open("w") as all_of_them:  # nobody takes a folder for left that is just being made
        fcntl.flock(all_of_them, fcntl.LOCK_EX)
        for left in place.glob(f"*/{_LOCK}"):
            _remove_unless_held(left)
        folder = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=place))  # 0700
        own = (folder / _LOCK).open("w")
        fcntl.flock(own, fcntl.LOCK_EX)
    with own:
        try:
            inside = folder / "files"
            inside.mkdir(mode=0o700)
            yield inside
        finally:
            shutil.rmtree(folder)


def _remove_unless_held(lock: Path) -> None:
    """Remove the folder of a lock whose run is no more."""
    with contextlib.suppress(BlockingIOError, FileNotFoundError), lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock.parent, ignore_errors=True)
