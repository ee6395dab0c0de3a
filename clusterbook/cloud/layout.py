"""Where everything of a cluster is in its VPC: subnets, addresses, and how resources refer to each other."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterbook.cloud.model import Ref

# A subnet's first addresses are AWS's (four) and room for others; control planes start here.
FIRST_CONTROL_PLANE = 10
BASTION_ADDRESS = 4
# The eight addresses around the first control plane's hold all that a zone can have of them.
RESERVED_PREFIX = 29
# A /16 gives eight subnets of 8,190 hosts each; those of gateways are an eighth of one.
SUBNET_BITS = 3
# Where Debian's images have their root volume.
ROOT_DEVICE = "/dev/xvda"
# Of an existing VPC; see cloud.shared.
SHARED = "SharedVpc"


@dataclass(frozen=True)
class Design:
    """Everything that the resources of one cluster are made from. image: an AMI's id; root_device: of its root volume.

    store: its address; place: of what workers join by (cluster.joining), programs: that they start with (first_boot).
    """

    name: str
    complete: Mapping[str, Any]
    image: str
    store: str = ""
    place: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    root_device: str = ROOT_DEVICE

    @property
    def aws(self) -> Mapping[str, Any]:
        """The part `aws` of the completed cluster.yaml."""
        found: Mapping[str, Any] = self.complete["aws"]
        return found

    @property
    def private(self) -> bool:
        """Whether hosts have no public addresses."""
        return bool(self.aws["nat"] != "none")

    @property
    def vpc(self) -> Ref:
        """The VPC, ours or an existing one."""
        return Ref(f"{SHARED}/{self.aws['vpc_id']}") if "vpc_id" in self.aws else Ref(f"Vpc/{self.name}")

    @property
    def gateway(self) -> Ref:
        """The VPC's way into the internet."""
        if "vpc_id" in self.aws:
            return Ref(f"{SHARED}/{self.aws['vpc_id']}", "gateway")
        return Ref(f"InternetGateway/{self.name}")

    @property
    def api_port(self) -> int:
        """The port of the API's load balancer."""
        port: int = self.complete["api_port"]
        return port

    def group(self, part: str) -> Ref:
        """A security group: masters, nodes, api-elb or bastion."""
        return Ref(f"SecurityGroup/{part}.{self.name}")

    def subnet(self, zone: str) -> Ref:
        """Where the hosts of a zone are."""
        return Ref(f"Subnet/{zone}.{self.name}")

    def public_subnet(self, zone: str) -> Ref:
        """Where public addresses of a zone are."""
        return Ref(f"Subnet/utility-{zone}.{self.name}") if self.private else self.subnet(zone)


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


def reserved(design: Design) -> dict[str, tuple[Ref, str]]:
    """name -> (subnet, range): what AWS shall give to nobody by itself, since hosts have their address there for good.

    In zones without a control plane, too: one may come.
    """
    ranges = {f"{zone}.{design.name}": (design.subnet(zone), str(_around(part[FIRST_CONTROL_PLANE])))
              for zone, part in subnets(design).items()}  # fmt: skip
    if "bastion" in design.aws:
        zone = design.aws["zones"][0]
        ranges[f"bastion.{design.name}"] = (design.public_subnet(zone), f"{bastion_address(design)}/32")
    return ranges


def bastion_address(design: Design) -> str:
    """The bastion's private address, in the public subnet of the first zone."""
    return str((utility_subnets(design) or subnets(design))[design.aws["zones"][0]][BASTION_ADDRESS])


def subnets(design: Design) -> dict[str, ipaddress.IPv4Network]:
    """zone -> its part of the VPC. The first part is for utility_subnets."""
    return dict(zip(design.aws["zones"], _parts(design.aws["vpc_cidr"])[1:], strict=False))


def utility_subnets(design: Design) -> dict[str, ipaddress.IPv4Network]:
    """zone -> where gateways, balancers and the bastion are when hosts are private; none otherwise."""
    if not design.private:
        return {}
    return dict(zip(design.aws["zones"], _parts(str(_parts(design.aws["vpc_cidr"])[0])), strict=False))


def _around(address: ipaddress.IPv4Address) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network((address, RESERVED_PREFIX), strict=False)


def _parts(network: str) -> list[ipaddress.IPv4Network]:
    return list(ipaddress.IPv4Network(network).subnets(prefixlen_diff=SUBNET_BITS))
