"""What private zones of Route 53 say: on AWS to the hosts of their VPCs alone, in the lab to this machine, too."""

from __future__ import annotations

from clusterbook.cloud.aws import Cloud
from clusterbook.lab.ec2.names import Names


def names(cloud: Cloud) -> Names:
    """The account's."""
    found: dict[str, tuple[str, ...]] = {}
    for zone in cloud.pages("route53", "list_hosted_zones", "HostedZones"):
        if not zone["Config"]["PrivateZone"]:
            continue
        for one in cloud.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"]):
            if one["Type"] == "A":
                found[one["Name"].rstrip(".")] = tuple(each["Value"] for each in one["ResourceRecords"])
    return found
