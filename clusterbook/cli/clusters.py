"""Which cluster a command means, and what a lab's cluster starts from."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusterbook import source
from clusterbook.cli import places
from clusterbook.cluster.store import Store, cluster_names, open_store
from clusterbook.errors import InvalidInput
from clusterbook.inventory.yaml_file import plugin_of
from clusterbook.lab import apt_cache
from clusterbook.lab.inventory_file import describes_lab, spec_from_inventory_file
from clusterbook.lab.spec import LabSpec

if TYPE_CHECKING:
    from clusterbook.cluster.cluster import Cluster

CLUSTER_HELP = "name of the cluster in the store (default: the inventory's, or the only one)"
# The address of the API in a lab: no host has it.
API_ADDRESS = 10


def open_chosen(name: str = "") -> Cluster:
    """The cluster of that name, or the only one in the store."""
    from clusterbook.cluster.cluster import open_cluster

    store = open_store(os.environ)
    return open_cluster(store, chosen(store, name), os.environ)


def chosen(store: Store, name: str = "") -> str:
    """The name given, or the name of the only cluster there is."""
    if name:
        return name
    names = cluster_names(store)
    if len(names) == 1:
        return names[0]
    if (own := places.default_inventory()) in names:
        return own
    if names:
        raise InvalidInput(
            f"the store has {len(names)} clusters: {', '.join(names)}",
            next_step=f"Choose one with --cluster NAME, or for every command: export {places.INVENTORY_VARIABLE}=NAME",
        )
    raise InvalidInput(
        f"there is no cluster in the store {store.address}",
        next_step="Make one: invoke up (on hosts of this machine), or invoke provision --inventory NAME.",
    )


def lab_of(cluster: str) -> LabSpec | None:
    """The lab on whose hosts a cluster is, by the inventory of its name; None for other hosts, or without one."""
    try:
        path = places.inventory(cluster)
        return spec_from_inventory_file(path) if not plugin_of(path) and describes_lab(path) else None
    except InvalidInput:
        return None


def check_fits(cluster: Cluster, spec: LabSpec) -> None:
    """Refuse a cluster that was made for a lab of the same name in another network."""
    address = str(cluster.spec.complete["api_address"])
    with contextlib.suppress(ValueError):
        network = ipaddress.ip_network(spec.network)
        if ipaddress.ip_address(address) not in network:
            raise InvalidInput(
                f"the API of cluster {cluster.name!r} has the address {address}, outside the lab's {spec.network}",
                where=source.position_of(cluster.spec.written, "api_address"),
                next_step=f"Write {network[API_ADDRESS]} there, or give the lab another name.",
            )


def wanted_versions(store: Store, name: str) -> dict[str, str]:
    """Versions of components that a cluster asks for; none when the store has no such cluster yet."""
    if name not in cluster_names(store):
        return {}
    from clusterbook.cluster import spec as specs

    return specs.versions(specs.read(store, name).complete)


def wanted_components(store: Store, name: str) -> tuple[str, ...]:
    """Components that a cluster's hosts need: on EC2 more than elsewhere."""
    from clusterbook.cluster.artifacts.publish import COMPONENTS, ON_AWS

    if name not in cluster_names(store):
        return COMPONENTS
    from clusterbook.cluster import spec as specs

    return (*COMPONENTS, *ON_AWS) if specs.read(store, name).on_ec2 else COMPONENTS


def lab_wishes(spec: LabSpec) -> dict[str, Any]:
    """Keys of cluster.yaml for a lab's cluster, used when it does not exist yet.

    The hosts share this machine's kernel: where that has no cgroup v2, pods' groups are made by kubelet, since
    systemd's scopes need the unified hierarchy there. Debian packages come through the lab's cache.
    """
    wishes: dict[str, Any] = {"api_address": str(ipaddress.ip_network(spec.network)[API_ADDRESS])}
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        wishes["cgroup_driver"] = "cgroupfs"
    if apt_cache.available():
        wishes["apt_proxy"] = f"http://{spec.gateway}:{spec.apt_port}"
    return wishes
