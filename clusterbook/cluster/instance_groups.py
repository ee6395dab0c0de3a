"""The groups of a cluster's instances on EC2: how many run, of how many that should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook.cluster.health import Finding
from clusterbook.inventory.aws_ec2.hosts import GROUP_TAG

# What cloud.design writes into the tag of control planes.
MASTERS = "masters"


@dataclass(frozen=True)
class InstanceGroup:
    """One group. running: instances that EC2 says are running."""

    name: str
    role: str
    machine_types: tuple[str, ...]
    minimum: int
    maximum: int
    zones: tuple[str, ...]
    running: int


def instance_groups(aws: Mapping[str, Any], instances: Iterable[Mapping[str, Any]]) -> list[InstanceGroup]:
    """The groups of a completed cluster.yaml's part `aws`. instances: what the inventory says of each."""
    count = Counter(str(one["tags"].get(GROUP_TAG, "")) for one in instances)
    masters = aws["control_plane"]
    found = [InstanceGroup(MASTERS, "control-plane", (masters["instance_type"],), masters["count"], masters["count"],
                           tuple(aws["zones"]), count[MASTERS])]  # fmt: skip
    for group in aws["worker_groups"]:
        types, zones = tuple(group["instance_types"]), tuple(group["zones"])
        bounds = (group["minimum"], group["maximum"])
        found.append(InstanceGroup(group["name"], "worker", types, *bounds, zones, count[group["name"]]))
    return found


def judge(group: InstanceGroup, cluster: str) -> Finding:
    """One group as a finding: fewer instances than its minimum is not well."""
    if group.running >= group.minimum:
        return Finding("group", group.name, True, f"{group.running} run")
    seen = f"aws autoscaling describe-scaling-activities --auto-scaling-group-name {group.name}.{cluster}"
    step = f"Run: invoke update-cluster {cluster}" if group.role == "control-plane" else f"AWS says why: {seen}"
    return Finding("group", group.name, False, f"{group.running} of {group.minimum} instances run", step)
