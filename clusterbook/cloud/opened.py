"""A cluster on EC2, opened: its configuration, its index in the store, and what the cloud has of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.images import find_image
from clusterbook.cloud.layout import Design
from clusterbook.cloud.model import Found
from clusterbook.cloud.plan import CloudPlan, compare, survey
from clusterbook.cloud.shared import shared_network
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import joining, spec
from clusterbook.cluster.spec import ClusterSpec
from clusterbook.cluster.store import Store
from clusterbook.errors import InvalidInput


@dataclass(frozen=True)
class Opened:
    """A cluster on EC2: its store and specification, and the way to AWS. programs: see cloud.first_boot."""

    store: Store
    spec: ClusterSpec
    cloud: Cloud
    programs: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.spec.name

    @property
    def aws(self) -> Mapping[str, Any]:
        """The part `aws` of the completed cluster.yaml."""
        found: Mapping[str, Any] = self.spec.complete["aws"]
        return found


def open_on_ec2(store: Store, name: str, programs: Mapping[str, str] | None = None) -> Opened:
    """The cluster of that name. InvalidInput when the store has none, or its hosts are not EC2's."""
    found = spec.read(store, name)
    if not found.on_ec2:
        raise InvalidInput(f"the hosts of cluster {name!r} are not made by EC2: its cluster.yaml has no part 'aws'",
                           next_step="Name another cluster, or use invoke provision and invoke reset.")  # fmt: skip
    aws = found.complete["aws"]
    return Opened(store, found, Cloud(name, aws["region"], zones=_zones(store, name, aws)), programs or {})


def keys_of_index(store: Store, name: str) -> list[str]:
    """Keys of what the cluster has by its index; none when that is damaged: who needs the index itself says so."""
    try:
        return list(json.loads(store.read(f"{name}/{spec.STATE}") or b"{}").get("resources", {}))
    except (ValueError, AttributeError):
        return []


def _zones(store: Store, name: str, aws: Mapping[str, Any]) -> set[str]:
    """Private zones that the cluster wants, or has by its index: an account's own are not looked through."""
    found = {key.partition("/")[2] for key in keys_of_index(store, name) if key.startswith("PrivateZone/")}
    return found | ({aws["private_zone"]} if "private_zone" in aws else set())


def plan_of(opened: Opened, state: StateFile | None) -> CloudPlan:
    """What is wanted against what is there. An image is looked up once: a newer one changes no hosts.

    state: None while the store has nothing of the cluster; what its workers join by is not known then.
    """
    there = {**survey(opened.cloud), **shared_network(opened.cloud, opened.aws)}
    name = opened.aws["image"]
    known = dict(state.state.image if state else {}) or index_of(opened, there)["image"]
    image = find_image(opened.cloud, known.get(name) or name)
    design = Design(
        opened.name, opened.spec.complete, image.id, opened.store.address,
        _place(opened) if state else {}, opened.programs, image.root_device,
    )  # fmt: skip
    return compare(wanted(design), there)


def _place(opened: Opened) -> dict[str, str]:
    """Where workers that join by themselves read how, and the key by which they know that it is true."""
    found = joining.place(opened.store, opened.name, opened.spec.complete)
    return {**found, "key": joining.public_key(opened.store, opened.name, os.environ)} if found else {}


def index_of(opened: Opened, there: Mapping[str, Found]) -> dict[str, Any]:
    """The fields of State as the cloud itself says them: the index can be lost."""
    balancer = there.get(f"LoadBalancer/api.{opened.name}")
    images = [item.fields["image"] for kind in ("LaunchTemplate", "Instance")
              for _, item in sorted(there.items()) if item.kind == kind]  # fmt: skip
    return {
        "region": opened.aws["region"], "image": {opened.aws["image"]: images[0]} if images else {},
        "api_address": balancer.value("dns") if balancer else "",
        "resources": {key: item.id for key, item in sorted(there.items())},
    }  # fmt: skip
