"""A restore on hosts that the backup knows otherwise, or not at all. Run by `make full`."""

from __future__ import annotations

import json
import os
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.lab import lab, record
from tests.lab.asking import as_root
from tests.lab.conftest import Cluster
from tests.lab.forms import booted, is_well
from tests.lab.test_nodes import of, on

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
FORMS = ("one control plane and two workers", "one control plane and two workers, plain routes")
PARTS = {"cp-1": "10.244.0.0/24", "w-1": "10.244.1.0/24", "w-2": "10.244.2.0/24"}
CHANGED = {"cp-1": "10.244.0.0/24", "w-1": "10.244.2.0/24", "w-2": "10.244.1.0/24"}
WORKERS = ("w-1", "w-2")


def parts(form: Cluster) -> dict[str, str]:
    """Each node's part of the pods' range."""
    return {one["metadata"]["name"]: one["spec"]["podCIDR"] for one in listed(form, "nodes")}


def listed(form: Cluster, *words: str) -> list[dict[str, Any]]:
    """Objects that the API lists."""
    found: list[dict[str, Any]] = json.loads(form.kubectl("get", *words, "--output=json"))["items"]
    return found


def misplaced(form: Cluster) -> list[str]:
    """Running pods whose address is in another part of the range than that of their node."""
    own, found = parts(form), []
    for pod in listed(form, "pods", "--all-namespaces", "--field-selector=status.phase=Running"):
        spec, address = pod["spec"], pod["status"]["podIP"]
        if not spec.get("hostNetwork") and ip_address(address) not in ip_network(own[spec["nodeName"]]):
            found.append(f"{pod['metadata']['name']} on {spec['nodeName']}: {address}")
    return found


def page(form: Cluster) -> None:
    """A pod on every worker."""
    form.apply(objects.workload("DaemonSet", "page", objects.server(load_catalog().image("agnhost").reference)))
    served(form)


def served(form: Cluster) -> None:
    """It is there, on every worker, connected as its node is."""
    form.kubectl("rollout", "status", "daemonset/page", "--timeout=180s")
    assert bridges(form) == {name: part for name, part in parts(form).items() if name in WORKERS}
    assert misplaced(form) == []


def bridges(form: Cluster) -> dict[str, str]:
    """The part of the pods' range that the bridge of each worker is in."""
    spec, look = record.read_spec(form.name), "ip -4 -oneline address show dev cni0 | awk '{print $4}'"
    return {name: str(ip_interface(as_root(spec, name, look)).network) for name in parts(form) if name in WORKERS}


def exchanged(form: Cluster) -> None:
    """After the backup w-1 is lost, w-2 comes and is given its part of the range, then a new w-1 gets another."""
    first, second = of(form, "cp-1", "w-1"), of(form, "cp-1", "w-2")
    on(of(form, "cp-1"), "provision")  # by itself: which of two that come together has the first part, is chance
    on(first, "add-node", "w-1")
    page(form)
    on(first, "backup")
    lab.reset_hosts(record.read_spec(form.name), ["w-1"])
    form.kubectl("delete", "node", "w-1")
    # It looks for free parts from the first one on when it starts.
    as_root(record.read_spec(form.name), "cp-1", "systemctl restart kube-controller-manager")
    on(second, "add-node", "w-2")
    on(form, "add-node", "w-1")
    assert parts(form) == CHANGED
    served(form)


@pytest.mark.parametrize("name", FORMS)
def test_hosts_that_the_backup_knows_otherwise_or_not_at_all_come_back_with_their_pods(
    name: str, tmp_path: Path, clusters: Any
) -> None:
    with booted(name, tmp_path, clusters, "restored", "10.76.0") as form:
        form.on("mirror", "--start")
        exchanged(form)
        on(form, "restore", "--from", "latest", "--yes")
        form.on("validate-cluster", "--wait", "5m")
        assert parts(form) == PARTS
        served(form)
        workers = listed(form, "nodes", "--selector=node-role.kubernetes.io/worker")
        assert sorted(one["metadata"]["name"] for one in workers) == list(WORKERS)
        is_well(form)
        form.on("verify", "--acceptance")
