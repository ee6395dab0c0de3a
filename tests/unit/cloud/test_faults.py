"""What AWS does now and then, injected at the client: waited for when that helps, said plainly when not."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError

from clusterbook.cloud import apply, aws, plan, teardown
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.graph import Outcome
from clusterbook.cloud.layout import Design
from clusterbook.cloud.state import StateFile

Inject = Callable[[Mapping[str, tuple[int, str, str]]], collections.Counter[str]]


@pytest.fixture
def inject(monkeypatch: pytest.MonkeyPatch) -> Inject:
    """Lets requests fail: operation -> (how often, code, message). Waits take no time."""

    def start(faults: Mapping[str, tuple[int, str, str]]) -> collections.Counter[str]:
        asked: collections.Counter[str] = collections.Counter()
        real = botocore.client.BaseClient._make_api_call

        def call(self: Any, operation: str, given: Any) -> Any:
            asked[operation] += 1
            times, code, message = faults.get(operation, (0, "", ""))
            if asked[operation] <= times:
                raise ClientError({"Error": {"Code": code, "Message": message}}, operation)
            return real(self, operation, given)

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
        return asked

    monkeypatch.setattr(aws, "pause", lambda seconds: None)
    return start


def raised(cloud: Cloud, design: Design, state: StateFile) -> Outcome:
    return apply.apply(cloud, plan.compare(wanted(design), plan.survey(cloud)), state, {}, lambda *words: None)


@pytest.mark.parametrize(("operation", "code", "message"), [
    ("RunInstances", "InvalidParameterValue", "Value (masters.demo) for parameter iamInstanceProfile.name is invalid. "
     "Invalid IAM Instance Profile name"),
    ("ModifyVpcAttribute", "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist"),
    ("ModifySubnetAttribute", "InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist"),
    ("CreateSubnet", "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist"),
    ("CreateSecurityGroup", "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist"),
    ("AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound", "The security group 'sg-1' does not exist"),
    ("AttachInternetGateway", "InvalidInternetGatewayID.NotFound", "The internetGateway ID 'igw-1' does not exist"),
    ("CreateRoute", "InvalidRouteTableID.NotFound", "The routeTable ID 'rtb-1' does not exist"),
    ("AssociateRouteTable", "InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist"),
    ("RunInstances", "InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist"),
    ("CreateLoadBalancer", "SubnetNotFound", "The subnet ID 'subnet-1' is not valid"),
    ("PutRolePolicy", "NoSuchEntity", "The role with name masters.demo cannot be found."),
    ("AddRoleToInstanceProfile", "NoSuchEntity", "Instance Profile masters.demo cannot be found."),
    ("RegisterTargets", "InvalidTarget", "The following targets are not in a running state"),
    ("CreateAutoScalingGroup", "ValidationError", "You must use a valid fully-formed launch template. Value "
     "(nodes.demo) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"),
])  # fmt: skip
def test_what_was_made_just_now_is_waited_for(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject, operation: str, code: str, message: str
) -> None:
    asked = inject({operation: (2, code, message)})
    outcome = raised(cloud, design, state)
    assert outcome.failed == {} and outcome.untried == []
    assert asked[operation] > 2
    assert plan.compare(wanted(design), plan.survey(cloud)).empty


@pytest.mark.parametrize("operation", [
    "DeleteSubnet", "DeleteSecurityGroup", "DetachInternetGateway", "DeleteVpc", "DeleteTargetGroup",
])  # fmt: skip
def test_what_is_still_in_use_is_waited_for_when_it_goes(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject, operation: str
) -> None:
    assert raised(cloud, design, state).failed == {}
    code = "ResourceInUse" if operation == "DeleteTargetGroup" else "DependencyViolation"
    asked = inject({operation: (2, code, "has a dependent object")})
    outcome = teardown.delete_all(cloud, state, lambda *words: None)
    assert outcome.failed == {} and asked[operation] > 2 and plan.survey(cloud) == {}


def test_no_capacity_is_said_with_what_to_choose_and_the_rest_is_made(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject
) -> None:
    asked = inject({"RunInstances": (99, "InsufficientInstanceCapacity", "no t3.medium in us-east-2a")})
    outcome = raised(cloud, design, state)
    assert {key.partition("/")[0] for key in outcome.failed} == {"Instance"}
    error = next(iter(outcome.failed.values()))
    assert "no t3.medium in us-east-2a" in error.message and "another instance type or zone" in error.next_step
    assert asked["RunInstances"] == 3  # one each: waiting does not help
    assert f"AutoScalingGroup/nodes.{design.name}" in outcome.done
    assert outcome.untried == [f"TargetRegistration/api.{design.name}"]


def test_a_denied_action_is_named_as_iam_names_it(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject
) -> None:
    inject({"CreateLoadBalancer": (99, "AccessDenied", "not authorized")})
    (error,) = raised(cloud, design, state).failed.values()
    assert "Allow elasticloadbalancing:CreateLoadBalancer for these credentials." in error.next_step


def test_throttled_requests_are_made_again_by_the_client_itself(cloud: Cloud) -> None:
    client = cloud.client("ec2")
    tries: list[int] = []

    def throttle(request: Any, **more: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        tries.append(1)
        if len(tries) > 2:
            return None
        error = b"<Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error>"
        body = b"<Response><Errors>" + error + b"</Errors></Response>"

        class Raw:
            def stream(self, **options: Any) -> Any:
                yield body

        return AWSResponse(request.url, 503, {"content-type": "text/xml"}, Raw())

    client.meta.events.register("before-send.ec2.DescribeVpcs", throttle)
    assert "Vpcs" in cloud.call("ec2", "describe_vpcs")
    assert len(tries) == 3


def test_throttling_that_does_not_end_is_an_error_with_its_code(
    cloud: Cloud, inject: Inject
) -> None:
    inject({"DescribeVpcs": (99, "RequestLimitExceeded", "Request limit exceeded.")})
    with pytest.raises(aws.CloudError, match=r"Request limit exceeded\. \(RequestLimitExceeded\)"):
        plan.survey(cloud)
