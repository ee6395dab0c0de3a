"""The lab's part of a hosts file comes, changes and goes, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clusterbook.cloud.aws import Cloud
from clusterbook.lab.ec2.names import publish, with_names
from clusterbook.lab.ec2.zones import Zones, read

BEFORE = "127.0.0.1\tlocalhost\n"


def test_the_part_is_added_changed_and_taken_away_again() -> None:
    one = with_names(BEFORE, "ec2", {"api.example": ("10.20.0.20",)})
    assert one == BEFORE + "# names of the lab ec2\n10.20.0.20\tapi.example\n# end of the lab ec2\n"
    two = with_names(one, "ec2", {"b.example": ("10.20.0.21",), "a.example": ("10.20.0.20",)})
    assert two.count("# names of the lab ec2") == 1 and "api.example" not in two
    assert with_names(two, "ec2", {}) == BEFORE


def test_a_name_may_have_several_addresses() -> None:
    text = with_names("", "ec2", {"api.example": ("10.20.32.10", "10.20.64.10")})
    assert text.splitlines()[1:3] == ["10.20.32.10\tapi.example", "10.20.64.10\tapi.example"]


def test_the_records_of_private_zones_are_names(aws: Any) -> None:
    client, vpc = aws("route53"), {"VPCRegion": "us-east-2", "VPCId": "vpc-0123456789abcdef0"}
    for name, more in (("demo.internal", {"VPC": vpc, "HostedZoneConfig": {"PrivateZone": True}}), ("example.org", {})):
        zone = client.create_hosted_zone(Name=name, CallerReference=name, **more)["HostedZone"]["Id"]
        values = [{"Value": "10.20.32.10"}, {"Value": "10.20.64.10"}]
        made = {"Name": f"api.{name}", "Type": "A", "TTL": 60, "ResourceRecords": values}
        change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": made}]}
        client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
    records = {"api.demo.internal": ("10.20.32.10", "10.20.64.10")}
    assert read(Cloud("", "us-east-2")) == Zones(frozenset({"demo.internal"}), records)


def test_a_part_of_another_lab_stays() -> None:
    both = with_names(with_names(BEFORE, "one", {"a": ("10.0.0.1",)}), "two", {"b": ("10.0.0.2",)})
    assert with_names(both, "two", {}) == with_names(BEFORE, "one", {"a": ("10.0.0.1",)})


def test_a_file_without_a_last_line_break_gets_one() -> None:
    assert with_names("127.0.0.1 localhost", "ec2", {"a": ("10.0.0.1",)}).startswith("127.0.0.1 localhost\n# names")


def test_a_file_that_is_right_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text(BEFORE)
    publish("ec2", {"a": ("10.0.0.1",)}, file)
    assert file.read_text() == with_names(BEFORE, "ec2", {"a": ("10.0.0.1",)})
    made = file.stat().st_mtime_ns
    publish("ec2", {"a": ("10.0.0.1",)}, file)
    assert file.stat().st_mtime_ns == made
