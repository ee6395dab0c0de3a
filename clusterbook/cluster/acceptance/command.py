"""How the acceptance tests are started: pytest in a process of its own, several tests at a time."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CLUSTER_VARIABLE = "CLUSTERBOOK_CLUSTER"
AT_ONCE = 8
"""Tests mostly wait for the cluster, so more of them run than there are cores."""


def argv(options: Sequence[str] = ()) -> list[str]:
    """The command line: this package's tests, none of the surrounding project's pytest settings."""
    folder = Path(__file__).parent
    parallel = ["-n", str(AT_ONCE), "--dist=worksteal"] if importlib.util.find_spec("xdist") else []
    settings = [
        "-c",
        os.devnull,
        f"--rootdir={folder}",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "-W",
        "error",
    ]
    return [sys.executable, "-m", "pytest", *settings, "-q", *parallel, *options, str(folder)]


def run(cluster: str = "", options: Sequence[str] = ()) -> int:
    """pytest's exit status. cluster: a name in the store; empty for the only one."""
    return subprocess.run(argv(options), env={**os.environ, CLUSTER_VARIABLE: cluster}, check=False).returncode
