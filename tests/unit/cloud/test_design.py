"""What a configuration means in resources: names, addresses, who may talk to whom."""

from __future__ import annotations

import ipaddress

from clusterbook.cloud import policies
from clusterbook.cloud.design import wanted
from clusterbook.cloud.kinds import KINDS
from clusterbook.cloud.layout import Design, control_planes
from clusterbook.cloud.model import Ref
from clusterbook.cluster import spec

NAME = "demo.k8s.local"
TEXT = f"cluster_name: {NAME}\naws:\n  zones: [us-east-2a, us-east-2b]\n"


def design(text: str = TEXT) -> Design:
    return Design(NAME, spec.parse(text, "cluster.yaml").complete, "ami-0123456789abcdef0")


def test_every_resource_is_of_a_known_kind_and_needs_only_what_is_there() -> None:
    found = wanted(design())
    keys = {item.key for item in found}
    assert len(keys) == len(found)
    assert {item.kind for item in found} <= set(KINDS)
    assert all(item.needs <= keys for item in found)


def test_control_planes_take_turns_over_the_zones_with_addresses_that_stay() -> None:
    names = control_planes(design(TEXT + "  control_plane: {count: 3}\n"))
    assert names == [
        (f"master-us-east-2a.masters.{NAME}", "us-east-2a", "10.20.32.10"),
        (f"master-us-east-2b.masters.{NAME}", "us-east-2b", "10.20.64.10"),
        (f"master-us-east-2a-2.masters.{NAME}", "us-east-2a", "10.20.32.11"),
    ]


def test_addresses_that_hosts_have_for_good_are_reserved_in_every_zone() -> None:
    found = wanted(design(TEXT + "  control_plane: {count: 3}\n"))
    held = {one.fields["subnet"].key: ipaddress.ip_network(one.fields["cidr"]) for one in found
            if one.kind == "AddressReservation"}  # fmt: skip
    assert {key: str(part) for key, part in held.items()} == {
        f"Subnet/us-east-2a.{NAME}": "10.20.32.8/29", f"Subnet/us-east-2b.{NAME}": "10.20.64.8/29"
    }  # fmt: skip
    machines = [one.fields for one in found if one.kind == "Instance"]
    assert all(ipaddress.ip_address(one["address"]) in held[one["subnet"].key] for one in machines)


def test_all_control_planes_that_one_zone_can_have_are_in_what_is_reserved_of_the_smallest_subnet() -> None:
    text = f"cluster_name: {NAME}\naws:\n  zones: [us-east-2a]\n  vpc_cidr: 10.20.0.0/22\n"
    addresses = [address for *_, address in control_planes(design(text + "  control_plane: {count: 5}\n"))]
    (part,) = [one.fields["cidr"] for one in wanted(design(text)) if one.kind == "AddressReservation"]
    assert all(ipaddress.ip_address(address) in ipaddress.ip_network(part) for address in addresses)


def test_the_bastion_s_address_is_reserved_in_the_subnet_that_it_is_in() -> None:
    access = "  bastion: {}\n  ssh_access_cidrs: [203.0.113.0/24]\n"
    places = {"": ("us-east-2a", "10.20.32.4"), "  nat: one\n": ("utility-us-east-2a", "10.20.0.4")}
    for more, (subnet, address) in places.items():
        found = {one.key: one.fields for one in wanted(design(TEXT + access + more))}
        held = found[f"AddressReservation/bastion.{NAME}"]
        assert (held["subnet"].key, held["cidr"]) == (f"Subnet/{subnet}.{NAME}", f"{address}/32")
        assert found[f"Instance/bastion.{NAME}"]["address"] == address


def test_what_aws_gives_addresses_to_is_made_after_the_reservations() -> None:
    found = wanted(design(TEXT + "  nat: one\n"))
    held = {one.key for one in found if one.kind == "AddressReservation"}
    given = [one for one in found if one.kind in ("AutoScalingGroup", "LoadBalancer", "NatGateway")]
    assert len(given) == 3 and all(held <= one.needs for one in given)


def test_nothing_is_open_to_the_world_unless_it_is_asked_for() -> None:
    rules = [rule for item in wanted(design()) if item.kind == "SecurityGroupRules" for rule in item.fields["rules"]]
    assert all(isinstance(rule[3], Ref) for rule in rules)
    assert not any(rule[1] == 22 for rule in rules)


def test_the_load_balancer_admits_hosts_of_the_cluster_by_their_groups_and_people_by_their_addresses() -> None:
    more = "  bastion: {}\n  ssh_access_cidrs: [203.0.113.0/24]\n  api_access_cidrs: [198.51.100.0/24]\n"
    for text, others in ((TEXT, []), (TEXT + more, [design().group("bastion"), "198.51.100.0/24"])):
        (found,) = [one for one in wanted(design(text)) if one.key == f"SecurityGroupRules/api-elb.{NAME}"]
        senders = [design().group("masters"), design().group("nodes"), *others]
        assert found.fields["rules"] == [("tcp", 6443, 6443, sender) for sender in senders]


def test_control_planes_are_reached_by_who_measures_them_and_by_agents_that_send_lines() -> None:
    def admitted(text: str) -> set[tuple[int, str]]:
        (found,) = [one for one in wanted(design(text)) if one.key == f"SecurityGroupRules/masters.{NAME}"]
        groups = {design().group(part): part for part in ("masters", "nodes")}
        return {(rule[1], groups[rule[3]]) for rule in found.fields["rules"] if rule[3] in groups}

    plain, logging = admitted(TEXT), admitted(f"logging_agent: rsyslog\n{TEXT}")
    assert {(10250, "masters"), (10250, "nodes")} <= plain
    assert logging - plain == {(6514, "masters"), (6514, "nodes")}
    assert not {(port, "nodes") for port in (22, 2379, 2380)} & logging


def test_spot_workers_have_several_types_and_a_scaler_keeps_its_count() -> None:
    group = "  worker_groups: [{name: cheap, count: 2, minimum: 1, maximum: 5, spot: true, " \
            "instance_types: [t3.large, t3a.large]}]\n"  # fmt: skip
    (found,) = [item for item in wanted(design(TEXT + group)) if item.kind == "AutoScalingGroup"]
    assert found.fields["instance_types"] == "t3.large,t3a.large" and found.fields["on_demand_percent"] == 0
    assert found.fields["initial_count"] == 2 and "count" not in found.fields


def test_hosts_may_change_only_what_carries_the_clusters_tag() -> None:
    document = policies.control_plane(NAME)
    for statement in document["Statement"]:
        changing = [action for action in statement["Action"]
                    if not action.split(":")[1].startswith(("Describe", "Get", "Batch"))]  # fmt: skip
        if changing and statement["Resource"] == "*":
            tags = [name for name in statement["Condition"]["StringEquals"] if name.startswith("aws:")]
            assert all(name.endswith(f"Tag/kubernetes.io/cluster/{NAME}") for name in tags) and tags
    reads = [action for statement in policies.node(NAME)["Statement"] for action in statement["Action"]]
    assert all(action.split(":")[1].startswith(("Describe", "Get", "Batch")) for action in reads)
