"""The Pythons that the program itself, and its side on the hosts, is tried with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

# What pyproject.toml promises for this machine, and what docs/supported.md promises for hosts.
HERE = ("3.11", "3.12", "3.13", "3.14")
HOSTS = ("3.9", "3.10", *HERE)


def found(versions: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """(version, program) of those that this machine has: pyenv's and those of the path."""
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in versions:
        names = [*folder.glob(f"{version}.*/bin/python{version}"), shutil.which(f"python{version}")]
        for path in (Path(name) for name in names if name):
            if subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode == 0:
                yield version, path
                break
