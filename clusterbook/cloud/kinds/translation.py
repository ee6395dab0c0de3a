"""NAT gateways and the public addresses that they stand for."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.cloud.aws import Cloud, filters, tags_of
from clusterbook.cloud.kinds.contract import ec2_listing, name_in_tags, specification
from clusterbook.cloud.kinds.network import remove
from clusterbook.cloud.model import CLUSTER_TAG, Found, Wanted, client_token

# States of a gateway that carries traffic, or will.
WORKING = ("pending", "available")


class ElasticAddress:
    """No fields. Its id is the allocation's; attribute: public."""

    NAME = "ElasticAddress"
    FIXED = frozenset[str]()

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        wanted = filters(**{f"tag:{CLUSTER_TAG}": cloud.cluster})
        found = []
        for item in cloud.call("ec2", "describe_addresses", Filters=wanted)["Addresses"]:
            if name := name_in_tags(self.NAME, tags_of(item)):
                found.append(Found(self.NAME, name, item["AllocationId"], {}, {"public": item["PublicIp"]}))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.call(
            "ec2", "allocate_address", Domain="vpc", TagSpecifications=specification("elastic-ip", tags)
        )
        return Found(self.NAME, wanted.name, answer["AllocationId"], {}, {"public": answer["PublicIp"]})

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind. Nothing of an address can change."""
        return found

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        remove(cloud, "release_address", "InvalidAllocationID.NotFound", AllocationId=found.id)


class NatGateway:
    """fields: subnet, address (an allocation).

    One that is made before the VPC's internet gateway is attached fails for good.
    """

    NAME = "NatGateway"
    FIXED = frozenset({"subnet", "address"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind. One that failed or was deleted is listed by EC2 for a while and is none."""
        found = []
        for name, item in ec2_listing(cloud, self.NAME, "describe_nat_gateways", "NatGateways"):
            if item["State"] in WORKING:
                addresses = [one["AllocationId"] for one in item["NatGatewayAddresses"]]
                fields = {"subnet": item["SubnetId"], "address": addresses[0] if addresses else ""}
                found.append(Found(self.NAME, name, item["NatGatewayId"], fields))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind. Returns when it carries traffic: routes to one that does not are refused."""
        item = _asked(cloud, wanted, tags, client_token(cloud.cluster, wanted))
        if item["State"] not in WORKING:  # AWS answers the token of one that failed with that one again
            item = _asked(cloud, wanted, tags, secrets.token_hex(32))
        found = Found(self.NAME, wanted.name, item["NatGatewayId"], wanted.fields)
        cloud.wait("ec2", "nat_gateway_available", NatGatewayIds=[found.id])
        return found

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind. Nothing of a gateway can change."""
        return found

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind. Returns when its address and subnet are free."""
        remove(cloud, "delete_nat_gateway", "NatGatewayNotFound", NatGatewayId=found.id)
        cloud.wait("ec2", "nat_gateway_deleted", NatGatewayIds=[found.id])


def _asked(cloud: Cloud, wanted: Wanted, tags: Mapping[str, str], token: str) -> Mapping[str, Any]:
    """The gateway of that token as it is now: EC2 answers a second request with what it answered the first."""
    answer = cloud.settle(
        "ec2", "create_nat_gateway", SubnetId=wanted.fields["subnet"], AllocationId=wanted.fields["address"],
        TagSpecifications=specification("natgateway", tags), ClientToken=token,
    )  # fmt: skip
    made = answer["NatGateway"]["NatGatewayId"]
    item: Mapping[str, Any] = cloud.settle("ec2", "describe_nat_gateways", NatGatewayIds=[made])["NatGateways"][0]
    return item
