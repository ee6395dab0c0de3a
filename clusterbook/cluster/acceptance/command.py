"""How the acceptance tests are started: pytest in a process of its own, several tests at a time."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from clusterbook.cluster.cluster import open_cluster
from clusterbook.cluster.kube import Kubectl, open_kubectl
from clusterbook.cluster.store import cluster_names, open_store
from clusterbook.errors import EXIT_DONE, EXIT_FAILED, InvalidInput

CLUSTER_VARIABLE = "CLUSTERBOOK_CLUSTER"
FOLDER = Path(__file__).parent
ALONE = FOLDER / "test_disruption.py"
AT_ONCE = 6
"""Tests mostly wait for the cluster, so more of them run than there are cores."""
_NO_TESTS = 5


def chosen(cluster: str) -> Kubectl:
    """kubectl of the cluster of that name, or of the only one in the store."""
    store = open_store(os.environ)
    names = [cluster] if cluster else cluster_names(store)
    if len(names) != 1:
        raise InvalidInput(
            f"the store {store.address} has {len(names)} clusters", next_step="Name the one to test with --cluster."
        )
    (name,) = names
    return open_kubectl(open_cluster(store, name, os.environ))


def argv(options: Sequence[str] = (), *, alone: bool = False) -> list[str]:
    """pytest's command line, without the settings of a surrounding project. alone: the tests that disturb others."""
    parallel = ["-n", str(AT_ONCE), "--dist=worksteal"] if importlib.util.find_spec("xdist") and not alone else []
    chosen = [str(ALONE)] if alone else [str(FOLDER), f"--ignore={ALONE}"]
    settings = ["-c", os.devnull, f"--rootdir={FOLDER}", "-p", "no:cacheprovider", "--import-mode=importlib"]
    return [
        sys.executable,
        "-m",
        "pytest",
        *settings,
        "-W",
        "error",
        "-q",
        "--maxfail=5",
        *parallel,
        *options,
        *chosen,
    ]


def run(cluster: str = "", options: Sequence[str] = (), output: IO[str] | None = None) -> int:
    """0 when all passed, else 1. cluster: a name in the store; empty for the only one. options: pytest's own.

    output: where pytest tells of it (None: standard output). Failed before anything is made when the cluster's API does
    not answer.
    """
    chosen(cluster).run("get", "--raw=/readyz", "--request-timeout=10s")
    environment = {**os.environ, CLUSTER_VARIABLE: cluster}
    commands = (argv(options), argv(options, alone=True))
    found = [subprocess.run(command, env=environment, check=False, stdout=output).returncode for command in commands]
    return EXIT_DONE if set(found) <= {0, _NO_TESTS} else EXIT_FAILED
