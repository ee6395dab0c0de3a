"""Spot interruptions in the lab: a tag says when, metadata announce it, and at its time the instance goes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from clusterbook.cloud.aws import Cloud
from clusterbook.lab.ec2 import instances, interruptions
from clusterbook.lab.ec2.interruptions import TAG


def moment(seconds: float) -> str:
    """That many seconds from now, as EC2 writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def started(ec2: Any, value: str) -> str:
    """An instance with that tag."""
    image = ec2.describe_images()["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": TAG, "Value": value}]}] if value else []
    answer = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=tags)
    return str(answer["Instances"][0]["InstanceId"])


def test_an_instance_is_terminated_when_its_time_has_come_and_not_before(aws: Any) -> None:
    ec2, cloud = aws("ec2"), Cloud("", "us-east-2")
    stays, later, now = started(ec2, ""), started(ec2, moment(120)), started(ec2, moment(-1))
    interruptions.carry_out(cloud, instances.running(cloud))
    assert {item["InstanceId"] for item in instances.running(cloud)} == {stays, later} and now not in (stays, later)


def test_a_tag_that_is_no_moment_is_an_error(aws: Any) -> None:
    started(aws("ec2"), "soon")
    cloud = Cloud("", "us-east-2")
    with pytest.raises(ValueError, match="soon"):
        interruptions.carry_out(cloud, instances.running(cloud))


def test_metadata_announce_the_end_of_that_instance_alone() -> None:
    tagged = {"Tags": [{"Key": TAG, "Value": "2026-11-27T15:00:00Z"}]}
    assert interruptions.notice(tagged) == {
        "spot/instance-action": '{"action": "terminate", "time": "2026-11-27T15:00:00Z"}'
    }
    assert interruptions.notice({"Tags": []}) == {}
