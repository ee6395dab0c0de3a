"""Fifty workers, each with every program of a real node, on one machine: docs/scale.md tells what that takes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.lab.spec import STATE
from tests.lab.forms import booted

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
NODES = 51
# What they write to this machine's disk; where it then has less than 15 % left, kubelets take no pods.
BYTES, LEFT = 25e9, 0.16


def available_mebibytes() -> float:
    """Memory of this machine that programs could still have."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) / 1024


def test_fifty_workers_join_in_one_run_and_every_one_of_them_runs_a_pod(
    tmp_path: Path, clusters: Any, measured: Callable[[str, float], None]
) -> None:
    disk = shutil.disk_usage(STATE.parent if STATE.parent.exists() else "/")
    assert disk.free - BYTES > LEFT * disk.total, "this machine's disk is too full for fifty nodes"
    with booted("one control plane and fifty workers", tmp_path, clusters, "fifty", "10.68.0") as one:
        booted_with = available_mebibytes()
        one.on("mirror", "--start")
        provision = one.on("provision", "--json")
        counts = provision.summary()
        assert len(counts) == NODES and not any(each["failed"] or each["unreachable"] for each in counts.values())
        validated = one.on("validate-cluster", "--wait", "5m")
        measured("provision_seconds", provision.seconds)
        measured("validate_seconds", validated.seconds)
        measured("mebibytes_a_node", (booted_with - available_mebibytes()) / NODES)
        one.apply(objects.workload("DaemonSet", "page", objects.server(load_catalog().image("agnhost").reference)))
        one.kubectl("rollout", "status", "daemonset/page", "--timeout=600s")
        assert one.kubectl("get", "daemonset", "page", "--output=jsonpath={.status.numberReady}") == str(NODES - 1)
        again = one.on("provision", "--json")
        assert {each["changed"] for each in again.summary().values()} == {0}
        measured("second_provision_seconds", again.seconds)
        measured("status_seconds", one.on("status", expect=None).seconds)
