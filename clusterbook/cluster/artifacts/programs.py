"""Run the programs that builds need; a missing one or a failing one becomes one clear error."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from clusterbook.errors import Failed

KEPT_LINES = 40


def require(program: str, why: str, install: str) -> str:
    """Path of a program. Raises Failed that says what it is needed for and how to get it."""
    path = shutil.which(program)
    if path is None:
        raise Failed(f"{program} is not installed; it is needed {why}", next_step=install)
    return path


def output(argv: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Standard output of a program that ended well."""
    done = subprocess.run(argv, cwd=folder, env=_environment(environment), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)  # fmt: skip
    if done.returncode:
        raise _failure(argv, done.returncode, done.stderr or done.stdout)
    return done.stdout


def watched(argv: Sequence[str], folder: Path, environment: Mapping[str, str], on_line: Callable[[str], None]) -> None:
    """Run a long program and hand on each line it says while it works."""
    kept: list[str] = []
    with subprocess.Popen(argv, cwd=folder, env=_environment(environment), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            kept = [*kept[1 - KEPT_LINES :], line.rstrip()]
            on_line(line.rstrip())
    if process.returncode:
        raise _failure(argv, process.returncode, "\n".join(kept))


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(extra or {})}


def _failure(argv: Sequence[str], code: int, words: str) -> Failed:
    return Failed(f"{Path(argv[0]).name} {argv[1] if len(argv) > 1 else ''} ended with {code}: {words.strip()[-3000:]}",
                  next_step="Read what it said above; run the same command again once that is put right.")  # fmt: skip
