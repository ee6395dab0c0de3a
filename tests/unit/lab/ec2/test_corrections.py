"""Where moto is not like AWS. A test of plain moto that fails says that its correction is needless now."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

STORY = """
import json, sys
from moto import mock_aws
from clusterbook.lab.ec2 import corrections
if sys.argv[1] == "corrected":
    corrections.apply()
import boto3
with mock_aws():
    ec2, elb = boto3.client("ec2"), boto3.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="127.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="127.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "AssociatePublicIpAddress": True,
                 "PrivateIpAddress": "127.0.0.9", "DeleteOnTermination": True}
    name = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])[
        "Instances"][0]["InstanceId"]
    found = ec2.describe_instances()["Reservations"][0]["Instances"][0]
    states = []
    for port in map(int, sys.argv[2:]):
        target = elb.create_target_group(Name=f"t{port}", Protocol="TCP", Port=port, VpcId=vpc)[
            "TargetGroups"][0]["TargetGroupArn"]
        elb.register_targets(TargetGroupArn=target, Targets=[{"Id": name}])
        balancer = elb.create_load_balancer(Name=f"b{port}", Type="network", Subnets=[subnet])["LoadBalancers"][0]
        elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Port=port, Protocol="TCP",
                            DefaultActions=[{"Type": "forward", "TargetGroupArn": target}])
        states.append(elb.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"][0][
            "TargetHealth"]["State"])
    iam = boto3.client("iam")
    iam.create_instance_profile(InstanceProfileName="nodes")
    data = {"ImageId": image, "InstanceType": "t3.small", "IamInstanceProfile": {"Name": "nodes"},
            "MetadataOptions": {"HttpTokens": "required"}, "NetworkInterfaces": [{"DeviceIndex": 0}]}
    template = ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=data)["LaunchTemplate"]
    boto3.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="nodes", MinSize=1, MaxSize=1, VPCZoneIdentifier=subnet,
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"]})
    started = [item for page in ec2.describe_instances()["Reservations"] for item in page["Instances"]
               if item["InstanceId"] != name][0]
    profile = started.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2]
    tokens = started["MetadataOptions"]["HttpTokens"]
print(json.dumps({"profile": profile, "tokens": tokens,
                  "public": found.get("PublicIpAddress"), "states": states,
                  "groups": len(found["SecurityGroups"])}))
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What moto says with or without corrections, in a process of its own: (plain, corrected)."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.9", 0))
        listening.listen()
        ports = [str(listening.getsockname()[1]), "1"]
        environment = {
            **os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-2",
            "PYTHONPATH": str(Path(__file__).parents[4]),
        }  # fmt: skip
        return [
            json.loads(subprocess.run([sys.executable, "-c", STORY, form, *ports], env=environment, check=True,
                                      capture_output=True, text=True).stdout)
            for form in ("plain", "corrected")
        ]  # fmt: skip


def test_hosts_of_the_lab_have_no_public_address_that_belongs_to_somebody(story: Any) -> None:
    plain, corrected = story
    assert plain["public"] and corrected["public"] is None


def test_an_instance_shows_the_groups_of_its_interface(story: Any) -> None:
    plain, corrected = story
    assert (plain["groups"], corrected["groups"]) == (0, 1)


def test_a_target_is_healthy_only_where_something_listens(story: Any) -> None:
    plain, corrected = story
    assert plain["states"] == ["healthy", "healthy"]
    assert corrected["states"] == ["healthy", "unhealthy"]


def test_an_instance_of_a_group_has_its_template_s_profile_and_metadata_options(story: Any) -> None:
    plain, corrected = story
    assert (plain["profile"], plain["tokens"]) == ("", "optional")
    assert (corrected["profile"], corrected["tokens"]) == ("nodes", "required")
