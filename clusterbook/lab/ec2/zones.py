"""What private zones of Route 53 say: on AWS to the hosts of their VPCs alone, in the lab to this machine, too."""

from __future__ import annotations

from dataclasses import dataclass

from clusterbook.cloud.aws import Cloud
from clusterbook.lab.ec2.names import Names


@dataclass(frozen=True)
class Zones:
    """names: of the zones, below which there are no other names; records: their addresses (of type A)."""

    names: frozenset[str]
    records: Names


def read(cloud: Cloud) -> Zones:
    """The account's."""
    private = [zone for zone in cloud.pages("route53", "list_hosted_zones", "HostedZones")
               if zone["Config"]["PrivateZone"]]  # fmt: skip
    records: dict[str, tuple[str, ...]] = {}
    for zone in private:
        for one in cloud.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"]):
            if one["Type"] == "A":
                records[one["Name"].rstrip(".")] = tuple(each["Value"] for each in one["ResourceRecords"])
    return Zones(frozenset(zone["Name"].rstrip(".") for zone in private), records)
