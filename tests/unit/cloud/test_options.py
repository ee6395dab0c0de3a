"""Gateways, bastion, private zone and an existing VPC: what they mean, and from nothing to them and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusterbook.cloud import apply, plan, teardown
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.layout import Design, control_planes
from clusterbook.cloud.model import Ref, Wanted
from clusterbook.cloud.shared import shared_network
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import spec
from clusterbook.errors import InvalidInput, InvalidProject

NAME = "demo.k8s.local"
TEXT = f"cluster_name: {NAME}\naws:\n  zones: [us-east-2a, us-east-2b]\n  ssh_access_cidrs: [203.0.113.0/24]\n"
ALL = TEXT + "  nat: each_zone\n  bastion: {}\n  private_zone: demo.internal\n"


def design(text: str, image: str = "ami-0123456789abcdef0") -> Design:
    return Design(NAME, spec.parse(text, "cluster.yaml").complete, image)


def by_key(text: str) -> dict[str, Wanted]:
    return {item.key: item for item in wanted(design(text))}


def quiet(*words: str) -> None:
    """Nobody is told."""


def test_private_hosts_have_no_public_address_and_leave_by_a_gateway_of_their_zone() -> None:
    found = by_key(ALL)
    assert found[f"RouteTable/private-us-east-2b.{NAME}"].fields["gateway"] == Ref(f"NatGateway/us-east-2b.{NAME}")
    assert found[f"NatGateway/us-east-2b.{NAME}"].fields["subnet"] == Ref(f"Subnet/utility-us-east-2b.{NAME}")
    assert found[f"Subnet/utility-us-east-2b.{NAME}"].fields["cidr"] == "10.20.4.0/22"
    assert found[f"Subnet/us-east-2b.{NAME}"].fields["public"] is False
    assert found[f"Instance/master-us-east-2a.masters.{NAME}"].fields["initial_public"] is False
    assert found[f"LaunchTemplate/nodes.{NAME}"].fields["public"] is False
    assert found[f"LoadBalancer/api.{NAME}"].fields["subnets"] == [
        Ref(f"Subnet/utility-{zone}.{NAME}") for zone in ("us-east-2a", "us-east-2b")
    ]


def test_one_gateway_serves_all_zones_when_that_is_enough() -> None:
    found = by_key(TEXT + "  nat: one\n")
    (table,) = [item for key, item in found.items() if key.startswith("RouteTable/private-")]
    assert table.fields["subnets"] == [Ref(f"Subnet/{zone}.{NAME}") for zone in ("us-east-2a", "us-east-2b")]
    assert [key for key in found if key.startswith("NatGateway/")] == [f"NatGateway/us-east-2a.{NAME}"]


def test_what_leads_into_the_internet_waits_for_the_vpcs_gateway() -> None:
    found, gateway = by_key(ALL), f"InternetGateway/{NAME}"
    ways = ("NatGateway/us-east-2a", "NatGateway/us-east-2b", "LoadBalancer/api")
    assert all(gateway in found[f"{way}.{NAME}"].needs for way in ways)
    assert gateway not in by_key(TEXT + "  api_scheme: internal\n")[f"LoadBalancer/api.{NAME}"].needs


def test_with_a_bastion_people_reach_it_and_nothing_else_by_ssh() -> None:
    ssh = {item.name: [rule[3] for rule in item.fields["rules"] if rule[1] == 22]
           for item in wanted(design(ALL)) if item.kind == "SecurityGroupRules"}  # fmt: skip
    assert ssh[f"bastion.{NAME}"] == ["203.0.113.0/24"]
    assert ssh[f"masters.{NAME}"] == ssh[f"nodes.{NAME}"] == [Ref(f"SecurityGroup/bastion.{NAME}")]
    bastion = by_key(ALL)[f"Instance/bastion.{NAME}"]
    assert bastion.fields["profile"] == "" and bastion.fields["initial_public"] and bastion.fields["type"] == "t3.micro"
    assert bastion.fields["address"] == "10.20.0.4" and bastion.tags["clusterbook.io/role"] == "bastion"


def test_a_bastion_that_nobody_may_reach_is_refused() -> None:
    with pytest.raises(InvalidProject) as caught:
        design(f"cluster_name: {NAME}\naws:\n  zones: [us-east-2a]\n  bastion: {{}}\n")
    (problem,) = caught.value.problems
    assert "nobody may reach it" in problem.message and str(problem.where) == "cluster.yaml:4:3"


def test_in_the_private_zone_the_api_is_its_control_planes_and_its_certificate_says_so() -> None:
    found = design(ALL + "  control_plane: {count: 3}\n")
    zone = {item.key: item for item in wanted(found)}["PrivateZone/demo.internal"]
    assert zone.fields["records"] == [("api.demo.internal", address) for _, _, address in control_planes(found)]
    assert found.complete["api_certificate_names"] == ["api.demo.internal"]


def test_all_of_it_is_made_found_again_changed_and_gone(cloud: Cloud, image: str, state: StateFile) -> None:
    cloud.zones = frozenset({"demo.internal"})
    for text in (ALL, ALL.replace("each_zone", "one") + "  control_plane: {count: 3}\n"):
        full = design(text, image)
        made = apply.apply(cloud, plan.compare(wanted(full), plan.survey(cloud)), state, {}, quiet)
        assert made.failed == {} and made.untried == []
        found = plan.compare(wanted(full), plan.survey(cloud))
        assert not (found.create or found.change or found.replace), plan.as_data(found)
    assert {item.kind for item in found.surplus} == {"ElasticAddress", "NatGateway", "RouteTable"}
    gone = apply.remove(cloud, {item.key: item for item in found.surplus}, state, quiet)
    assert gone.failed == {} and plan.compare(wanted(full), plan.survey(cloud)).empty
    gone = teardown.delete_all(cloud, state, quiet)
    assert gone.failed == {} and plan.survey(cloud) == {} and state.state.resources == {}
    assert cloud.call("route53", "list_hosted_zones")["HostedZones"] == []
    assert cloud.call("ec2", "describe_addresses")["Addresses"] == []


def test_somebody_else_s_zone_of_the_same_name_is_not_ours(cloud: Cloud) -> None:
    vpc = cloud.call("ec2", "create_vpc", CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    cloud.call("route53", "create_hosted_zone", Name="demo.internal", CallerReference="theirs",
               VPC={"VPCRegion": "us-east-2", "VPCId": vpc}, HostedZoneConfig={"PrivateZone": True})  # fmt: skip
    cloud.zones = frozenset({"demo.internal"})
    assert plan.survey(cloud) == {}


def test_records_that_others_put_into_the_zone_are_left_alone_until_it_goes(
    cloud: Cloud, image: str, state: StateFile
) -> None:
    cloud.zones = frozenset({"demo.internal"})
    full = design(ALL, image)
    parts = [item for item in wanted(full) if item.kind in ("Vpc", "PrivateZone")]
    assert apply.apply(cloud, plan.compare(parts, {}), state, {}, quiet).failed == {}
    zone = plan.survey(cloud)["PrivateZone/demo.internal"].id
    alias = {"HostedZoneId": zone, "DNSName": "api.demo.internal", "EvaluateTargetHealth": False}
    theirs = [
        {"Name": "app.demo.internal", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.20.0.99"}]},
        {"Name": "app.demo.internal", "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": '"heritage=x"'}]},
        {"Name": "www.demo.internal", "Type": "A", "AliasTarget": alias},
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in theirs]
    cloud.call("route53", "change_resource_record_sets", HostedZoneId=zone, ChangeBatch={"Changes": changes})
    assert plan.compare(parts, plan.survey(cloud)).empty
    more = design(ALL + "  control_plane: {count: 3}\n", image)
    parts = [item for item in wanted(more) if item.kind in ("Vpc", "PrivateZone")]
    assert apply.apply(cloud, plan.compare(parts, plan.survey(cloud)), state, {}, quiet).failed == {}
    there = cloud.call("route53", "list_resource_record_sets", HostedZoneId=zone)["ResourceRecordSets"]
    assert [one["Name"] for one in there if one["Type"] not in ("NS", "SOA")] == [
        "api.demo.internal.", "app.demo.internal.", "app.demo.internal.", "www.demo.internal."
    ]  # fmt: skip
    assert plan.compare(parts, plan.survey(cloud)).empty
    assert teardown.delete_all(cloud, state, quiet).failed == {}
    assert cloud.call("route53", "list_hosted_zones")["HostedZones"] == []


def existing(cloud: Cloud, cidr: str = "10.20.0.0/16", names: bool = True, gateway: bool = True) -> str:
    """A VPC of somebody's."""
    vpc = str(cloud.call("ec2", "create_vpc", CidrBlock=cidr)["Vpc"]["VpcId"])
    cloud.call("ec2", "modify_vpc_attribute", VpcId=vpc, EnableDnsHostnames={"Value": names})
    if gateway:
        way = cloud.call("ec2", "create_internet_gateway")["InternetGateway"]["InternetGatewayId"]
        cloud.call("ec2", "attach_internet_gateway", InternetGatewayId=way, VpcId=vpc)
    return vpc


