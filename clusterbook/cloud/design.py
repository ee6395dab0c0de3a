"""cluster.yaml -> the resources that it means. Pure: nothing is asked or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.cloud import policies
from clusterbook.cloud.first_boot import user_data
from clusterbook.cloud.kinds.compute import bare_key
from clusterbook.cloud.layout import Design, bastion_address, control_planes
from clusterbook.cloud.model import Ref, Wanted
from clusterbook.cloud.networking import names, network, reservation_keys, security

ROLE_TAG = "clusterbook.io/role"
GROUP_TAG = "clusterbook.io/group"
HOST_TAG = "clusterbook.io/host"


def wanted(design: Design) -> tuple[Wanted, ...]:
    """All resources of a cluster, in no special order: what needs what is in their Refs."""
    return (
        *network(design),
        *security(design),
        *names(design),
        *_identity(design),
        *_balancer(design),
        *_control_planes(design),
        *_bastion(design),
        *_workers(design),
    )


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
    internal = design.aws["api_scheme"] == "internal"
    places = [design.subnet(zone) if internal else design.public_subnet(zone) for zone in design.aws["zones"]]
    target, balancer = Ref(f"TargetGroup/{name}"), Ref(f"LoadBalancer/{name}")
    instances = [Ref(f"Instance/{host}") for host, _, _ in control_planes(design)]
    way = frozenset[str]() if internal else {design.gateway.key}
    yield Wanted("LoadBalancer", name, {
        "subnets": places, "scheme": design.aws["api_scheme"], "groups": [design.group("api-elb")],
    }, after=reservation_keys(design) | way)  # fmt: skip
    # A control plane that asks the balancer and is sent to itself would see its own address as the sender.
    yield Wanted("TargetGroup", name, {
        "vpc": design.vpc, "port": design.complete["api_server_port"], "health_path": "/readyz",
        "client_address": False,
    })  # fmt: skip
    yield Wanted("Listener", name, {"balancer": balancer, "port": design.api_port, "target": target})
    yield Wanted("TargetRegistration", name, {"target": target, "instances": instances})


def _control_planes(design: Design) -> Iterator[Wanted]:
    machine = design.aws["control_plane"]
    for name, zone, address in control_planes(design):
        fields = {
            **_machine(design, "masters"), "type": machine["instance_type"], "subnet": design.subnet(zone),
            "address": address, "initial_public": not design.private, **_disk(design, machine),
        }  # fmt: skip
        host = name.partition(".")[0]
        yield Wanted("Instance", name, fields, {ROLE_TAG: "control_plane", GROUP_TAG: "masters", HOST_TAG: host})


def _bastion(design: Design) -> Iterator[Wanted]:
    """The one host that people reach by ssh; it may do nothing in AWS."""
    if "bastion" not in design.aws:
        return
    machine, zone = design.aws["bastion"], design.aws["zones"][0]
    fields = {
        **_machine(design, "bastion"), "profile": "", "type": machine["instance_type"],
        "subnet": design.public_subnet(zone), "address": bastion_address(design), "initial_public": True,
        **_disk(design, machine),
    }  # fmt: skip
    yield Wanted("Instance", f"bastion.{design.name}", fields, {ROLE_TAG: "bastion", HOST_TAG: "bastion"})


def _workers(design: Design) -> Iterator[Wanted]:
    for group in design.aws["worker_groups"]:
        name = f"{group['name']}.{design.name}"
        tags = {**_every_tag(design), "Name": name, ROLE_TAG: "worker", GROUP_TAG: group["name"]}
        yield Wanted("LaunchTemplate", name, {
            **_machine(design, "nodes"), "type": group["instance_types"][0], "volume_gib": group["volume_gib"],
            "root_device": design.root_device, "public": not design.private, "instance_tags": tags,
            "user_data": user_data(design.name, group["name"], design.place, design.programs) if design.place else "",
        })  # fmt: skip
        count = "count" if group["minimum"] == group["maximum"] else "initial_count"
        yield Wanted("AutoScalingGroup", name, {
            "template": Ref(f"LaunchTemplate/{name}"), "minimum": group["minimum"], "maximum": group["maximum"],
            count: group["count"], **_bought(group), "subnets": [design.subnet(zone) for zone in group["zones"]],
        }, after=reservation_keys(design))  # fmt: skip


def _bought(group: Mapping[str, Any]) -> dict[str, Any]:
    """How a group's machines are bought. One type on demand is the launch template's own."""
    if not group["spot"] and len(group["instance_types"]) == 1:
        return {"instance_types": ""}
    base, percent = (group["on_demand_base"], group["on_demand_percent"]) if group["spot"] else (0, 100)
    return {"instance_types": ",".join(group["instance_types"]), "on_demand_base": base, "on_demand_percent": percent}


def _joined(design: Design) -> str:
    """The store's address where workers join by themselves."""
    return design.store if design.place else ""


def _machine(design: Design, part: str) -> dict[str, Any]:
    key = Ref(f"KeyPair/{design.name}", "name") if "ssh_public_key" in design.aws else ""
    return {
        "image": design.image, "key": key, "profile": Ref(f"InstanceProfile/{part}.{design.name}"),
        "groups": [design.group(part)],
    }  # fmt: skip


def _disk(design: Design, machine: Mapping[str, Any]) -> dict[str, Any]:
    return {"initial_volume_gib": machine["volume_gib"], "initial_root_device": design.root_device}


def _every_tag(design: Design) -> dict[str, str]:
    return {
        **design.aws["tags"], "KubernetesCluster": design.name, f"kubernetes.io/cluster/{design.name}": "owned"
    }  # fmt: skip
