"""One cluster goes through every operation in a row, and is right at each stop: run by `make full`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from clusterbook.lab import lab, record
from tests.lab.conftest import Cluster
from tests.lab.forms import booted, is_well
from tests.lab.probing import failed, probed
from tests.lab.test_nodes import nodes, of, on
from tests.lab.test_upgrade import NEW, OLD, without_version

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
FORM = f"three control planes and two workers, of {OLD}"
ALL = ("cp-1", "cp-2", "cp-3", "w-1", "w-2")


def stop(form: Cluster, what: str) -> None:
    """Every host is as its roles promise, nothing is left to do, and what people use Kubernetes for works."""
    print(f"## {what}")
    is_well(form)
    form.on("verify", "--acceptance")


def test_a_cluster_is_right_after_each_operation_of_its_life(tmp_path: Path, clusters: Any) -> None:
    with booted(FORM, tmp_path, clusters) as form:
        raised(form)
        without_failures(form, "upgrade", "--to", NEW)
        without_failures(form, "rotate-certs", "--yes")
        without_failures(form, "rotate-encryption-key", "--yes")
        on(form, "backup")
        replaced(form)
        on(form, "restore", "--from", "latest", "--yes")
        stop(form, "restored")
        on(form, "remove-node", "w-2", "--yes")
        stop(of(form, *ALL[:-1]), "w-2 removed")
        on(of(form, *ALL[:-1]), "reset", "--yes")


def raised(form: Cluster) -> None:
    """With the older version, and a worker that comes later."""
    form.on("mirror", "--start", "--kubernetes-version", OLD)
    on(of(form, *ALL[:-1]), "provision")
    without_version(form)
    stop(of(form, *ALL[:-1]), "raised")
    on(form, "add-node", "w-2")
    assert nodes(form) == sorted(ALL)
    stop(form, "w-2 added")
    form.on("mirror", "--start", "--kubernetes-version", NEW)


def without_failures(form: Cluster, task: str, *words: str) -> None:
    """An operation that people do not notice."""
    with probed(form) as records:
        on(form, task, *words)
    assert failed(records) == {}
    stop(form, task)


def replaced(form: Cluster) -> None:
    """A control plane loses its disk, and comes back as a new one."""
    lab.reset_hosts(record.read_spec(form.name), ["cp-2"])
    with probed(form) as records:
        on(form, "replace-node", "cp-2", "--yes")
    assert failed(records) == {}
    stop(form, "cp-2 replaced")
