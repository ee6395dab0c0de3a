"""The part `aws` of cluster.yaml: its defaults, and what a schema cannot say about it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook import schema, source
from clusterbook.errors import InvalidInput, Position

SCHEMA = "cluster.schema.json"
# The API's name in the private zone, where it leads to the control planes themselves.
INTERNAL_API = "api"
# AWS names its own processors by a g behind the generation: t4g, m7gd, im4gn; the first of them were a1.
_ARM = re.compile(r"(?:a1|[a-z]+[0-9]+g[a-z]*)\.")
# IAM's limit of letters in a role's name, and the longest that comes before the cluster's.
ROLE_LETTERS, BEFORE_NAME = 64, "masters."
# Tags of a person on a resource; an instance has seven of the cluster's own.
MOST_TAGS = 40
# Domains of Kubernetes in which a kubelet may label its own node.
MAY_SET = ("kubelet.kubernetes.io", "node.kubernetes.io")


def complete_aws(written: Mapping[str, Any]) -> dict[str, Any]:
    """The part with every default; a region from the first zone, a group's bounds from its count."""
    parts = schema.load_schema(SCHEMA)["$defs"]
    aws = _filled(parts["aws"], written)
    aws.setdefault("region", aws["zones"][0].rstrip("abcdefghijklmnopqrstuvwxyz"))
    aws["control_plane"] = _filled(parts["aws"]["properties"]["control_plane"], aws["control_plane"])
    if "bastion" in aws:
        aws["bastion"] = _filled(parts["aws"]["properties"]["bastion"], aws["bastion"])
    aws["worker_groups"] = [_group(_filled(parts["worker_group"], group), aws) for group in aws["worker_groups"]]
    return aws


def certificate_names(complete: Mapping[str, Any]) -> list[str]:
    """More names of the API: those that are written, and the one in the private zone."""
    zone = complete["aws"].get("private_zone", "")
    return list(dict.fromkeys([*complete["api_certificate_names"], *([f"{INTERNAL_API}.{zone}"] if zone else [])]))


def endpoint_mode(aws: Mapping[str, Any]) -> str:
    """How workers reach the API unless cluster.yaml says it: by addresses inside the VPC, for groups admit no others.

    An internet-facing load balancer has public addresses alone; hosts would come to it from public ones, too.
    """
    return "external" if "private_zone" in aws or aws["api_scheme"] == "internal" else "local_proxy"


def problems(complete: Mapping[str, Any], written: Mapping[str, Any], file: str) -> Iterator[InvalidInput]:
    """What is wrong although each value by itself is right."""
    aws, part = complete["aws"], written["aws"]
    here = Position(file, 1, 1)
    network = ipaddress.ip_network(aws["vpc_cidr"], strict=False)
    if str(network) != aws["vpc_cidr"]:
        message = f"aws.vpc_cidr: {aws['vpc_cidr']} is not the start of its range, {network}"
        yield _problem(message, part, "vpc_cidr", here)
    for name in ("pod_cidr", "service_cidr"):
        if network.overlaps(ipaddress.ip_network(complete[name], strict=False)):
            yield _problem(f"aws.vpc_cidr: {network} overlaps {name} {complete[name]}", part, "vpc_cidr", here)
    for zone in aws["zones"]:
        if not zone.startswith(aws["region"]):
            yield _problem(f"aws.zones: {zone} is not in region {aws['region']}", part, "zones", here)
    if "bastion" in aws and not aws["ssh_access_cidrs"]:
        yield _problem("aws.bastion: nobody may reach it, for aws.ssh_access_cidrs is empty", part, "bastion", here)
    most = ROLE_LETTERS - len(BEFORE_NAME)
    if len(complete["cluster_name"]) > most:
        message = f"cluster_name: a cluster on EC2 has at most {most} letters, for IAM names roles in {ROLE_LETTERS}"
        yield _problem(message, written, "cluster_name", here)
    if len(aws["tags"]) > MOST_TAGS:
        message = f"aws.tags: there are {len(aws['tags'])}; AWS takes 50 of a resource, and some are the cluster's own"
        yield _problem(f"{message}, which leaves {MOST_TAGS}", part, "tags", here)
    yield from _machine_problems(aws, part, here)
    yield from _endpoint_problems(complete, written, here)
    yield from _group_problems(aws, part, here)


