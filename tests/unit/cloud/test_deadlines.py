"""How long is waited for one resource: so long and no longer, and then what, how long and what to do are said."""

from __future__ import annotations

import collections
import re
from collections.abc import Mapping
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError

from clusterbook.cloud import apply, aws, plan, teardown
from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.cloud.design import wanted
from clusterbook.cloud.graph import Outcome
from clusterbook.cloud.kinds import groups
from clusterbook.cloud.layout import Design
from clusterbook.cloud.model import Found
from clusterbook.cloud.state import StateFile
from clusterbook.errors import Failed


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        for place in (aws, groups):
            monkeypatch.setattr(place, "pause", self.pause)
            monkeypatch.setattr(place, "now", lambda: self.seconds)

    def pause(self, seconds: float) -> None:
        """Let it pass."""
        self.seconds += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of all that waits for AWS."""
    return Clock(monkeypatch)


def refuse(monkeypatch: pytest.MonkeyPatch, operation: str, code: str, times: int = 9999) -> collections.Counter[str]:
    """Let AWS refuse an operation so often; counts what it was asked."""
    asked: collections.Counter[str] = collections.Counter()
    real = botocore.client.BaseClient._make_api_call

    def call(self: Any, name: str, given: Mapping[str, Any]) -> Any:
        asked[name] += 1
        if name == operation and asked[name] <= times:
            raise ClientError({"Error": {"Code": code, "Message": "not now"}}, name)
        return real(self, name, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return asked


def raised(cloud: Cloud, design: Design, state: StateFile) -> Outcome:
    return apply.apply(cloud, plan.compare(wanted(design), plan.survey(cloud)), state, {}, lambda *words: None)


def test_a_resource_that_aws_never_sees_ends_with_how_long_and_what_to_do_and_others_are_made(
    cloud: Cloud, design: Design, state: StateFile, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "AttachInternetGateway", "InvalidInternetGatewayID.NotFound")
    outcome = raised(cloud, design, state)
    ((key, error),) = outcome.failed.items()
    assert key == f"InternetGateway/{design.name}"
    said = r"ec2:attach_internet_gateway: not now \(InvalidInternetGatewayID\.NotFound\), for 12\d s"
    assert re.fullmatch(said, error.message), error.message
    assert error.next_step == (
        "Look in AWS at what it names. Run the same command again when AWS is ready: it goes on where it stopped."
    )
    assert f"Subnet/us-east-2a.{design.name}" in outcome.done and f"RouteTable/{design.name}" in outcome.untried


def test_each_resource_has_a_deadline_of_its_own_whatever_its_single_waits_may_take(
    cloud: Cloud, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "DescribeVpcs", "DependencyViolation")
    first, second = cloud.within(30), cloud.within(60)
    with pytest.raises(CloudError, match=r"not now \(DependencyViolation\), for 3\d s") as caught:
        first.patiently("ec2", "describe_vpcs", 300)
    assert caught.value.code == "DependencyViolation"
    assert first.late and not second.late
    with pytest.raises(CloudError, match=r"for 3\d s"):  # what is left of its minute
        second.patiently("ec2", "describe_vpcs", 300)
    with pytest.raises(CloudError, match=r", for 0 s"):
        second.patiently("ec2", "describe_vpcs", 300)
    assert not cloud.late


def test_making_and_deleting_are_within_that_deadline(
    cloud: Cloud, design: Design, state: StateFile, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "RESOURCE_SECONDS", 10.0)
    with monkeypatch.context() as patch:
        refuse(patch, "AttachInternetGateway", "InvalidInternetGatewayID.NotFound")
        (error,) = raised(cloud, design, state).failed.values()
        assert re.search(r", for 1\d s$", error.message), error.message
    assert raised(cloud, design, state).failed == {}
    refuse(monkeypatch, "DeleteVpc", "DependencyViolation")
    (error,) = teardown.delete_all(cloud, state, lambda *words: None).failed.values()
    assert re.search(r", for 1\d s$", error.message), error.message


def test_what_aws_does_by_and_by_is_waited_for_no_longer_than_the_deadline(cloud: Cloud, clock: Clock) -> None:
    image = cloud.call("ec2", "describe_images")["Images"][0]["ImageId"]
    (one,) = cloud.call("ec2", "run_instances", ImageId=image, MinCount=1, MaxCount=1)["Instances"]
    with pytest.raises(CloudError) as caught:
        cloud.within(0).wait("ec2", "instance_terminated", InstanceIds=[one["InstanceId"]])
    start = f"ec2: instance terminated of {one['InstanceId']} did not come true in 0 s: "
    assert caught.value.message.startswith(start), caught.value.message
    assert caught.value.next_step.startswith("Look at it in AWS. Run the same command again")


@pytest.mark.parametrize(("limit", "seconds"), [(9999.0, 902), (60.0, 60)])
def test_a_group_that_does_not_go_says_how_long_it_was_waited_for(
    cloud: Cloud, clock: Clock, monkeypatch: pytest.MonkeyPatch, limit: float, seconds: int
) -> None:
    monkeypatch.setattr(groups, "_exists", lambda cloud, name: True)
    with pytest.raises(Failed, match=f"the group is still being deleted after {seconds} s") as caught:
        groups.AutoScalingGroup().delete(cloud.within(limit), Found("AutoScalingGroup", "nodes", "nodes"))
    assert "Look at its activities in EC2." in caught.value.next_step
