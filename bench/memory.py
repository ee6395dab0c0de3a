"""The most memory that a command and all that it started had at one time, by a control group of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from clusterbook.lab import cgroups

# Seconds between two looks.
PERIOD = 0.1
_ENTER = 'echo 0 > "$1" && shift && exec "$@"'
_numbers = count()


class Group:
    """A group. folder: None where this machine lets nobody make one; then nothing is counted."""

    def __init__(self, folder: Path | None, anonymous: str) -> None:
        """anonymous: the word of memory.stat before what belongs to no file, of the group with all below it."""
        self.most = 0
        self.folder = folder
        self._word = f"{anonymous} "
        self._done = threading.Event()

    def around(self, argv: Sequence[str]) -> list[str]:
        """A command that enters the group and becomes that one."""
        return ["sh", "-c", _ENTER, "sh", str(self.folder / "cgroup.procs"), *argv] if self.folder else list(argv)

    def watch(self) -> None:
        """Look until it is said to be done."""
        while self.folder is not None and not self._done.wait(PERIOD):
            lines = (self.folder / "memory.stat").read_text().splitlines()
            self.most = max([self.most, *(int(line.split()[1]) for line in lines if line.startswith(self._word))])

    def stop(self) -> None:
        """Look no more."""
        self._done.set()

    def remove(self) -> None:
        """Take the group away; one with processes that were left behind stays."""
        if self.folder is not None:
            try:
                self.folder.rmdir()
            except OSError:
                return


@contextmanager
def counted() -> Iterator[Group]:
    """A group whose memory is looked at ten times a second: `most`, in bytes, without pages of files."""
    group = _made()
    watcher = threading.Thread(target=group.watch, daemon=True)
    watcher.start()
    try:
        yield group
    finally:
        group.stop()
        watcher.join()
        group.remove()


def _made() -> Group:
    mounted = cgroups.mounted()
    for hierarchy in mounted:
        if "memory" in hierarchy.options or not cgroups.legacy(mounted):
            folder = hierarchy.path / f"clusterbook-bench-{os.getpid()}-{next(_numbers)}"
            try:
                folder.mkdir()
            except OSError:
                break
            if (folder / "memory.stat").exists():
                return Group(folder, "total_rss" if hierarchy.version == 1 else "anon")
            folder.rmdir()
    return Group(None, "")
