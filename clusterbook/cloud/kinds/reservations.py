"""Addresses of a subnet that AWS gives to nobody by itself (subnet CIDR reservations)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook.cloud.aws import Cloud, filters, tags_of
from clusterbook.cloud.kinds.contract import ec2_listing, name_in_tags, specification
from clusterbook.cloud.kinds.network import Subnet, remove
from clusterbook.cloud.model import CLUSTER_TAG, Found, Wanted

# Who asks for one of the addresses gets it; also a range with addresses in use can be reserved, and these stay in use:
# VPC's user guide, "Subnet CIDR reservations".
TYPE = "explicit"


class AddressReservation:
    """fields: subnet, cidr."""

    NAME = "AddressReservation"
    FIXED = frozenset({"subnet", "cidr"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind. EC2 tells those of one subnet at a time."""
        wanted = filters(**{f"tag:{CLUSTER_TAG}": cloud.cluster})
        found = []
        for _, subnet in ec2_listing(cloud, Subnet.NAME, "describe_subnets", "Subnets"):
            answer = cloud.call("ec2", "get_subnet_cidr_reservations", SubnetId=subnet["SubnetId"], Filters=wanted)
            for item in answer["SubnetIpv4CidrReservations"]:
                if name := name_in_tags(self.NAME, tags_of(item)):
                    fields = {"subnet": item["SubnetId"], "cidr": item["Cidr"]}
                    found.append(Found(self.NAME, name, item["SubnetCidrReservationId"], fields))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.settle(
            "ec2", "create_subnet_cidr_reservation", SubnetId=wanted.fields["subnet"], Cidr=wanted.fields["cidr"],
            ReservationType=TYPE, TagSpecifications=specification("subnet-cidr-reservation", tags),
        )  # fmt: skip
        identity = answer["SubnetCidrReservation"]["SubnetCidrReservationId"]
        return Found(self.NAME, wanted.name, identity, wanted.fields)

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind. Nothing of a reservation can change."""
        return found

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        remove(cloud, "delete_subnet_cidr_reservation", "InvalidSubnetCidrReservationID.NotFound",
               SubnetCidrReservationId=found.id)  # fmt: skip
