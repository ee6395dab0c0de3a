"""Requests that come again with their token. A plain answer that changes says that the correction may go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.lab.ec2.stories import told

STORY = """
with mock_aws():
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]
    image = ec2.describe_images()["Images"][0]["ImageId"]

    def instance(token, kind="t3.small"):
        return ec2.run_instances(ImageId=image, InstanceType=kind, MinCount=1, MaxCount=1, SubnetId=subnet,
                                 ClientToken=token)["Instances"][0]["InstanceId"]

    def table(token):
        return ec2.create_route_table(VpcId=vpc, ClientToken=token)["RouteTable"]["RouteTableId"]

    def template(token):
        return ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData={"ImageId": image},
                                          ClientToken=token)["LaunchTemplate"]["LaunchTemplateId"]

    same = {"instance": instance("a") == instance("a"), "table": table("a") == table("a")}
    template("a")
    again = said(lambda: template("a"))
    apart = instance("b") != instance("c") and table("b") != table("c")
    other = said(lambda: instance("a", "t3.large"))
    ec2.terminate_instances(InstanceIds=[instance("a")])
    ended = said(lambda: instance("a"))
print(json.dumps({"same": same, "again": again, "apart": apart, "other": other, "ended": ended}))
"""


@pytest.fixture(scope="module")
def story() -> list[Any]:
    """What moto says with or without corrections."""
    return told("client_tokens", STORY)


def test_a_token_that_comes_again_is_answered_with_what_it_made(story: Any) -> None:
    plain, corrected = story
    assert plain["same"] == {"instance": False, "table": False} and plain["again"] != "done"
    assert corrected["same"] == {"instance": True, "table": True} and corrected["again"] == "done"


def test_other_tokens_make_other_things(story: Any) -> None:
    assert story[0]["apart"] and story[1]["apart"]


def test_a_token_is_refused_for_another_request_and_when_its_instance_is_gone(story: Any) -> None:
    plain, corrected = story
    assert (plain["other"], plain["ended"]) == ("done", "done")
    assert (corrected["other"], corrected["ended"]) == ("IdempotentParameterMismatch", "IdempotentInstanceTerminated")
