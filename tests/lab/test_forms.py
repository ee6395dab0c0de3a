"""Other forms of a cluster than the standard one: run by `make full`."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusterbook.lab import lab, record
from clusterbook.lab.inventory_file import inventory_text
from clusterbook.lab.spec import LabHost, LabSpec
from tests.lab.losing import Run
from tests.lab.oracle import Oracle

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

ROOT = Path(__file__).parents[2]
FIRST = {"control_plane": ("cp", 11), "worker": ("w", 21), "etcd": ("etcd", 31)}
# name -> (control planes, workers, hosts for etcd alone, image, keys of cluster.yaml)
FORMS: dict[str, tuple[int, int, int, str, dict[str, Any]]] = {
    "three control planes and two workers": (3, 2, 0, "debian-12", {}),
    "one control plane and one worker": (1, 1, 0, "debian-12", {}),
    "etcd on hosts of its own": (1, 1, 3, "debian-12", {}),
    "five control planes": (5, 1, 0, "debian-12", {}),
    "debian 13 everywhere": (1, 1, 0, "debian-13", {}),
    "local proxy, plain routes and docker": (
        3, 1, 0, "debian-12", {"api_endpoint_mode": "local_proxy", "cni": "bridge-routes", "docker_engine": True},
    ),
}  # fmt: skip

# Results of steps after which a first provision is killed: one in each fifth of them.
STEPS = 200
_CHANCE = random.Random(20261126)
MOMENTS = [start + _CHANCE.randrange(STEPS // 5) for start in range(1, STEPS, STEPS // 5)]

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")


def hosts(group: str, count: int, image: str) -> list[LabHost]:
    """So many hosts of a group, with the addresses that labs give."""
    short, first = FIRST[group]
    return [LabHost(f"{short}-{number + 1}", f"10.87.0.{first + number}", image) for number in range(count)]


@contextmanager
def raised(name: str, folder: Path, clusters: Any) -> Iterator[Cluster]:
    """A lab of that form with its mirror, removed at the end."""
    planes, workers, etcd, image, keys = FORMS[name]
    groups = {"control_plane": hosts("control_plane", planes, image), "worker": hosts("worker", workers, image),
              "etcd": hosts("etcd", etcd, image)}  # fmt: skip
    spec = LabSpec("forms", tuple(host for members in groups.values() for host in members), "10.87.0.0/24")
    document = yaml.safe_load(inventory_text(spec, groups))
    document["all"]["vars"] |= {"api_address": "10.87.0.11" if "api_endpoint_mode" in keys else "10.87.0.10", **keys}
    (folder / "forms.yml").write_text(yaml.safe_dump(document))
    (folder / "group_vars").symlink_to(ROOT / "inventory" / "group_vars")
    one: Cluster = clusters("forms", folder / "forms.yml", folder / "store")
    try:
        one.on("lab-up")
        one.on("mirror", "--start")
        yield one
    finally:
        if "forms" in record.names():
            one("lab-down", "--name", "forms", expect=None)


@pytest.mark.parametrize("name", FORMS)
def test_a_cluster_of_this_form_comes_up_and_stays_as_it_is(name: str, tmp_path: Path, clusters: Any) -> None:
    with raised(name, tmp_path, clusters) as form:
        form.on("provision")
        form.on("validate-cluster", "--wait", "5m")
        form.on("plan")
        form.on("verify")


def test_our_playbooks_raise_the_same_cluster_under_ansible_playbook(tmp_path: Path, clusters: Any) -> None:
    with raised("three control planes and two workers", tmp_path, clusters) as form:
        form.on("plan", expect=2)  # which makes the cluster in the store
        oracle = Oracle(form, tmp_path)
        oracle.play("site.yml")
        form.on("validate-cluster", "--wait", "5m")
        form.on("plan")
        form.on("verify")
        again = oracle.play("site.yml")
        assert {host: one["changed"] for host, one in again.items()} == dict.fromkeys(again, 0)


def test_a_provision_that_is_killed_at_any_moment_is_completed_by_the_next(tmp_path: Path, clusters: Any) -> None:
    with raised("one control plane and one worker", tmp_path, clusters) as form:
        spec = record.read_spec(form.name)
        for number, moment in enumerate(MOMENTS):
            lab.reset_hosts(spec, [host.name for host in spec.hosts])
            Run(form, tmp_path / f"{number}.jsonl", "provision").kill_after(moment)
            form.on("provision")
            form.on("validate-cluster", "--wait", "5m")
            form.on("plan")
            form.on("verify")
