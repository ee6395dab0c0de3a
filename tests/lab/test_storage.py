"""Volumes on workers' own disks: what a pod wrote is there when the kubelet, the host and the pod came back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.lab import lab, record
from tests.lab.asking import as_root, until
from tests.lab.forms import booted, is_well

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
FORM = "two workers with volumes of their own"


def workload() -> dict[str, Any]:
    """A StatefulSet of one pod that adds a line to its volume at each start."""
    image = load_catalog().image("busybox").reference
    container = objects.container(image, "sh", "-c", "echo started >> /data/starts; sync; exec sleep 1000000",
                                  volumeMounts=[{"name": "data", "mountPath": "/data"}])  # fmt: skip
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "local",
                 "resources": {"requests": {"storage": "1Gi"}}},
    }  # fmt: skip
    return objects.workload("StatefulSet", "keeper", container, replicas=1, serviceName="keeper",
                            volumeClaimTemplates=[claim])  # fmt: skip


def on(host: str, command: str) -> str:
    """What a command of root prints on a host."""
    return as_root(record.read_spec("forms"), host, command)


def starts(one: Cluster) -> int:
    """How often a pod of the set has started, by what its volume says; 0 while it cannot be read."""
    words = ("exec", "keeper-0", "--", "cat", "/data/starts")
    return one.kubectl(*words, expect=None).count("started")


def test_a_stateful_set_finds_its_data_again_and_a_reset_takes_all_of_it_away(tmp_path: Path, clusters: Any) -> None:
    with booted(FORM, tmp_path, clusters) as one:
        one.on("mirror", "--start")
        before = on("w-1", "cat /etc/fstab")
        one.on("provision")
        is_well(one)
        one.apply(workload())
        until(lambda: starts(one) == 1, "the first pod runs")
        node = one.kubectl("get", "pod", "keeper-0", "--output=jsonpath={.spec.nodeName}")
        assert on(node, "cat /var/lib/local-volumes/*/starts") == "started", "the data lies on the pod's worker"

        on(node, "systemctl restart kubelet")
        one.on("validate-cluster", "--wait", "3m")
        assert starts(one) == 1, "a kubelet that restarts leaves the pod alone"

        lab.stop_host(record.read_spec("forms"), node)
        lab.start_host(record.read_spec("forms"), node)
        until(lambda: starts(one) > 1, "the pod runs again after its host did")
        before_deletion = starts(one)
        one.kubectl("delete", "pod", "keeper-0", "--now")
        until(lambda: starts(one) > before_deletion, "another pod finds the data")
        assert one.kubectl("get", "pod", "keeper-0", "--output=jsonpath={.spec.nodeName}") == node
        is_well(one)

        volume = one.kubectl("get", "pvc", "data-keeper-0", "--output=jsonpath={.spec.volumeName}")
        phase = ("get", "pv", volume, "--output=jsonpath={.status.phase}")
        one.kubectl("delete", "statefulset/keeper", "pvc/data-keeper-0")
        until(lambda: one.kubectl(*phase) == "Released", "the claim is gone and its volume kept")
        one.kubectl("patch", "pv", volume, "--type=json", '--patch=[{"op": "remove", "path": "/spec/claimRef"}]')
        until(lambda: one.kubectl(*phase) == "Available", "the volume is free again")

        one.on("reset", "--yes")
        for worker in ("w-1", "w-2"):
            assert on(worker, "ls -d /mnt/disks /var/lib/local-volumes 2>/dev/null || true; cat /etc/fstab") == before
