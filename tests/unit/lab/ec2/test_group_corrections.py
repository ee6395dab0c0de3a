"""How groups of moto start instances, and how AWS's do. A plain answer that changes says that a correction may go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.lab.ec2.stories import told

STORY = """
with mock_aws():
    ec2, groups, elb, iam = map(boto3.client, ("ec2", "autoscaling", "elbv2", "iam"))
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=f"us-east-2{zone}")[
        "Subnet"]["SubnetId"] for number, zone in enumerate("abc")]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    data = {"ImageId": image, "InstanceType": "t3.small"}
    template = ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=data)[
        "LaunchTemplate"]["LaunchTemplateId"]
    later = {**data, "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "made", "Value": "later"}]}]}
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=later)
    target = elb.create_target_group(Name="t", Protocol="TCP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    groups.create_auto_scaling_group(
        AutoScalingGroupName="nodes", MinSize=1, MaxSize=9, DesiredCapacity=4, VPCZoneIdentifier=",".join(subnets),
        LaunchTemplate={"LaunchTemplateId": template, "Version": "2"}, TargetGroupARNs=[target])

    def members():
        (group,) = groups.describe_auto_scaling_groups()["AutoScalingGroups"]
        names = [item["InstanceId"] for item in group["Instances"]]
        found = ec2.describe_instances(InstanceIds=names)["Reservations"]
        return {item["InstanceId"]: item for part in found for item in part["Instances"]}

    def zones():
        return sorted(item["Placement"]["AvailabilityZone"][-1] for item in members().values())

    first = zones()
    # moto adds the tags of the asked version itself, and says that the instance is of another one.
    versions = {tag["Value"] for item in members().values() for tag in item["Tags"]
                if tag["Key"] == "aws:ec2launchtemplate:version"}
    lost = [name for name, item in members().items() if item["Placement"]["AvailabilityZone"].endswith("a")][-1]
    ec2.terminate_instances(InstanceIds=[lost])
    after = zones()
    health = elb.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
    served = {item["Target"]["Id"] for item in health} == set(members())
    regions = {item["PrivateDnsName"].partition(".")[2] for item in members().values()}
print(json.dumps({"regions": sorted(regions), "first": first, "after": after, "versions": sorted(versions),
                  "served": served}))
"""


@pytest.fixture(scope="module")
def story() -> list[Any]:
    """What moto says with or without corrections."""
    return told("group_corrections", STORY)


def test_a_group_spreads_its_instances_over_its_zones_and_fills_the_one_that_lost_one(story: Any) -> None:
    plain, corrected = story
    assert plain["first"] == ["a", "a", "a", "a"]
    assert corrected["first"] == ["a", "a", "b", "c"] and len(set(corrected["after"])) == 3


def test_a_group_starts_instances_of_the_version_of_its_template_that_it_names(story: Any) -> None:
    plain, corrected = story
    assert (plain["versions"], corrected["versions"]) == (["1"], ["2"])


def test_what_replaces_an_instance_takes_its_place_in_the_target_groups(story: Any) -> None:
    plain, corrected = story
    assert (plain["served"], corrected["served"]) == (False, True)


def test_instances_of_a_group_have_private_names_of_their_region(story: Any) -> None:
    plain, corrected = story
    assert (plain["regions"], corrected["regions"]) == (["ec2.internal"], ["us-east-2.compute.internal"])
