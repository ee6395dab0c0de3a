"""Keeps the aggregator's files within their bounds: python3 -I bound.py FOLDER MEGABYTES DAYS.

What nothing was added to for DAYS goes; then the oldest rotated files, until all have at most MEGABYTES. A namespace's
newest file is not touched: rsyslog writes to it, and logrotate bounds it. Standard library alone, Python >= 3.9.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

DAY = 86400.0
CURRENT = ".jsonl"


def main() -> None:
    """Say what went."""
    folder, megabytes, days = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for name in bound(folder, megabytes * 2**20, time.time() - days * DAY):
        sys.stdout.write(f"removed {name}\n")


def bound(folder: Path, size: int, oldest: float) -> list[str]:
    """Remove what is too old, or too much. size: bytes of all files; oldest: seconds since 1970. Gives what went."""
    known = {entry.name: entry.stat() for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)}
    gone = [name for name, found in known.items() if found.st_mtime < oldest]
    left = {name: found for name, found in known.items() if name not in gone}
    total = sum(found.st_size for found in left.values())
    rotated = sorted((name for name in left if not name.endswith(CURRENT)), key=lambda name: left[name].st_mtime)
    for name in rotated:
        if total <= size:
            break
        total -= left[name].st_size
        gone.append(name)
    for name in gone:
        (folder / name).unlink()
    return gone


if __name__ == "__main__":
    main()
