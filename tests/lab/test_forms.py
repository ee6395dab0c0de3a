"""Other forms of a cluster than the standard one: run by `make full`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusterbook.lab import record
from clusterbook.lab.inventory_file import inventory_text
from clusterbook.lab.spec import LabHost, LabSpec

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

ROOT = Path(__file__).parents[2]
FIRST = {"control_plane": ("cp", 11), "worker": ("w", 21), "etcd": ("etcd", 31)}
# name -> (control planes, workers, hosts for etcd alone, image, keys of cluster.yaml)
FORMS: dict[str, tuple[int, int, int, str, dict[str, Any]]] = {
    "one control plane and one worker": (1, 1, 0, "debian-12", {}),
    "etcd on hosts of its own": (1, 1, 3, "debian-12", {}),
    "five control planes": (5, 1, 0, "debian-12", {}),
    "debian 13 everywhere": (1, 1, 0, "debian-13", {}),
    "local proxy, plain routes and docker": (
        3, 1, 0, "debian-12", {"api_endpoint_mode": "local_proxy", "cni": "bridge-routes", "docker_engine": True},
    ),
}  # fmt: skip

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")


def hosts(group: str, count: int, image: str) -> list[LabHost]:
    """So many hosts of a group, with the addresses that labs give."""
    short, first = FIRST[group]
    return [LabHost(f"{short}-{number + 1}", f"10.87.0.{first + number}", image) for number in range(count)]


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, tmp_path: Path, clusters: Any) -> Iterator[Cluster]:
    """A lab of that form, removed at the end."""
    planes, workers, etcd, image, keys = FORMS[request.param]
    groups = {"control_plane": hosts("control_plane", planes, image), "worker": hosts("worker", workers, image),
              "etcd": hosts("etcd", etcd, image)}  # fmt: skip
    spec = LabSpec("forms", tuple(host for members in groups.values() for host in members), "10.87.0.0/24")
    document = yaml.safe_load(inventory_text(spec, groups))
    document["all"]["vars"] |= {"api_address": "10.87.0.11" if "api_endpoint_mode" in keys else "10.87.0.10", **keys}
    (tmp_path / "forms.yml").write_text(yaml.safe_dump(document))
    (tmp_path / "group_vars").symlink_to(ROOT / "inventory" / "group_vars")
    one: Cluster = clusters("forms", tmp_path / "forms.yml", tmp_path / "store")
    try:
        yield one
    finally:
        if "forms" in record.names():
            one("lab-down", "--name", "forms", expect=None)


def test_a_cluster_of_this_form_comes_up_and_stays_as_it_is(form: Cluster) -> None:
    form.on("lab-up")
    form.on("mirror", "--start")
    form.on("provision")
    form.on("validate-cluster", "--wait", "5m")
    form.on("plan")
    form.on("verify")
