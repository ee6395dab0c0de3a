"""Run one program of the machine and say plainly what it answered when it failed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from clusterbook.errors import Failed


def run(argv: Sequence[str], *, stdin: str | None = None, seconds: float = 60) -> str:
    """Standard output of a program that ended well. Raises Failed with the command and its own words."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    except FileNotFoundError as error:
        raise Failed(
            f"{argv[0]} is not installed", next_step="Install what the lab needs: python -m clusterbook.lab install."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(argv)} did not end within {seconds:g} s") from error
    if done.returncode:
        words = (done.stderr or done.stdout).strip()[-2000:]
        raise Failed(f"{' '.join(argv)} ended with {done.returncode}: {words}")
    return done.stdout


def succeeds(argv: Sequence[str], *, seconds: float = 60) -> bool:
    """Whether a program ends with 0; its output is dropped."""
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        timeout=seconds, check=False,
    )  # fmt: skip
    return done.returncode == 0
