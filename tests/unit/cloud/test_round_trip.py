"""From nothing to a cluster's resources and back, against moto: what is there is always found again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusterbook.cloud import apply, foreign, plan, preview, teardown
from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.cloud.design import wanted
from clusterbook.cloud.layout import Design
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import spec
from tests.unit.cloud.conftest import TEXT


def quiet(*words: str) -> None:
    """Nobody is told."""


def raised(cloud: Cloud, design: Design, state: StateFile) -> None:
    outcome = apply.apply(cloud, plan.compare(wanted(design), plan.survey(cloud)), state, {"team": "a"}, quiet)
    assert outcome.failed == {} and outcome.untried == []


def changed(design: Design, text: str) -> Design:
    return replace(design, complete=spec.parse(text, "cluster.yaml").complete)


def test_what_was_made_is_what_was_wanted_and_goes_away_whole(cloud: Cloud, design: Design, state: StateFile) -> None:
    before = plan.compare(wanted(design), plan.survey(cloud))
    assert len(before.create) == len(wanted(design)) and not before.change
    raised(cloud, design, state)
    there = plan.survey(cloud)
    after = plan.compare(wanted(design), there)
    assert after.empty, plan.as_data(after)
    assert set(state.state.resources) == {item.key for item in wanted(design)}
    addresses = sorted(item.attributes["private"] for item in there.values() if item.kind == "Instance")
    assert addresses == ["10.20.32.10", "10.20.64.10", "10.20.96.10"]
    _controllers_make_a_balancer(cloud, there)
    assert {item.kind for item in foreign.survey(cloud)} == {"LoadBalancer", "SecurityGroup"}
    gone = teardown.delete_all(cloud, state, quiet)
    assert gone.failed == {} and gone.untried == []
    assert plan.survey(cloud) == {} and foreign.survey(cloud) == [] and state.state.resources == {}


def _controllers_make_a_balancer(cloud: Cloud, there: dict[str, Any]) -> None:
    """As the cloud controller does for a Service of type LoadBalancer."""
    tag = [{"Key": foreign.owner_tag(cloud.cluster), "Value": "owned"}]
    subnet = next(item.id for item in there.values() if item.kind == "Subnet")
    cloud.call("elbv2", "create_load_balancer", Name="a0123", Type="network", Subnets=[subnet], Tags=tag)
    vpc = there[f"Vpc/{cloud.cluster}"].id
    cloud.call("ec2", "create_security_group", GroupName="k8s-elb-a0123", Description="for a service", VpcId=vpc,
               TagSpecifications=[{"ResourceType": "security-group", "Tags": tag}])  # fmt: skip


def test_a_run_that_stopped_anywhere_goes_on_where_it_stopped(
    cloud: Cloud, design: Design, state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Cloud.call

    def failing(self: Cloud, service: str, action: str, **arguments: Any) -> Any:
        if action == "create_load_balancer":
            raise CloudError("elbv2:create_load_balancer is denied", "AccessDenied")
        return real(self, service, action, **arguments)

    monkeypatch.setattr(Cloud, "call", failing)
    outcome = apply.apply(cloud, plan.compare(wanted(design), plan.survey(cloud)), state, {}, quiet)
    assert list(outcome.failed) == [f"LoadBalancer/api.{design.name}"]
    assert outcome.untried == [f"Listener/api.{design.name}"]
    monkeypatch.undo()
    left = plan.compare(wanted(design), plan.survey(cloud))
    assert {item.kind for item in left.create} == {"LoadBalancer", "Listener"} and not left.change


def test_a_changed_configuration_changes_what_it_names_and_nothing_else(
    cloud: Cloud, design: Design, state: StateFile
) -> None:
    text = (
        f"cluster_name: {design.name}\naws:\n  zones: [us-east-2a]\n  ssh_access_cidrs: [203.0.113.0/24]\n"
        "  worker_groups: [{name: nodes, count: COUNT}]\n"
    )
    one = changed(design, text.replace("COUNT", "1"))
    raised(cloud, one, state)
    two = changed(one, text.replace("COUNT", "3").replace("203.0.113.0/24", "198.51.100.0/24"))
    found = plan.compare(wanted(two), plan.survey(cloud))
    assert {item.wanted.key: sorted(part.field for part in item.differences) for item in found.change} == {
        f"AutoScalingGroup/nodes.{design.name}": ["count", "maximum", "minimum"],
        f"SecurityGroupRules/masters.{design.name}": ["rules"],
        f"SecurityGroupRules/nodes.{design.name}": ["rules"],
    }
    raised(cloud, two, state)
    assert plan.compare(wanted(two), plan.survey(cloud)).empty
    larger = changed(two, text.replace("COUNT", "3").replace("203.0.113.0/24", "198.51.100.0/24")
                     + "  control_plane: {instance_type: t3.large}\n")  # fmt: skip
    found = plan.compare(wanted(larger), plan.survey(cloud))
    assert [(item.wanted.kind, item.fixed) for item in found.replace] == [("Instance", ("type",))]
    assert not found.change and not found.create


BOUGHT = (
    ("instance_types: [t3.medium]", []),
    ("instance_types: [t3.medium, t3a.medium]", ["instance_types none -> t3.medium,t3a.medium"]),
    ("instance_types: [t3a.medium, t3.medium], spot: true",
     ["instance_types t3.medium,t3a.medium -> t3a.medium,t3.medium  on_demand_percent 100 -> 0",
      "type t3.medium -> t3a.medium"]),
    ("instance_types: [t3a.medium, t3.medium], spot: true, on_demand_base: 1, on_demand_percent: 50",
     ["on_demand_base 0 -> 1  on_demand_percent 0 -> 50"]),
    ("instance_types: [t3.medium]",
     ["instance_types t3a.medium,t3.medium -> none", "type t3a.medium -> t3.medium"]),
)  # fmt: skip


def test_how_a_groups_machines_are_bought_changes_in_place_and_is_shown_from_what_to_what(
    cloud: Cloud, design: Design, state: StateFile
) -> None:
    for bought, shown in BOUGHT:
        text = f"cluster_name: {design.name}\naws:\n  zones: [us-east-2a]\n  worker_groups: [{{name: a, {bought}}}]\n"
        now = changed(design, text)
        found = plan.compare(wanted(now), plan.survey(cloud))
        assert not found.replace and not found.surplus
        assert sorted(preview.changes_text(item.differences) for item in found.change) == shown
        raised(cloud, now, state)
        assert plan.compare(wanted(now), plan.survey(cloud)).empty


def test_a_group_that_somebody_had_bought_another_way_is_seen(cloud: Cloud, design: Design, state: StateFile) -> None:
    spot = "{name: a, spot: true, instance_types: [t3.medium, t3a.medium]}"
    now = changed(design, f"cluster_name: {design.name}\naws:\n  zones: [us-east-2a]\n  worker_groups: [{spot}]\n")
    raised(cloud, now, state)
    name = f"a.{design.name}"
    (group,) = cloud.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name])[
        "AutoScalingGroups"]  # fmt: skip
    policy = group["MixedInstancesPolicy"]
    policy["InstancesDistribution"]["OnDemandPercentageAboveBaseCapacity"] = 100
    policy["LaunchTemplate"]["LaunchTemplateSpecification"].pop("LaunchTemplateName")
    cloud.call("autoscaling", "update_auto_scaling_group", AutoScalingGroupName=name, MixedInstancesPolicy=policy)
    (found,) = plan.compare(wanted(now), plan.survey(cloud)).change
    assert preview.changes_text(found.differences) == "on_demand_percent 100 -> 0"


def test_an_update_reserves_addresses_of_a_cluster_that_is_there_and_changes_nothing_else(
    cloud: Cloud, design: Design, state: StateFile
) -> None:
    raised(cloud, design, state)
    before = plan.survey(cloud)
    held = {key: item for key, item in before.items() if item.kind == "AddressReservation"}
    assert len(held) == 3 and apply.remove(cloud, held, state, quiet).failed == {}
    found = plan.compare(wanted(design), plan.survey(cloud))
    assert {item.key for item in found.create} == set(held) and not (found.change or found.replace or found.surplus)
    raised(cloud, design, state)
    after = plan.survey(cloud)
    assert plan.compare(wanted(design), after).empty
    assert {key: item for key, item in after.items() if key not in held} == {
        key: item for key, item in before.items() if key not in held
    }


def test_what_others_reserved_in_the_cluster_s_subnets_is_left_alone(
    cloud: Cloud, design: Design, state: StateFile
) -> None:
    raised(cloud, design, state)
    subnet = plan.survey(cloud)[f"Subnet/us-east-2a.{design.name}"].id
    theirs = {"Cidr": "10.20.32.64/28", "ReservationType": "prefix"}
    cloud.call("ec2", "create_subnet_cidr_reservation", SubnetId=subnet, **theirs)
    assert plan.compare(wanted(design), plan.survey(cloud)).empty


def test_rules_that_others_added_to_a_group_are_left_alone(cloud: Cloud, design: Design, state: StateFile) -> None:
    raised(cloud, design, state)
    group = plan.survey(cloud)[f"SecurityGroup/nodes.{design.name}"].id
    port = {"IpProtocol": "tcp", "FromPort": 30080, "ToPort": 30080,
            "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "kubernetes.io/rule/nlb/client=a0123"}]}  # fmt: skip
    cloud.call("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=[port])
    assert plan.compare(wanted(design), plan.survey(cloud)).empty


def test_a_rule_that_somebody_made_before_becomes_ours(cloud: Cloud, design: Design, state: StateFile) -> None:
    raised(cloud, design, state)
    group = plan.survey(cloud)[f"SecurityGroup/masters.{design.name}"].id
    port = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}
    cloud.call("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=[port])
    text = TEXT.replace("[203.0.113.0/24]", "[203.0.113.0/24, 198.51.100.7/24, 198.51.100.0/24, 192.0.2.0/24]")
    wider = changed(design, text)
    raised(cloud, wider, state)
    assert plan.compare(wanted(wider), plan.survey(cloud)).empty
    raised(cloud, design, state)
    rules = cloud.call("ec2", "describe_security_groups", GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    ranges = [one["CidrIp"] for rule in rules for one in rule["IpRanges"]]
    assert ranges == ["203.0.113.0/24"]


def test_two_resources_of_one_name_are_an_error_and_not_a_guess(cloud: Cloud, design: Design) -> None:
    vpc = next(item for item in wanted(design) if item.kind == "Vpc")
    only = replace(vpc, fields={"cidr": "10.20.0.0/16", "dns_hostnames": True})
    tags = [{"Key": name, "Value": value} for name, value in
            {"KubernetesCluster": design.name, "clusterbook.io/resource": only.key}.items()]  # fmt: skip
    for _ in range(2):
        cloud.call("ec2", "create_vpc", CidrBlock="10.20.0.0/16",
                   TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])  # fmt: skip
    with pytest.raises(Exception, match="two resources say that they are Vpc/"):
        plan.survey(cloud)


def test_many_groups_are_all_found_again(cloud: Cloud, design: Design, state: StateFile) -> None:
    groups = ", ".join(f"{{name: g{number}, count: 0}}" for number in range(30))
    text = f"cluster_name: {design.name}\naws:\n  zones: [us-east-2a]\n  worker_groups: [{groups}]\n"
    many = changed(design, text)
    raised(cloud, many, state)
    assert plan.compare(wanted(many), plan.survey(cloud)).empty
