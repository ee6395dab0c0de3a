"""An existing VPC that a cluster is put into: looked at, never changed and never deleted."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError, filters
from clusterbook.cloud.layout import SHARED
from clusterbook.cloud.model import Found
from clusterbook.errors import InvalidInput


def shared_network(cloud: Cloud, aws: Mapping[str, Any]) -> dict[str, Found]:
    """What of the VPC our resources refer to; nothing when the cluster has one of its own. Raises InvalidInput."""
    identity = aws.get("vpc_id", "")
    if not identity:
        return {}
    try:
        (item,) = cloud.call("ec2", "describe_vpcs", VpcIds=[identity])["Vpcs"]
    except CloudError as error:
        if error.code != "InvalidVpcID.NotFound":
            raise
        step = "Name one of this account and region, or leave vpc_id out."
        raise InvalidInput(f"aws.vpc_id: there is no VPC {identity} in {cloud.region}", next_step=step) from error
    _refuse_outside(item, aws["vpc_cidr"])
    _refuse_nameless(cloud, identity)
    found = Found(SHARED, identity, identity, {}, {"gateway": _gateway(cloud, identity)})
    return {found.key: found}


def _refuse_outside(item: Mapping[str, Any], cidr: str) -> None:
    blocks = [part["CidrBlock"] for part in item.get("CidrBlockAssociationSet", ())] or [item["CidrBlock"]]
    part = ipaddress.IPv4Network(cidr)
    if not any(part.subnet_of(ipaddress.IPv4Network(block)) for block in blocks):
        raise InvalidInput(f"aws.vpc_cidr: {cidr} is not inside the VPC {item['VpcId']} ({', '.join(blocks)})",
                           next_step="Choose a free part of the VPC's range for the cluster's subnets.")  # fmt: skip


def _refuse_nameless(cloud: Cloud, identity: str) -> None:
    answer = cloud.call("ec2", "describe_vpc_attribute", VpcId=identity, Attribute="enableDnsHostnames")
    if not answer["EnableDnsHostnames"]["Value"]:
        raise InvalidInput(f"aws.vpc_id: {identity} gives its hosts no DNS names, by which nodes are known",
                           next_step="Turn on its DNS hostnames; clusterbook changes nothing of it.")  # fmt: skip


def _gateway(cloud: Cloud, identity: str) -> str:
    wanted = filters(**{"attachment.vpc-id": identity})
    found = cloud.call("ec2", "describe_internet_gateways", Filters=wanted)["InternetGateways"]
    if not found:
        raise InvalidInput(f"aws.vpc_id: {identity} has no internet gateway",
                           next_step="Attach one; clusterbook changes nothing of it.")  # fmt: skip
    return str(found[0]["InternetGatewayId"])
