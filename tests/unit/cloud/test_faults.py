"""What AWS does now and then, injected at the client: waited for when that helps, said plainly when not."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError

from clusterbook.cloud import apply, aws, foreign, plan, teardown
from clusterbook.cloud.aws import Cloud, translate
from clusterbook.cloud.design import wanted
from clusterbook.cloud.graph import Outcome
from clusterbook.cloud.layout import Design
from clusterbook.cloud.operator_policy import NAMES, NETWORK
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import spec

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


@pytest.mark.parametrize(("operation", "code"), [
    ("CreateNatGateway", "InvalidAllocationID.NotFound"),
    ("CreateNatGateway", "InvalidSubnetID.NotFound"),
    ("DescribeNatGateways", "NatGatewayNotFound"),
    ("CreateRoute", "InvalidNatGatewayID.NotFound"),
    ("CreateHostedZone", "InvalidVPCId"),
])  # fmt: skip
def test_the_parts_of_private_hosts_that_were_made_just_now_are_waited_for(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject, operation: str, code: str
) -> None:
    text = f"cluster_name: {design.name}\naws:\n  zones: [us-east-2a]\n  nat: one\n  private_zone: demo.internal\n"
    private = replace(design, complete=spec.parse(text, "cluster.yaml").complete)
    parts = [item for item in wanted(private) if item.kind in NETWORK | NAMES and "SecurityGroup" not in item.kind]
    asked = inject({operation: (2, code, "does not exist")})
    outcome = apply.apply(cloud, plan.compare(parts, {}), state, {}, lambda *words: None)
    assert outcome.failed == {} and outcome.untried == [] and asked[operation] > 2


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


def blocked(cloud: Cloud, state: StateFile, inject: Inject, operation: str) -> dict[str, str]:
    """What is said of each resource whose deletion AWS refuses as long as it is asked: what to do next."""
    inject({operation: (9999, "DependencyViolation", "has a dependent object")})
    outcome = teardown.delete_all(cloud, state, lambda *words: None)
    return {key: error.next_step for key, error in outcome.failed.items()}


def test_who_holds_a_subnet_is_named_with_its_owner(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject
) -> None:
    assert raised(cloud, design, state).failed == {}
    there = plan.survey(cloud)
    name = f"Subnet/us-east-2a.{design.name}"
    made = cloud.call("ec2", "create_network_interface", SubnetId=there[name].id, Description="of another's function")
    interface = made["NetworkInterface"]["NetworkInterfaceId"]
    said = blocked(cloud, state, inject, "DeleteSubnet")
    assert set(said) == {key for key in there if key.startswith("Subnet/")}
    assert f"network interface {interface} (of another's function, of " in said[name]
    assert all("run the same command again" in words.lower() for words in said.values())
    assert interface not in said[f"Subnet/us-east-2b.{design.name}"]


def test_the_groups_whose_rules_name_a_group_are_named(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject
) -> None:
    assert raised(cloud, design, state).failed == {}
    there = plan.survey(cloud)
    key, vpc = f"SecurityGroup/nodes.{design.name}", there[f"Vpc/{design.name}"].id
    other = cloud.call("ec2", "create_security_group", GroupName="database", Description="x", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": there[key].id}]}
    cloud.call("ec2", "authorize_security_group_ingress", GroupId=other, IpPermissions=[rule])
    said = blocked(cloud, state, inject, "DeleteSecurityGroup")
    assert f"security group {other} (database, of 123456789012). Delete that" in said[key]


def test_groups_that_others_put_into_the_vpc_are_named(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject
) -> None:
    assert raised(cloud, design, state).failed == {}
    vpc = plan.survey(cloud)[f"Vpc/{design.name}"].id
    other = cloud.call("ec2", "create_security_group", GroupName="database", Description="x", VpcId=vpc)["GroupId"]
    said = blocked(cloud, state, inject, "DeleteVpc")
    assert f"security group {other} (database, of 123456789012)" in said[f"Vpc/{design.name}"]
    assert "default" not in said[f"Vpc/{design.name}"]


def test_who_holds_a_group_that_a_controller_made_is_named_too(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject
) -> None:
    assert raised(cloud, design, state).failed == {}
    there = plan.survey(cloud)
    tag = [{"Key": f"kubernetes.io/cluster/{design.name}", "Value": "owned"}]
    group = cloud.call("ec2", "create_security_group", GroupName="k8s-elb", Description="x",
                       VpcId=there[f"Vpc/{design.name}"].id,
                       TagSpecifications=[{"ResourceType": "security-group", "Tags": tag}])["GroupId"]  # fmt: skip
    made = cloud.call("ec2", "create_network_interface", Groups=[group], Description="ELB net/a0123",
                      SubnetId=there[f"Subnet/us-east-2a.{design.name}"].id)  # fmt: skip
    said = blocked(cloud, state, inject, "DeleteSecurityGroup")
    assert f"{made['NetworkInterface']['NetworkInterfaceId']} (ELB net/a0123, of " in said[f"SecurityGroup/{group}"]


def test_a_deletion_that_is_denied_still_says_what_to_allow(
    cloud: Cloud, design: Design, state: StateFile, inject: Inject
) -> None:
    assert raised(cloud, design, state).failed == {}
    there = plan.survey(cloud)
    cloud.call("ec2", "create_network_interface", SubnetId=there[f"Subnet/us-east-2a.{design.name}"].id)
    inject({"DeleteSubnet": (9999, "UnauthorizedOperation", "You are not authorized")})
    failed = teardown.delete_all(cloud, state, lambda *words: None).failed
    assert {error.next_step for error in failed.values()} == {"Allow ec2:DeleteSubnet for these credentials."}


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


@pytest.mark.parametrize("code", [
    "VpcLimitExceeded", "AddressLimitExceeded", "VcpuLimitExceeded", "TooManyLoadBalancers", "LimitExceeded",
    "MaxSpotInstanceCountExceeded", "LimitExceededException",
])  # fmt: skip
def test_a_quota_of_the_account_is_said_to_be_one(code: str) -> None:
    error = translate(ClientError({"Error": {"Code": code, "Message": "no more"}}, "Make"), "ec2:make")
    assert error.next_step.startswith("Ask AWS for more (Service Quotas)")
    for other in ("RequestLimitExceeded", "TooManyRequestsException"):
        slow = ClientError({"Error": {"Code": other, "Message": "slow"}}, "Make")
        assert "Quotas" not in translate(slow, "ec2:make").next_step


@pytest.mark.parametrize("service", ["elbv2", "elb"])
def test_a_balancer_of_somebody_that_goes_meanwhile_holds_nobody_up(
    cloud: Cloud, design: Design, state: StateFile, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    raised(cloud, design, state)
    subnet = plan.survey(cloud)[f"Subnet/us-east-2a.{design.name}"].id
    if service == "elbv2":
        answer = cloud.call("elbv2", "create_load_balancer", Name="theirs", Type="network", Subnets=[subnet])
        gone = answer["LoadBalancers"][0]["LoadBalancerArn"]
    else:
        gone, ports = "theirs", [{"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}]
        owned = [{"Key": f"kubernetes.io/cluster/{design.name}", "Value": "owned"}]
        for name in (gone, "ours"):
            cloud.call("elb", "create_load_balancer", LoadBalancerName=name, Listeners=ports, Subnets=[subnet],
                       Tags=owned)  # fmt: skip
    real = botocore.client.BaseClient._make_api_call

    def call(self: Any, operation: str, given: Any) -> Any:
        if operation == "DescribeTags" and gone in [name for names in given.values() for name in names]:
            raise ClientError({"Error": {"Code": "LoadBalancerNotFound", "Message": "gone"}}, operation)
        return real(self, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    assert plan.compare(wanted(design), plan.survey(cloud)).empty
    assert [item.name for item in foreign.survey(cloud)] == (["ours"] if service == "elb" else [])


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


def test_a_role_that_may_not_be_assumed_is_what_has_to_be_allowed() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "AssumeRole")
    error = translate(refused, "sts:get_caller_identity")
    assert (error.message, error.next_step) == (
        "sts:assume_role is denied: not authorized", "Allow sts:AssumeRole for these credentials."
    )  # fmt: skip
