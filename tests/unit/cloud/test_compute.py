"""What AWS says of the machines that were made: how their disks and their metadata are kept from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import botocore.client
import pytest

from clusterbook.cloud import apply, plan
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.layout import Design
from clusterbook.cloud.model import Found
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import spec

# Every kind of machine: control planes, a bastion, workers on demand and of spot.
TEXT = """
cluster_name: demo.k8s.local
aws:
  zones: [us-east-2a]
  ssh_access_cidrs: [203.0.113.0/24]
  bastion: {}
  worker_groups:
  - {name: nodes, count: 1}
  - {name: cheap, count: 1, spot: true, instance_types: [t3.medium, t3a.medium]}
"""


@pytest.fixture
def made(cloud: Cloud, image: str, state: StateFile) -> Cloud:
    """An account with such a cluster."""
    design = Design(cloud.cluster, spec.parse(TEXT, "cluster.yaml").complete, image)
    outcome = apply.apply(cloud, plan.compare(wanted(design), {}), state, {}, lambda *words: None)
    assert outcome.failed == {} and outcome.untried == []
    return cloud


def instances(cloud: Cloud) -> dict[str, Mapping[str, Any]]:
    """Name -> what AWS says of each instance that no group started (moto's groups drop what a template asks for)."""
    pages = cloud.pages("ec2", "describe_instances", "Reservations")
    found = [item for part in pages for item in part["Instances"]]
    tags = [{tag["Key"]: tag["Value"] for tag in item["Tags"]} for item in found]
    return {tag["Name"]: item for tag, item in zip(tags, found, strict=True)
            if "aws:autoscaling:groupName" not in tag}  # fmt: skip


def templates(cloud: Cloud) -> Iterator[Mapping[str, Any]]:
    """What each launch template makes by default."""
    for item in cloud.call("ec2", "describe_launch_templates")["LaunchTemplates"]:
        (version,) = cloud.call("ec2", "describe_launch_template_versions", Versions=["$Default"],
                                LaunchTemplateId=item["LaunchTemplateId"])["LaunchTemplateVersions"]  # fmt: skip
        yield version["LaunchTemplateData"]


def test_instances_have_encrypted_gp3_disks_that_go_with_them(made: Cloud) -> None:
    found = instances(made)
    assert len(found) == 2 and any(name.startswith("bastion") for name in found), list(found)
    for item in found.values():
        (disk,) = item["BlockDeviceMappings"]
        (volume,) = made.call("ec2", "describe_volumes", VolumeIds=[disk["Ebs"]["VolumeId"]])["Volumes"]
        assert (volume["VolumeType"], volume["Encrypted"], disk["Ebs"]["DeleteOnTermination"]) == ("gp3", True, True)


def test_instances_show_their_metadata_to_tokens_alone_and_not_to_pods(made: Cloud) -> None:
    for item in instances(made).values():
        shown = item["MetadataOptions"]
        assert (shown["HttpTokens"], shown["HttpPutResponseHopLimit"]) == ("required", 1), shown


def test_templates_of_workers_ask_for_the_same(made: Cloud) -> None:
    found = list(templates(made))
    assert len(found) == 2
    for data in found:
        (disk,) = data["BlockDeviceMappings"]
        assert (disk["Ebs"]["VolumeType"], disk["Ebs"]["Encrypted"]) == ("gp3", True)
        assert (data["MetadataOptions"]["HttpTokens"], data["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
            "required", 1
        )  # fmt: skip


def test_a_new_version_of_a_template_asks_for_it_again(made: Cloud, image: str, state: StateFile) -> None:
    larger = spec.parse(TEXT.replace("{name: nodes, count: 1}", "{name: nodes, count: 1, volume_gib: 99}"), "").complete
    now = plan.compare(wanted(Design(made.cluster, larger, image)), plan.survey(made))
    assert [change.wanted.kind for change in now.change] == ["LaunchTemplate"]
    apply.apply(made, now, state, {}, lambda *words: None)
    disks = [data["BlockDeviceMappings"][0]["Ebs"] for data in templates(made)]
    assert sorted(disk["VolumeSize"] for disk in disks)[-1] == 99 and all(disk["Encrypted"] for disk in disks)
    assert all(data["MetadataOptions"]["HttpTokens"] == "required" for data in templates(made))


def test_a_control_plane_that_is_made_anew_has_the_address_of_the_one_before(
    cloud: Cloud, design: Design, state: StateFile
) -> None:
    """Its etcd member, its certificates and the workers' proxies name it by that address."""

    def raised() -> dict[str, Found]:
        outcome = apply.apply(cloud, plan.compare(wanted(design), plan.survey(cloud)), state, {}, lambda *words: None)
        assert outcome.failed == {} and outcome.untried == []
        return {key: item for key, item in plan.survey(cloud).items() if item.kind == "Instance"}

    first = raised()
    lost = f"Instance/master-us-east-2b.masters.{design.name}"
    cloud.call("ec2", "terminate_instances", InstanceIds=[first[lost].id])
    missing = plan.compare(wanted(design), plan.survey(cloud))
    assert [item.key for item in missing.create] == [lost] and not missing.replace
    again = raised()
    assert again[lost].id != first[lost].id and again[lost].attributes["private"] == "10.20.64.10"
    assert {key: item.id for key, item in again.items() if key != lost} == {
        key: item.id for key, item in first.items() if key != lost
    }
    (balanced,) = [item for item in plan.survey(cloud).values() if item.kind == "TargetRegistration"]
    assert sorted(balanced.fields["instances"]) == sorted(item.id for item in again.values())


def test_what_is_said_of_the_root_volume_is_said_under_the_images_own_name_for_it(
    cloud: Cloud, image: str, state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Design(cloud.cluster, spec.parse(TEXT, "cluster.yaml").complete, image)
    asked: list[Mapping[str, Any]] = []
    real = botocore.client.BaseClient._make_api_call

    def call(self: Any, operation: str, given: Any) -> Any:
        if operation in ("RunInstances", "CreateLaunchTemplate"):
            asked.append(given.get("LaunchTemplateData", given))
        return real(self, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    design = replace(before, root_device="/dev/sda1")
    assert apply.apply(cloud, plan.compare(wanted(design), {}), state, {}, lambda *words: None).failed == {}
    assert len(asked) == 4
    for given in asked:
        (volume,) = given["BlockDeviceMappings"]
        assert volume["DeviceName"] == "/dev/sda1" and volume["Ebs"]["Encrypted"]
    assert plan.compare(wanted(design), plan.survey(cloud)).empty
    corrected = plan.compare(wanted(before), plan.survey(cloud))
    assert {item.wanted.kind for item in corrected.change} == {"LaunchTemplate"} and not corrected.replace
