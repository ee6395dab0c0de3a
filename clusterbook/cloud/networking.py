"""The network of a cluster: subnets, ways into the internet, who may talk to whom, names inside."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from clusterbook.cloud.layout import Design, control_planes, reserved, subnets, utility_subnets
from clusterbook.cloud.model import Ref, Wanted, owner_tag
from clusterbook.cluster.spec_aws import INTERNAL_API

PUBLIC, INTERNAL = "kubernetes.io/role/elb", "kubernetes.io/role/internal-elb"
# As inventory/group_vars/all.yml has it.
LOGGING_PORT = 6514


def network(design: Design) -> Iterator[Wanted]:
    """The VPC unless it is an existing one, a subnet for each zone with what is reserved in it, route tables."""
    name, zones = design.name, design.aws["zones"]
    if "vpc_id" not in design.aws:
        yield Wanted("Vpc", name, {"cidr": design.aws["vpc_cidr"], "dns_hostnames": True})
        yield Wanted("InternetGateway", name, {"vpc": design.vpc})
    for zone, part in subnets(design).items():
        yield _subnet(design, f"{zone}.{name}", zone, str(part), not design.private)
    for zone, part in utility_subnets(design).items():
        yield _subnet(design, f"utility-{zone}.{name}", zone, str(part), True)
    for place, (subnet, addresses) in reserved(design).items():
        yield Wanted("AddressReservation", place, {"subnet": subnet, "cidr": addresses})
    places = [design.public_subnet(zone) for zone in zones]
    yield Wanted("RouteTable", name, {"vpc": design.vpc, "gateway": design.gateway, "subnets": places})
    if design.private:
        yield from _translation(design)


def reservation_keys(design: Design) -> frozenset[str]:
    """What must be there before that to which AWS gives addresses of the subnets."""
    return frozenset(f"AddressReservation/{place}" for place in reserved(design))


def _subnet(design: Design, name: str, zone: str, part: str, public: bool) -> Wanted:
    shared = {owner_tag(design.name): "owned", PUBLIC if public else INTERNAL: "1"}
    return Wanted("Subnet", name, {"vpc": design.vpc, "cidr": part, "zone": zone, "public": public}, shared)


def _translation(design: Design) -> Iterator[Wanted]:
    """NAT gateways: one for all zones, or one in each, so that a lost zone cuts off nobody else."""
    zones = design.aws["zones"]
    served = {zone: [zone] for zone in zones} if design.aws["nat"] == "each_zone" else {zones[0]: zones}
    for zone, others in served.items():
        name = f"{zone}.{design.name}"
        fields = {"subnet": design.public_subnet(zone), "address": Ref(f"ElasticAddress/nat-{name}")}
        yield Wanted("ElasticAddress", f"nat-{name}")
        yield Wanted("NatGateway", name, fields, after=reservation_keys(design) | {design.gateway.key})
        places = [design.subnet(other) for other in others]
        yield Wanted("RouteTable", f"private-{name}", {
            "vpc": design.vpc, "gateway": Ref(f"NatGateway/{name}"), "subnets": places
        })  # fmt: skip


def security(design: Design) -> Iterator[Wanted]:
    """Who may talk to whom is said by group; addresses stand only for people outside."""
    name = design.name
    descriptions = {"masters": "control planes", "nodes": "workers", "api-elb": "load balancer of the API"}
    if "bastion" in design.aws:
        descriptions["bastion"] = "bastion"
    for part, description in descriptions.items():
        yield Wanted("SecurityGroup", f"{part}.{name}", {"vpc": design.vpc, "description": f"{description} of {name}"})
    for part, rules in _rules(design).items():
        yield Wanted("SecurityGroupRules", f"{part}.{name}", {"group": design.group(part), "rules": rules})


def _rules(design: Design) -> dict[str, list[Any]]:
    aws, port, inside = design.aws, design.complete["api_server_port"], "bastion" in design.aws
    masters, nodes, balancer = (design.group(part) for part in ("masters", "nodes", "api-elb"))
    hosts = [masters, nodes, *([design.group("bastion")] if inside else [])]
    people: list[Any] = [("tcp", 22, 22, cidr) for cidr in _ranges(aws["ssh_access_cidrs"])]
    ssh: list[Any] = [("tcp", 22, 22, design.group("bastion"))] if inside else people
    between = [("udp", 8472, 8472, source) for source in (masters, nodes)]
    # metrics-server and Prometheus may be on any node, and ask every kubelet.
    between += [("tcp", 10250, 10250, source) for source in (masters, nodes)]
    if design.complete["logging_agent"] != "none":  # the first control plane keeps lines, unless another host is named
        between += [("tcp", LOGGING_PORT, LOGGING_PORT, source) for source in (masters, nodes)]
    rules: dict[str, list[Any]] = {
        "masters": [
            *ssh, *between, *(("tcp", port, port, source) for source in (masters, nodes, balancer)),
            ("tcp", 2379, 2380, masters), ("icmp", -1, -1, nodes),
        ],
        "nodes": [*ssh, ("-1", -1, -1, masters), ("-1", -1, -1, nodes)],
        "api-elb": [("tcp", design.api_port, design.api_port, source)
                    for source in (*hosts, *_ranges(aws["api_access_cidrs"]))],
    }  # fmt: skip
    return {**rules, "bastion": people} if inside else rules


def _ranges(written: Sequence[str]) -> list[str]:
    """As EC2 keeps them, from the first address on: 203.0.113.7/24 is 203.0.113.0/24."""
    return list(dict.fromkeys(str(ipaddress.ip_network(one, strict=False)) for one in written))


def names(design: Design) -> Iterator[Wanted]:
    """The private zone, in which the API's name leads to the control planes themselves."""
    if "private_zone" in design.aws:
        zone = design.aws["private_zone"]
        records = [(f"{INTERNAL_API}.{zone}", address) for _, _, address in control_planes(design)]
        yield Wanted("PrivateZone", zone, {"vpc": design.vpc, "records": records})