def test_an_existing_vpc_gets_the_cluster_s_parts_and_stays_as_it_was(
    cloud: Cloud, image: str, state: StateFile
) -> None:
    vpc = existing(cloud)
    before = _of_vpc(cloud, vpc)
    put = design(TEXT + f"  vpc_id: {vpc}\n", image)
    assert not {item.kind for item in wanted(put)} & {"Vpc", "InternetGateway"}

    def compared() -> plan.CloudPlan:
        return plan.compare(wanted(put), {**plan.survey(cloud), **shared_network(cloud, put.aws)})

    made = apply.apply(cloud, compared(), state, {}, quiet)
    assert made.failed == {} and made.untried == [] and compared().empty
    assert set(state.state.resources) == {item.key for item in wanted(put)}
    assert teardown.delete_all(cloud, state, quiet).failed == {}
    assert plan.survey(cloud) == {} and _of_vpc(cloud, vpc) == before


def _of_vpc(cloud: Cloud, vpc: str) -> Any:
    """What a person sees of their VPC."""
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    looks = {"describe_subnets": "Subnets", "describe_security_groups": "SecurityGroups",
             "describe_route_tables": "RouteTables", "describe_vpcs": "Vpcs"}  # fmt: skip
    return {action: cloud.call("ec2", action, Filters=filters)[key] for action, key in looks.items()}


@pytest.mark.parametrize(("changes", "words"), [
    ({"cidr": "10.99.0.0/16"}, "10.20.0.0/16 is not inside the VPC"),
    ({"cidr": "10.20.0.0/16", "names": False}, "gives its hosts no DNS names"),
    ({"cidr": "10.20.0.0/16", "gateway": False}, "has no internet gateway"),
])  # fmt: skip
def test_a_vpc_that_cannot_hold_the_cluster_is_refused(cloud: Cloud, changes: dict[str, Any], words: str) -> None:
    put = replace(design(TEXT), complete=spec.parse(TEXT + f"  vpc_id: {existing(cloud, **changes)}\n", "a").complete)
    with pytest.raises(InvalidInput, match=words):
        shared_network(cloud, put.aws)


def test_a_vpc_that_does_not_exist_is_refused(cloud: Cloud) -> None:
    with pytest.raises(InvalidInput, match="there is no VPC vpc-0123456789abcdef0 in us-east-2"):
        shared_network(cloud, design(TEXT + "  vpc_id: vpc-0123456789abcdef0\n").aws)
