"""Who reaches a load balancer of the lab is whom AWS would let in."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.lab.ec2.admission import refused, ssh_sources

WORKER = {"PrivateIpAddress": "10.20.40.7", "PublicIpAddress": "198.51.100.7",
          "NetworkInterfaces": [{"Groups": [{"GroupId": "sg-nodes"}]}]}  # fmt: skip
HIDDEN = {"PrivateIpAddress": "10.20.40.8", "NetworkInterfaces": [{"Groups": [{"GroupId": "sg-nodes"}]}]}
BOTH = frozenset({"10.20.40.7", "10.20.40.8"})


def left_out(scheme: str, source: str, port: int = 6443) -> frozenset[str]:
    pair = {"UserIdGroupPairs": [{"GroupId": source}]} if source.startswith("sg-") else {}
    ranges = {} if pair else {"IpRanges": [{"CidrIp": source}]}
    rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 6443, "ToPort": 6443, **pair, **ranges}
    balancer = {"Scheme": scheme, "SecurityGroups": ["sg-api"]}
    return refused(balancer, port, [WORKER, HIDDEN], {"sg-api": [rule]})


@pytest.mark.parametrize(("scheme", "source", "outside"), [
    ("internet-facing", "10.20.0.0/16", BOTH),
    ("internet-facing", "sg-nodes", BOTH),
    ("internet-facing", "198.51.100.0/24", frozenset({"10.20.40.8"})),
    ("internet-facing", "0.0.0.0/0", frozenset()),
    ("internal", "10.20.0.0/16", frozenset()),
    ("internal", "sg-nodes", frozenset()),
    ("internal", "198.51.100.0/24", BOTH),
    ("internal", "sg-other", BOTH),
])  # fmt: skip
def test_a_public_balancer_sees_public_addresses_and_an_internal_one_private_ones(
    scheme: str, source: str, outside: frozenset[str]
) -> None:
    assert left_out(scheme, source) == outside


def test_a_rule_for_another_port_admits_nobody() -> None:
    assert left_out("internal", "10.20.0.0/16", port=80) == BOTH


def test_a_balancer_without_groups_admits_everybody() -> None:
    assert refused({"Scheme": "internet-facing"}, 80, [WORKER], {}) == frozenset()


def test_a_balancer_that_was_made_without_a_scheme_is_a_public_one() -> None:
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.20.0.0/16"}]}
    assert refused({"SecurityGroups": ["sg-api"]}, 80, [WORKER], {"sg-api": [rule]}) == {"10.20.40.7"}
    assert refused({"SecurityGroups": []}, 80, [WORKER], {}) == frozenset()


def host(number: int, group: str) -> dict[str, Any]:
    return {"PrivateIpAddress": f"10.20.40.{number}", "NetworkInterfaces": [{"Groups": [{"GroupId": group}]}]}


def rule(port: int, *ranges: str, groups: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": one} for one in ranges],
            "UserIdGroupPairs": [{"GroupId": one} for one in groups]}  # fmt: skip


def everything(group: str) -> dict[str, Any]:
    return {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}


BASTION, MASTER, NODE = host(4, "sg-bastion"), host(10, "sg-masters"), host(11, "sg-nodes")
BEHIND = {
    "sg-bastion": [rule(22, "203.0.113.0/24")],
    "sg-masters": [rule(22, groups=("sg-bastion",)), rule(6443, "0.0.0.0/0")],
    "sg-nodes": [rule(22, groups=("sg-bastion",)), everything("sg-masters")],
}


@pytest.mark.parametrize(("item", "sources"), [
    (BASTION, ("203.0.113.0/24",)),
    (MASTER, ("10.20.40.4/32",)),
    (NODE, ("10.20.40.10/32", "10.20.40.4/32")),
])  # fmt: skip
def test_ssh_comes_from_where_a_hosts_groups_say(item: dict[str, Any], sources: tuple[str, ...]) -> None:
    assert ssh_sources(item, [BASTION, MASTER, NODE], BEHIND) == sources


def test_a_cluster_that_says_nothing_of_ssh_stays_open_to_this_machine() -> None:
    assert ssh_sources(NODE, [NODE], {"sg-nodes": [rule(6443, "10.20.0.0/16"), everything("sg-nodes")]}) is None
