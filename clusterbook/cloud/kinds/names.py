"""Private zones of Route 53, with their records.

A zone is not tagged while it is made: what makes it ours is the reference that it was made with, which never changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.cloud.model import Found, Wanted
from clusterbook.cluster.spec_aws import INTERNAL_API

TTL_SECONDS = 60
Record = tuple[str, str]


class PrivateZone:
    """fields: vpc, records: each (name, IPv4 address); several of one name are one record set.

    Records of other names than the API's are others' (external-dns makes some): left alone until the zone goes.
    """

    NAME = "PrivateZone"
    FIXED = frozenset({"vpc"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind. Route 53 is asked only for zones that the cluster has, or had by its index."""
        return [found for name in sorted(cloud.zones) for found in self._of(cloud, name)]

    def _of(self, cloud: Cloud, name: str) -> Iterator[Found]:
        for item in cloud.call("route53", "list_hosted_zones_by_name", DNSName=name)["HostedZones"]:
            if item["Name"] == f"{name}." and item["CallerReference"].startswith(_reference(cloud)):
                vpcs = cloud.call("route53", "get_hosted_zone", Id=item["Id"])["VPCs"]
                records = [(str(one["Name"]).rstrip("."), value["Value"]) for one in _sets(cloud, item["Id"])
                           if one["Type"] == "A" and one["Name"] == f"{INTERNAL_API}.{name}."
                           for value in one.get("ResourceRecords", ())]  # fmt: skip
                fields = {"vpc": vpcs[0]["VPCId"] if vpcs else "", "records": records}
                yield Found(self.NAME, name, item["Id"].rpartition("/")[2], fields)

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.settle(
            "route53", "create_hosted_zone", Name=wanted.name,
            CallerReference=_reference(cloud) + secrets.token_hex(8),
            VPC={"VPCRegion": cloud.region, "VPCId": wanted.fields["vpc"]},
            HostedZoneConfig={"PrivateZone": True, "Comment": f"hosts of {cloud.cluster}"},
        )  # fmt: skip
        found = Found(self.NAME, wanted.name, answer["HostedZone"]["Id"].rpartition("/")[2], {"records": []})
        return self.update(cloud, wanted, found, ("records",))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        _change(cloud, found.id, _upserts(_grouped(wanted.fields["records"])))
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind. All records go, others' too: a zone that has some cannot be deleted."""
        try:
            left = _sets(cloud, found.id)
            _change(cloud, found.id, [{"Action": "DELETE", "ResourceRecordSet": one} for one in left])
            cloud.call("route53", "delete_hosted_zone", Id=found.id)
        except CloudError as error:
            if error.code != "NoSuchHostedZone":
                raise


def _reference(cloud: Cloud) -> str:
    return f"clusterbook/{cloud.cluster}/"


def _sets(cloud: Cloud, zone: str) -> list[Mapping[str, Any]]:
    """The record sets that are not the zone's own."""
    pages = cloud.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone)
    return [one for one in pages if one["Type"] not in ("NS", "SOA")]


def _grouped(records: Sequence[Record]) -> dict[str, list[str]]:
    rows = sorted(tuple(one) for one in records)
    return {name: [address for _, address in part] for name, part in groupby(rows, key=lambda one: one[0])}


def _upserts(records: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    return [{"Action": "UPSERT", "ResourceRecordSet": {
        "Name": name, "Type": "A", "TTL": TTL_SECONDS, "ResourceRecords": [{"Value": value} for value in values],
    }} for name, values in records.items()]  # fmt: skip


def _change(cloud: Cloud, zone: str, changes: Sequence[Mapping[str, Any]]) -> None:
    if changes:
        cloud.call("route53", "change_resource_record_sets", HostedZoneId=zone, ChangeBatch={"Changes": list(changes)})
