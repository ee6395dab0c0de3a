"""Policies of people and hosts: as the golden files say, small enough for IAM, and worth nothing on other clusters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.client
import pytest

from clusterbook.cloud import apply, foreign, plan, policies
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.kinds import KINDS
from clusterbook.cloud.layout import SHARED, Design
from clusterbook.cloud.operator_policy import KmsKey, Uses, documents
from clusterbook.cloud.permissions import BY_KIND
from clusterbook.cloud.state import StateFile
from tests.unit.cloud.authorization import Questions
from tests.unit.cloud.evaluator import allowed, asked

NAME = "demo.k8s.local"
ADDONS = ("ebs-csi-driver", "cluster-autoscaler")
STORE = "s3://state-of-demo/team"
KEY = "arn:aws:kms:us-east-2:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
GOLDEN = Path(__file__).parent / "golden"
OWN, OTHER = {f"kubernetes.io/cluster/{NAME}": "owned"}, {"kubernetes.io/cluster/another": "owned"}
EC2 = "arn:aws:ec2:us-east-2:123456789012"
ELB = "arn:aws:elasticloadbalancing:us-east-2:123456789012"
# What pkg/providers/v1 of cloud-provider-aws 1.37.0 asks for while it makes, changes and deletes a Service's balancer.
LOOKS = (
    "ec2:DescribeInstances", "ec2:DescribeInstanceTopology", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets", "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancerPolicies",
    "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
)  # fmt: skip
OF_GROUPS = ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "DeleteSecurityGroup", "CreateTags",
             "DeleteTags")  # fmt: skip
OF_CLASSIC = (
    "AddTags", "ApplySecurityGroupsToLoadBalancer", "AttachLoadBalancerToSubnets", "ConfigureHealthCheck",
    "CreateLoadBalancerListeners", "CreateLoadBalancerPolicy", "DeleteLoadBalancer", "DeleteLoadBalancerListeners",
    "DeregisterInstancesFromLoadBalancer", "DetachLoadBalancerFromSubnets", "ModifyLoadBalancerAttributes",
    "RegisterInstancesWithLoadBalancer", "SetLoadBalancerPoliciesForBackendServer",
    "SetLoadBalancerPoliciesOfListener",
)  # fmt: skip
OF_NETWORK = {
    "loadbalancer/net/a/0": ("DeleteLoadBalancer", "ModifyLoadBalancerAttributes", "SetSecurityGroups"),
    "listener/net/a/0/1": ("DeleteListener", "ModifyListener"),
    "targetgroup/a/0": ("DeleteTargetGroup", "DeregisterTargets", "ModifyTargetGroup", "ModifyTargetGroupAttributes",
                        "RegisterTargets"),
}  # fmt: skip
CHANGES = [
    *((f"ec2:{action}", f"{EC2}:security-group/sg-1") for action in OF_GROUPS),
    *((f"elasticloadbalancing:{action}", f"{ELB}:loadbalancer/a") for action in OF_CLASSIC),
    *((f"elasticloadbalancing:{action}", f"{ELB}:{part}") for part, some in OF_NETWORK.items() for action in some),
]
MAKES = {
    "ec2:CreateSecurityGroup": f"{EC2}:security-group/new",
    "elasticloadbalancing:CreateLoadBalancer": f"{ELB}:loadbalancer/a",
    "elasticloadbalancing:CreateTargetGroup": f"{ELB}:targetgroup/a/0",
    "elasticloadbalancing:CreateListener": f"{ELB}:loadbalancer/net/a/0",
}
# IAM's quota for a managed policy, white space not counted.
MOST_LETTERS = 6144


def everything() -> dict[str, Any]:
    people = documents(Uses(NAME, frozenset(BY_KIND), STORE, kms=KmsKey(KEY, STORE, new=True)))
    hosts = {"control_plane": policies.control_plane(NAME, STORE, ADDONS), "node": policies.node(NAME, STORE)}
    return {**{f"operator-{part}": document for part, document in people.items()}, **hosts}


@pytest.mark.parametrize("part", sorted(everything()))
def test_a_policy_is_what_its_golden_file_says(part: str) -> None:
    text = json.dumps(everything()[part], indent=2) + "\n"
    file = GOLDEN / f"{part}.json"
    assert file.read_text() == text, f"look at the difference; if it is meant, write {file} anew"


def test_the_golden_files_are_of_policies_that_exist() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(everything())


@pytest.mark.parametrize("part", sorted(everything()))
def test_a_policy_fits_into_iams_quota(part: str) -> None:
    assert len(json.dumps(everything()[part], separators=(",", ":"))) <= MOST_LETTERS


def test_each_kind_of_resource_says_what_it_takes() -> None:
    assert set(BY_KIND) == {*KINDS, SHARED}


def test_parts_of_a_cluster_may_be_made_in_the_existing_vpc_that_it_is_put_into_and_in_no_other() -> None:
    people = list(documents(Uses(NAME, frozenset(BY_KIND) - {"Vpc", "InternetGateway"}, STORE, "vpc-0123")).values())
    for action, new in (("CreateSubnet", "subnet"), ("CreateSecurityGroup", "security-group")):
        assert allowed(people, asked(f"ec2:{action}", f"{EC2}:{new}/new", OWN))
        assert allowed(people, asked(f"ec2:{action}", f"{EC2}:vpc/vpc-0123"))
        assert not allowed(people, asked(f"ec2:{action}", f"{EC2}:vpc/vpc-4567"))
    for action in ("DeleteVpc", "ModifyVpcAttribute"):
        assert not allowed(people, asked(f"ec2:{action}", f"{EC2}:vpc/vpc-0123"))


def test_an_update_may_look_for_what_the_cluster_does_not_use_and_may_not_make_it() -> None:
    people = list(documents(Uses(NAME, frozenset({"Vpc", "Subnet"}), STORE)).values())
    assert allowed(people, asked("ec2:DescribeNatGateways")) and allowed(people, asked("ec2:DescribeAddresses"))
    assert not allowed(people, asked("ec2:AllocateAddress", f"{EC2}:elastic-ip/new", OWN))
    assert not allowed(people, asked("route53:ListHostedZonesByName"))


def test_all_that_an_update_looks_for_may_be_looked_at_whatever_the_configuration_names(
    cloud: Cloud, design: Design, state: StateFile, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert apply.apply(cloud, plan.compare(wanted(design), {}), state, {}, lambda *words: None).failed == {}
    people = list(documents(Uses(NAME, frozenset(), STORE)).values())
    questions = Questions({"iam": aws("iam")})
    sent: list[tuple[str, str, Any]] = []
    real = botocore.client.BaseClient._make_api_call

    def call(self: Any, operation: str, given: Any) -> Any:
        sent.append((self.meta.service_model.service_name, operation, given))
        return real(self, operation, given)

    with monkeypatch.context() as recording:
        recording.setattr(botocore.client.BaseClient, "_make_api_call", call)
        assert len(plan.survey(cloud)) == len(wanted(design)) and foreign.survey(cloud) == []
    asked_for = [question for one in sent for question in questions.of(*one)]
    assert len(asked_for) > len(KINDS) and [one for one in asked_for if not allowed(people, one)] == []


def test_what_aws_restricts_to_no_resource_gives_only_reserved_addresses_back() -> None:
    assert {action for one in BY_KIND.values() for action in one.unheld} == {"ec2:DeleteSubnetCidrReservation"}


def test_a_store_in_a_folder_needs_nothing_of_aws_but_its_kms_key() -> None:
    for kms, actions in ((None, []), (KmsKey(KEY, "file:///x", new=False), ["kms:Decrypt"])):
        found = documents(Uses(NAME, frozenset(), "file:///x", kms=kms)).get("store", {"Statement": []})
        assert [action for one in found["Statement"] for action in one["Action"]] == actions


@pytest.mark.parametrize(("question", "answer"), [
    (asked("ec2:CreateVpc", f"{EC2}:vpc/new", OWN), True),
    (asked("ec2:CreateVpc", f"{EC2}:vpc/new", OTHER), False),
    (asked("ec2:CreateVpc", f"{EC2}:vpc/new"), False),
    (asked("ec2:CreateSubnet", f"{EC2}:vpc/vpc-1", OWN, OTHER), False),
    (asked("ec2:CreateSubnetCidrReservation", f"{EC2}:subnet/subnet-1", tags=OWN), True),
    (asked("ec2:CreateSubnetCidrReservation", f"{EC2}:subnet/subnet-1", tags=OTHER), False),
    (asked("ec2:CreateTags", f"{EC2}:subnet-cidr-reservation/new", OWN,
           ec2_CreateAction="CreateSubnetCidrReservation"), True),
    (asked("ec2:DeleteSubnetCidrReservation"), True),
    (asked("ec2:TerminateInstances", f"{EC2}:instance/i-1", tags=OWN), True),
    (asked("ec2:TerminateInstances", f"{EC2}:instance/i-1", tags=OTHER), False),
    (asked("ec2:CreateTags", f"{EC2}:vpc/new", OWN, ec2_CreateAction="CreateVpc"), True),
    (asked("ec2:CreateTags", f"{EC2}:instance/i-1", OWN), False),
    (asked("ec2:DescribeVpcs"), True),
    (asked("ec2:CreateUser"), False),
    (asked("iam:PassRole", f"arn:aws:iam::1:role/clusterbook/{NAME}/a", iam_PassedToService="ec2.amazonaws.com"), True),
    (asked("iam:PassRole", f"arn:aws:iam::1:role/clusterbook/{NAME}/a", iam_PassedToService="lambda.amazonaws.com"),
     False),
    (asked("iam:PassRole", "arn:aws:iam::1:role/admin", iam_PassedToService="ec2.amazonaws.com"), False),
    (asked("iam:CreateRole", "arn:aws:iam::1:role/clusterbook/another/a"), False),
    (asked("s3:GetObject", f"arn:aws:s3:::state-of-demo/team/{NAME}/state.json"), True),
    (asked("s3:GetObject", "arn:aws:s3:::state-of-demo/team/another/state.json"), False),
    (asked("s3:ListBucket", "arn:aws:s3:::state-of-demo", s3_prefix="team/another/"), False),
])  # fmt: skip
def test_people_may_do_this_and_not_that(question: Any, answer: bool) -> None:
    people = [document for part, document in everything().items() if part.startswith("operator-")]
    assert allowed(people, question) is answer


@pytest.mark.parametrize(("part", "question", "answer"), [
    ("control_plane", asked("ec2:CreateSecurityGroup", f"{EC2}:security-group/new", OWN), True),
    ("control_plane", asked("ec2:CreateTags", f"{EC2}:security-group/new", OWN, ec2_CreateAction="CreateSecurityGroup"),
     True),
    ("control_plane", asked("ec2:CreateTags", f"{EC2}:instance/i-1", OWN, tags=OTHER), False),
    ("control_plane", asked("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-1", tags=OWN), True),
    ("control_plane", asked("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-1", tags=OTHER), False),
    ("control_plane", asked("elasticloadbalancing:AddTags", "arn:aws:elasticloadbalancing:r:1:loadbalancer/net/new",
                            OWN, elasticloadbalancing_CreateAction="CreateLoadBalancer"), True),
    ("control_plane", asked("ec2:TerminateInstances", f"{EC2}:instance/i-1", tags=OWN), False),
    ("node", asked("ec2:DescribeInstances"), True),
    ("node", asked("ecr:GetAuthorizationToken"), True),
    ("node", asked("ec2:CreateTags", f"{EC2}:instance/i-1", tags=OWN), False),
])  # fmt: skip
def test_hosts_may_do_this_and_not_that(part: str, question: Any, answer: bool) -> None:
    assert allowed([everything()[part]], question) is answer


def test_control_planes_may_do_all_that_services_with_load_balancers_of_both_kinds_ask_for() -> None:
    policy = [everything()["control_plane"]]
    assert [action for action in LOOKS if not allowed(policy, asked(action))] == []
    for action, arn in CHANGES:
        assert allowed(policy, asked(action, arn, tags=OWN)), action
        assert not allowed(policy, asked(action, arn, tags=OTHER)) and not allowed(policy, asked(action, arn)), action
    for action, arn in MAKES.items():
        service, _, made = action.partition(":")
        tag = {"ec2": "CreateTags", "elasticloadbalancing": "AddTags"}[service]
        context = {f"{service}_CreateAction": made}
        assert allowed(policy, asked(action, arn, OWN)) and not allowed(policy, asked(action, arn, OTHER)), action
        assert allowed(policy, asked(f"{service}:{tag}", arn, OWN, **context)), action
