"""What is beside Kubernetes is brought to newer versions while people use the cluster: run by `make full`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.lab import record
from tests.lab.asking import as_root
from tests.lab.conftest import Cluster
from tests.lab.forms import OTHERS, booted, is_well
from tests.lab.probing import failed, paged, probed

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
FORM = "three control planes and two workers, of older components"
OLD = OTHERS[FORM][4]["component_versions"]
NEW = {"etcd": "3.7.3", "containerd": "2.4.2", "flannel": "0.28.10", "cni-plugins": "1.9.1", "coredns": "1.14.6"}
PLANES, WORKERS = ("cp-1", "cp-2", "cp-3"), ("w-1", "w-2")
ASKED = {
    "etcd": "/proc/$(pidof etcd)/exe --version",
    "containerd": "/proc/$(pidof containerd)/exe --version",
    "flannel": "/proc/$(pidof flanneld)/exe --version 2>&1",
    "cni-plugins": "/opt/cni/bin/bridge 2>&1",
}


def running(form: Cluster) -> dict[str, str]:
    """What each component says of itself, on a host, and CoreDNS' image."""
    spec = record.read_spec(form.name)
    found = {name: as_root(spec, "cp-2", asked) for name, asked in ASKED.items()}
    image = form.kubectl("--namespace", "kube-system", "get", "deployment", "coredns",
                         "--output=jsonpath={.spec.template.spec.containers[0].image}")  # fmt: skip
    return {**found, "coredns": image}


def are(form: Cluster, versions: dict[str, str]) -> None:
    """Every component has its version."""
    found = running(form)
    assert [(name, found[name]) for name, version in versions.items() if version not in found[name]] == []


def pinned(form: Cluster, versions: dict[str, str]) -> None:
    """Write versions of components into the cluster's configuration, as a person does in an editor."""
    kept = Path(form.environment["CLUSTERBOOK_STATE_STORE"].removeprefix("file://")) / form.name / "cluster.yaml"
    document = yaml.safe_load(kept.read_text())
    document["component_versions"] = versions
    draft = form.inventory.with_name("draft.yaml")
    draft.write_text(yaml.safe_dump(document))
    form("edit-cluster", form.name, "--file", str(draft))


def containers(form: Cluster) -> set[str]:
    """The ids of the workload's containers: those of a restarted one are others."""
    found = json.loads(form.kubectl("get", "pods", "--selector=app=page", "--output=json"))["items"]
    return {status["containerID"] for one in found for status in one["status"]["containerStatuses"]}


def test_other_components_get_newer_versions_unnoticed(tmp_path: Path, clusters: Any) -> None:
    with booted(FORM, tmp_path, clusters) as form:
        raised(form)
        refused(form)
        brought(form)
        an_older_etcd(form)


def raised(form: Cluster) -> None:
    """With the old versions, of which the inventory's first run made a part of the configuration."""
    form.on("mirror", "--start")
    document = yaml.safe_load(form.inventory.read_text())
    form("create-cluster", form.name, "--api-address", document["all"]["vars"]["api_address"])
    pinned(form, document["all"]["vars"].pop("component_versions"))
    form.inventory.write_text(yaml.safe_dump(document))
    told = form.on("provision", expect=3).errors
    assert all(f"{name} {NEW[name]}, not {version}" in told for name, version in OLD.items())
    form.on("mirror", "--start")
    form.on("provision")
    form.on("validate-cluster", "--wait", "5m")
    are(form, OLD)


def refused(form: Cluster) -> None:
    """A version that is written down alone changes nothing yet."""
    pinned(form, NEW)
    assert "etcd 3.6.16, not 3.7.3" in form.on("plan", expect=3).errors
    are(form, OLD)


def brought(form: Cluster) -> None:
    """The mirror filled, provision brings them; no request fails, and no container of a workload is restarted."""
    with probed(form, paged(form, "w-1")) as records:
        before = containers(form)
        form.on("mirror", "--start")
        form.on("plan", expect=2)
        form.on("provision")
        form.on("validate-cluster", "--wait", "5m")
        assert containers(form) == before
    assert failed(records) == {}
    are(form, NEW)
    is_well(form)


def an_older_etcd(form: Cluster) -> None:
    """There is no way back for the members' data, and nothing is tried."""
    pinned(form, {"etcd": "3.6.16"})
    form.on("mirror", "--start")
    told = " ".join(form.on("provision", expect=1).output.split())
    assert "has etcd 3.7.3, and would get 3.6.16: a member of an older minor version cannot read its data" in told
    are(form, NEW)
    pinned(form, {})
    form.on("mirror", "--start")
    is_well(form)
