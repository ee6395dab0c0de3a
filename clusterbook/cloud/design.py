"""cluster.yaml -> the resources that it means. Pure: nothing is asked or changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterbook.cloud import policies
from clusterbook.cloud.first_boot import user_data
from clusterbook.cloud.kinds.compute import bare_key
from clusterbook.cloud.model import Ref, Wanted

ROLE_TAG = "clusterbook.io/role"
GROUP_TAG = "clusterbook.io/group"
HOST_TAG = "clusterbook.io/host"
EVERYWHERE = "0.0.0.0/0"
# A subnet's first addresses are AWS's (four) and room for others; control planes start here.
FIRST_CONTROL_PLANE = 10
# A /16 gives eight subnets of 8,190 hosts each.
SUBNET_BITS = 3


@dataclass(frozen=True)
class Design:
    """Everything that the resources of one cluster are made from. image: an AMI's id.

    store: its address; place: of what workers join by (cluster.joining), programs: that they start with (first_boot).
    """

    name: str
    complete: Mapping[str, Any]
    image: str
    store: str = ""
    place: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)

    @property
    def aws(self) -> Mapping[str, Any]:
        """The part `aws` of the completed cluster.yaml."""
        found: Mapping[str, Any] = self.complete["aws"]
        return found


def wanted(design: Design) -> tuple[Wanted, ...]:
    """All resources of a cluster, in no special order: what needs what is in their Refs."""
    return (
        *_network(design),
        *_security(design),
        *_identity(design),
        *_balancer(design),
        *_control_planes(design),
        *_workers(design),
    )


def control_planes(design: Design) -> list[tuple[str, str, str]]:
    """(name, zone, private address) of each control plane; zones take turns."""
    zones, networks = design.aws["zones"], subnets(design)
    found = []
    for number in range(design.aws["control_plane"]["count"]):
        zone = zones[number % len(zones)]
        turn = number // len(zones)
        name = f"master-{zone}{f'-{turn + 1}' if turn else ''}.masters.{design.name}"
        found.append((name, zone, str(networks[zone][FIRST_CONTROL_PLANE + turn])))
    return found


def subnets(design: Design) -> dict[str, ipaddress.IPv4Network]:
    """zone -> its part of the VPC. The first part stays free, so that ranges of later kinds have a place."""
    network = ipaddress.IPv4Network(design.aws["vpc_cidr"])
    parts = list(network.subnets(prefixlen_diff=SUBNET_BITS))
    return dict(zip(design.aws["zones"], parts[1:], strict=False))


def _network(design: Design) -> Iterator[Wanted]:
    name, vpc = design.name, Ref(f"Vpc/{design.name}")
    shared = {f"kubernetes.io/cluster/{name}": "owned", "kubernetes.io/role/elb": "1"}
    yield Wanted("Vpc", name, {"cidr": design.aws["vpc_cidr"], "dns_hostnames": True})
    yield Wanted("InternetGateway", name, {"vpc": vpc})
    for zone, network in subnets(design).items():
        fields = {"vpc": vpc, "cidr": str(network), "zone": zone, "public": True}
        yield Wanted("Subnet", f"{zone}.{name}", fields, shared)
    places = [_subnet(design, zone) for zone in design.aws["zones"]]
    yield Wanted(
        "RouteTable", name, {"vpc": vpc, "gateway": Ref(f"InternetGateway/{name}"), "subnets": places}
    )


def _security(design: Design) -> Iterator[Wanted]:
    """Who may talk to whom is said by group; addresses stand only for people outside."""
    name, aws = design.name, design.aws
    masters, nodes, balancer = (_group(design, part) for part in ("masters", "nodes", "api-elb"))
    descriptions = {"masters": "control planes", "nodes": "workers", "api-elb": "load balancer of the API"}
    for part, description in descriptions.items():
        fields = {"vpc": Ref(f"Vpc/{name}"), "description": f"{description} of {name}"}
        yield Wanted("SecurityGroup", f"{part}.{name}", fields)
    port = design.complete["api_server_port"]
    ssh: list[Any] = [("tcp", 22, 22, cidr) for cidr in aws["ssh_access_cidrs"]]
    between = [("udp", 8472, 8472, source) for source in (masters, nodes)]
    rules: dict[str, list[Any]] = {
        "masters": [
            *ssh, *between, *(("tcp", port, port, source) for source in (masters, nodes, balancer)),
            ("tcp", 2379, 2380, masters), ("tcp", 10250, 10250, masters), ("icmp", -1, -1, nodes),
        ],
        "nodes": [*ssh, ("-1", -1, -1, masters), ("-1", -1, -1, nodes)],
        "api-elb": [("tcp", _api_port(design), _api_port(design), cidr)
                    for cidr in (aws["vpc_cidr"], *aws["api_access_cidrs"])],
    }  # fmt: skip
    for part, found in rules.items():
        yield Wanted("SecurityGroupRules", f"{part}.{name}", {"group": _group(design, part), "rules": found})


def _identity(design: Design) -> Iterator[Wanted]:
    name = design.name
    if "ssh_public_key" in design.aws:
        yield Wanted("KeyPair", name, {"public_key": bare_key(design.aws["ssh_public_key"])})
    store = _joined(design)
    masters = policies.control_plane(name, store, design.aws["addons"])
    documents = {"masters": masters, "nodes": policies.node(name, store)}
    for part, policy in documents.items():
        yield Wanted("Role", f"{part}.{name}", {"trust": policies.TRUST_EC2, "policy": policy})
        yield Wanted("InstanceProfile", f"{part}.{name}", {"role": Ref(f"Role/{part}.{name}")})


def _balancer(design: Design) -> Iterator[Wanted]:
    name = f"api.{design.name}"
    places = [_subnet(design, zone) for zone in design.aws["zones"]]
    target, balancer = Ref(f"TargetGroup/{name}"), Ref(f"LoadBalancer/{name}")
    instances = [Ref(f"Instance/{host}") for host, _, _ in control_planes(design)]
    yield Wanted("LoadBalancer", name, {
        "subnets": places, "scheme": design.aws["api_scheme"], "groups": [_group(design, "api-elb")]
    })  # fmt: skip
    # A control plane that asks the balancer and is sent to itself would see its own address as the sender.
    yield Wanted("TargetGroup", name, {
        "vpc": Ref(f"Vpc/{design.name}"), "port": design.complete["api_server_port"], "health_path": "/readyz",
        "client_address": False,
    })  # fmt: skip
    yield Wanted("Listener", name, {"balancer": balancer, "port": _api_port(design), "target": target})
    yield Wanted("TargetRegistration", name, {"target": target, "instances": instances})


def _control_planes(design: Design) -> Iterator[Wanted]:
    machine = design.aws["control_plane"]
    for name, zone, address in control_planes(design):
        fields = {
            **_machine(design, "masters"), "type": machine["instance_type"], "subnet": _subnet(design, zone),
            "address": address, "initial_public": True, "initial_volume_gib": machine["volume_gib"],
        }  # fmt: skip
        host = name.partition(".")[0]
        yield Wanted("Instance", name, fields, {ROLE_TAG: "control_plane", GROUP_TAG: "masters", HOST_TAG: host})


def _workers(design: Design) -> Iterator[Wanted]:
    for group in design.aws["worker_groups"]:
        name = f"{group['name']}.{design.name}"
        tags = {**_every_tag(design), "Name": name, ROLE_TAG: "worker", GROUP_TAG: group["name"]}
        yield Wanted("LaunchTemplate", name, {
            **_machine(design, "nodes"), "type": group["instance_types"][0], "volume_gib": group["volume_gib"],
            "public": True, "instance_tags": tags,
            "user_data": user_data(design.name, group["name"], design.place, design.programs) if design.place else "",
        })  # fmt: skip
        count = "count" if group["minimum"] == group["maximum"] else "initial_count"
        yield Wanted("AutoScalingGroup", name, {
            "template": Ref(f"LaunchTemplate/{name}"), "minimum": group["minimum"], "maximum": group["maximum"],
            count: group["count"], "instance_types": group["instance_types"] if group["spot"] else [],
            "subnets": [_subnet(design, zone) for zone in group["zones"]],
        })  # fmt: skip


def _joined(design: Design) -> str:
    """The store's address where workers join by themselves."""
    return design.store if design.place else ""


def _machine(design: Design, part: str) -> dict[str, Any]:
    key = Ref(f"KeyPair/{design.name}", "name") if "ssh_public_key" in design.aws else ""
    return {
        "image": design.image, "key": key, "profile": Ref(f"InstanceProfile/{part}.{design.name}"),
        "groups": [_group(design, part)],
    }  # fmt: skip


def _every_tag(design: Design) -> dict[str, str]:
    return {
        **design.aws["tags"], "KubernetesCluster": design.name, f"kubernetes.io/cluster/{design.name}": "owned"
    }  # fmt: skip


def _api_port(design: Design) -> int:
    port: int = design.complete["api_port"]
    return port


def _group(design: Design, part: str) -> Ref:
    return Ref(f"SecurityGroup/{part}.{design.name}")


def _subnet(design: Design, zone: str) -> Ref:
    return Ref(f"Subnet/{zone}.{design.name}")
