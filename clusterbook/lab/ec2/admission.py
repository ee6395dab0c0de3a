"""Whom security groups leave outside, as AWS does: moto keeps groups and enforces none.

Hosts, of a load balancer:

https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html: a rule that names a
group admits private addresses of its members. An internet-facing balancer has public addresses alone, so hosts come to
it from theirs; without one they come from a gateway's, which only a rule for everybody surely admits.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from clusterbook.cloud.aws import Cloud

EVERYBODY = "0.0.0.0/0"
SSH = 22


def rules(cloud: Cloud) -> dict[str, list[Mapping[str, Any]]]:
    """A security group's id -> what may come in."""
    pages = cloud.pages("ec2", "describe_security_groups", "SecurityGroups")
    return {group["GroupId"]: group["IpPermissions"] for group in pages}


def refused(
    balancer: Mapping[str, Any], port: int, instances: Iterable[Mapping[str, Any]],
    known: Mapping[str, list[Mapping[str, Any]]],
) -> frozenset[str]:  # fmt: skip
    """Private addresses of the instances that do not reach the balancer's port. Without groups it admits everybody."""
    groups = balancer.get("SecurityGroups") or []
    admitting = [one for group in groups for one in known.get(group, ()) if _is_for(one, port)]
    internal = balancer.get("Scheme") == "internal"  # moto says none where none was asked for
    return frozenset(item["PrivateIpAddress"] for item in instances
                     if groups and not any(_admits(one, item, internal) for one in admitting))  # fmt: skip


def ssh_sources(
    item: Mapping[str, Any], instances: Iterable[Mapping[str, Any]], known: Mapping[str, list[Mapping[str, Any]]]
) -> tuple[str, ...] | None:
    """Networks from which ssh reaches an instance. None when no rule names its port: nobody was asked for there.

    On AWS that is nobody; in the lab this machine, which a cluster without ssh_access_cidrs is tried from.
    """
    rules = [one for group in _groups(item) for one in known.get(group, ()) if _is_for(one, SSH)]
    if not any(one.get("FromPort") == SSH for one in rules):
        return None
    ranges = {each["CidrIp"] for one in rules for each in one.get("IpRanges", ())}
    named = {pair["GroupId"] for one in rules for pair in one.get("UserIdGroupPairs", ())}
    members = {f"{other['PrivateIpAddress']}/32" for other in instances if named & _groups(other)}
    return tuple(sorted(ranges | members))


def _groups(item: Mapping[str, Any]) -> set[str]:
    return {group["GroupId"] for one in item["NetworkInterfaces"] for group in one["Groups"]}


def _is_for(rule: Mapping[str, Any], port: int) -> bool:
    every = rule["IpProtocol"] == "-1"
    return every or bool(rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"])


def _admits(rule: Mapping[str, Any], item: Mapping[str, Any], internal: bool) -> bool:
    ranges = [one["CidrIp"] for one in rule.get("IpRanges", ())]
    if EVERYBODY in ranges:
        return True
    sender = item["PrivateIpAddress"] if internal else item.get("PublicIpAddress", "")
    named = {pair["GroupId"] for pair in rule.get("UserIdGroupPairs", ())}
    if internal and named & _groups(item):
        return True
    return bool(sender) and any(ipaddress.ip_address(sender) in ipaddress.ip_network(one) for one in ranges)
