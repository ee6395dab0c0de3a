"""Labs of several forms, each with the cluster that its inventory describes. One at a time: they share a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from clusterbook.lab import record
from clusterbook.lab.inventory_file import inventory_text
from clusterbook.lab.spec import LabHost, LabSpec
from tests.lab.conftest import alone

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
# Not looked at by itself: the standard lab is like it, and is what CI raises.
OTHERS: dict[str, tuple[int, int, int, str, dict[str, Any]]] = {
    "three control planes and one worker": (3, 1, 0, "debian-12", {}),
    "three control planes and one worker, of 1.36.3": (3, 1, 0, "debian-12", {"kubernetes_version": "1.36.3"}),
    "three control planes and two workers": (3, 2, 0, "debian-12", {}),
    "three control planes and two workers, of 1.36.3": (3, 2, 0, "debian-12", {"kubernetes_version": "1.36.3"}),
    "three control planes and three workers, of 1.36.3": (3, 3, 0, "debian-12", {"kubernetes_version": "1.36.3"}),
    "three control planes and three workers, of 1.36.1": (3, 3, 0, "debian-12", {"kubernetes_version": "1.36.1"}),
    "three control planes and two workers, of older components": (
        3, 2, 0, "debian-12", {"component_versions": {
            "etcd": "3.6.16", "containerd": "2.3.7", "flannel": "0.28.4", "cni-plugins": "1.9.0", "coredns": "1.14.5",
        }},
    ),
    "one control plane and two workers": (1, 2, 0, "debian-12", {}),
    "one control plane and two workers, plain routes": (1, 2, 0, "debian-12", {"cni": "bridge-routes"}),
    "one control plane, one worker and four hosts for etcd": (1, 1, 4, "debian-12", {}),
    "one control plane and fifty workers": (1, 50, 0, "debian-12", {"kubelet_join_timeout_seconds": 900}),
    "two workers with volumes of their own": (1, 2, 0, "debian-12", {"local_volumes": 2}),
    "logs on the worker": (
        1,
        1,
        0,
        "debian-12",
        {"logging_agent": "rsyslog", "logging_host": "w-1", "service_cidr": "10.200.0.0/16", "prometheus": True},
    ),
}


def hosts(group: str, count: int, image: str, network: str = "10.87.0") -> list[LabHost]:
    """So many hosts of a group, with the addresses that labs give."""
    short, first = FIRST[group]
    return [LabHost(f"{short}-{number + 1}", f"{network}.{first + number}", image) for number in range(count)]


@contextmanager
def booted(
    name: str, folder: Path, clusters: Any, lab: str = "forms", network: str = "10.87.0"
) -> Iterator[Cluster]:  # fmt: skip
    """A lab of that form, removed at the end. lab: its name; network: the first three parts of its addresses."""
    planes, workers, etcd, image, keys = (FORMS | OTHERS)[name]
    counts = {"control_plane": planes, "worker": workers, "etcd": etcd}
    groups = {group: hosts(group, count, image, network) for group, count in counts.items()}
    spec = LabSpec(lab, tuple(host for members in groups.values() for host in members), f"{network}.0/24")
    document = yaml.safe_load(inventory_text(spec, groups))
    address = f"{network}.{11 if 'api_endpoint_mode' in keys else 10}"
    document["all"]["vars"] |= {"api_address": address, **keys}
    (folder / f"{lab}.yml").write_text(yaml.safe_dump(document))
    (folder / "group_vars").symlink_to(ROOT / "inventory" / "group_vars")
    one: Cluster = clusters(lab, folder / f"{lab}.yml", folder / "store")
    with alone(lab):
        try:
            one.on("lab-up")
            yield one
        finally:
            if lab in record.names():
                one("lab-down", "--name", lab, expect=None)


@contextmanager
def raised(name: str, folder: Path, clusters: Any, lab: str, network: str) -> Iterator[Cluster]:
    """Such a lab with its cluster, which is well."""
    with booted(name, folder, clusters, lab, network) as one:
        one.on("mirror", "--start")
        one.on("provision")
        one.on("validate-cluster", "--wait", "5m")
        yield one


def is_well(one: Cluster) -> None:
    """The cluster works, nothing is left to do, and every host is as its roles promise."""
    one.on("validate-cluster", "--wait", "5m")
    one.on("plan")
    one.on("verify")
