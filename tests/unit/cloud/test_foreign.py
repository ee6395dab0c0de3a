"""What Kubernetes' controllers made is shown before it is deleted, and nothing that goes with its host by itself."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from clusterbook.cloud import apply, foreign, plan, teardown
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.layout import Design
from clusterbook.cloud.model import owner_tag
from clusterbook.cloud.state import StateFile


def quiet(*words: str) -> None:
    """Nobody is told."""


def of_a_pod(cloud: Cloud, instance: str = "") -> str:
    """A volume as the CSI driver makes one, at an instance where one is named; its id."""
    tags = [{"Key": owner_tag(cloud.cluster), "Value": "owned"}, {"Key": "Name", "Value": "pvc-0123"}]
    made = cloud.call("ec2", "create_volume", AvailabilityZone="us-east-2a", Size=1,
                      TagSpecifications=[{"ResourceType": "volume", "Tags": tags}])  # fmt: skip
    if instance:
        cloud.call("ec2", "attach_volume", VolumeId=made["VolumeId"], InstanceId=instance, Device="/dev/xvdba")
    return str(made["VolumeId"])


def test_volumes_of_pods_are_shown_also_while_they_are_in_use_and_go(
    cloud: Cloud, design: Design, state: StateFile
) -> None:
    assert apply.apply(cloud, plan.compare(wanted(design), {}), state, {}, quiet).failed == {}
    (group,) = cloud.call("autoscaling", "describe_auto_scaling_groups")["AutoScalingGroups"]
    volumes = {of_a_pod(cloud), of_a_pod(cloud, group["Instances"][0]["InstanceId"])}
    there = cloud.call("ec2", "describe_volumes")["Volumes"]
    assert len(there) > len(volumes)  # each host has one of its own
    assert {(item.kind, item.id) for item in foreign.survey(cloud)} == {("Volume", volume) for volume in volumes}
    assert teardown.delete_all(cloud, state, quiet).failed == {}
    assert not volumes & {item["VolumeId"] for item in cloud.call("ec2", "describe_volumes")["Volumes"]}


def test_a_volume_that_its_host_is_just_giving_up_is_waited_for(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    of_a_pod(cloud)
    (found,) = foreign.survey(cloud)
    answers: list[str] = []

    def busy(**arguments: str) -> None:
        answers.append(arguments["VolumeId"])
        if len(answers) < 3:
            raise ClientError({"Error": {"Code": "VolumeInUse", "Message": "is attached"}}, "DeleteVolume")

    monkeypatch.setattr("clusterbook.cloud.aws.pause", lambda seconds: None)
    monkeypatch.setattr(cloud.client("ec2"), "delete_volume", busy)
    foreign.delete(cloud, found)
    assert len(answers) == 3
