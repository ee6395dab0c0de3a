"""The machine that a measurement ran on, and how busy it was with other things meanwhile."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_BLOCK = bytes(1 << 20)
_BLOCKS = 128


@dataclass
class Noise:
    """How busy the machine was. calibration: milliseconds for a fixed piece of work on one core, before.

    busy: share of all cores that was in use in the interval, by anybody; load: average of a minute, after.
    """

    calibration: float = 0.0
    busy: float = 0.0
    load: float = 0.0


@contextmanager
def observed() -> Iterator[Noise]:
    """Watch the machine while something is measured."""
    noise = Noise(calibration=round(calibrate() * 1000, 1))
    idle, total = _ticks()
    yield noise
    idle_after, total_after = _ticks()
    noise.busy = round(1 - (idle_after - idle) / max(1, total_after - total), 3)
    noise.load = round(os.getloadavg()[0], 2)


def calibrate() -> float:
    """Seconds for a fixed piece of work: on a quiet machine always the same."""
    started = time.monotonic()
    digest = hashlib.sha256()
    for _ in range(_BLOCKS):
        digest.update(_BLOCK)
    return time.monotonic() - started


def description() -> dict[str, str]:
    """The machine in words."""
    processor = next((line.split(": ", 1)[1] for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "processor": f"{os.cpu_count()} x {processor}", "memory": f"{memory / 2**20:.0f} GiB",
        "kernel": platform.release(), "python": platform.python_version(),
    }  # fmt: skip


def commit(root: Path) -> str:
    """The commit of the project, with + when files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


def _ticks() -> tuple[int, int]:
    """Idle and all ticks of all cores since boot."""
    numbers = [int(word) for word in _lines("/proc/stat")[0].split()[1:9]]
    return numbers[3] + numbers[4], sum(numbers)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