def _endpoint_problems(
    complete: Mapping[str, Any], written: Mapping[str, Any], here: Position
) -> Iterator[InvalidInput]:
    """Ways to the API that would leave workers without one."""
    mode = complete["api_endpoint_mode"]
    if mode == "keepalived":
        message = "api_endpoint_mode: keepalived's virtual address cannot move between instances of EC2"
        yield _problem(message, written, "api_endpoint_mode", here)
    elif mode == "external" and endpoint_mode(complete["aws"]) != mode:
        message = "api_endpoint_mode: external would send workers to the internet-facing load balancer, whose group " \
                  "does not admit their public addresses; it needs a private_zone or api_scheme: internal"
        yield _problem(message, written, "api_endpoint_mode", here)


def _machine_problems(aws: Mapping[str, Any], part: Mapping[str, Any], here: Position) -> Iterator[InvalidInput]:
    """Machines that could not run what they would get: AWS would refuse the image, one resource after others."""
    machines = [("control_plane", aws["control_plane"]["instance_type"])]
    machines += [("bastion", aws["bastion"]["instance_type"])] if "bastion" in aws else []
    machines += [("worker_groups", kind) for group in aws["worker_groups"] for kind in group["instance_types"]]
    for key, kind in dict.fromkeys(machines):
        if _ARM.match(kind):
            message = f"aws.{key}: {kind} is a machine of arm64, and images and programs of hosts are those of amd64"
            yield _problem(message, part, key, here)


def _group_problems(aws: Mapping[str, Any], part: Mapping[str, Any], here: Position) -> Iterator[InvalidInput]:
    names = [group["name"] for group in aws["worker_groups"]]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _problem(f"aws.worker_groups: the name {name!r} is there twice", part, "worker_groups", here)
    for group in aws["worker_groups"]:
        name = group["name"]
        if not group["minimum"] <= group["count"] <= group["maximum"]:
            bounds = f"{group['minimum']} to {group['maximum']}"
            message = f"aws.worker_groups: the count {group['count']} of {name!r} is outside {bounds}"
            yield _problem(message, part, "worker_groups", here)
        if not group["spot"] and (group["on_demand_base"] or group["on_demand_percent"]):
            message = f"aws.worker_groups: {name!r} says how many are bought on demand; without spot all are"
            yield _problem(message, part, "worker_groups", here)
        for label in sorted(group["labels"]):
            if _refused(label):
                message = f"aws.worker_groups: kubelets of {name!r} may not give themselves the label {label}"
                yield _problem(message, part, "worker_groups", here)
        for zone in group["zones"]:
            if zone not in aws["zones"]:
                message = f"aws.worker_groups: zone {zone} of {name!r} is not one of aws.zones"
                yield _problem(message, part, "worker_groups", here)


def _refused(label: str) -> bool:
    """Kubernetes' own labels say what a node may run: a kubelet sets only some itself (NodeRestriction)."""
    prefix, slash, _ = label.rpartition("/")
    own = any(prefix == domain or prefix.endswith(f".{domain}") for domain in ("kubernetes.io", "k8s.io"))
    mayset = any(prefix == domain or prefix.endswith(f".{domain}") for domain in MAY_SET)
    return bool(slash) and own and not mayset


def _problem(message: str, part: Mapping[str, Any], name: str, here: Position) -> InvalidInput:
    where = source.position_of(part, name if name in part else None, here)
    return InvalidInput(message, where=where, next_step=f"Choose another value for {name}.")


def _filled(rule: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    keys = rule["properties"]
    values = {name: written.get(name, part.get("default")) for name, part in keys.items()}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    """The same without the places where it was written."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _group(group: dict[str, Any], aws: Mapping[str, Any]) -> dict[str, Any]:
    group.setdefault("minimum", group["count"])
    group.setdefault("maximum", group["count"])
    group.setdefault("zones", list(aws["zones"]))
    return group
