"""What a lab is: its hosts, its network and the ports of the services on the lab machine."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from pathlib import Path

from clusterbook.errors import InvalidInput
from clusterbook.records import dataclass

IMAGES = ("debian-12", "debian-13")
DEFAULT_IMAGE = "debian-12"
DEFAULT_NETWORK = "10.77.0.0/24"
# A name becomes a host name, a machine name, a namespace and part of a bridge's name (15 characters at most).
_LAB_NAME = re.compile(r"^[a-z][a-z0-9-]{0,11}$")
_HOST_NAME = re.compile(r"^[a-z][a-z0-9-]{0,30}$")
STATE = Path("/var/lib/clusterbook/lab")


@dataclass(frozen=True)
class LabHost:
    """One host of a lab. address: IPv4 inside the lab's network; image: one of IMAGES."""

    name: str
    address: str
    image: str = DEFAULT_IMAGE


@dataclass(frozen=True)
class LabSpec:
    """One lab. Several of them live side by side when their names and networks differ.

    hand: the address from which the lab itself logs in to its hosts, where it is not the gateway as people's.
    resolver: the name server of hosts, where it is not the machine's own.
    """

    name: str
    hosts: tuple[LabHost, ...]
    network: str = DEFAULT_NETWORK
    files_port: int = 8080
    registry_port: int = 5000
    apt_port: int = 3142
    hand: str = ""
    resolver: str = ""

    @property
    def bridge(self) -> str:
        """The bridge's name on the machine, within the kernel's 15 characters."""
        return f"cb-{self.name}"

    @property
    def gateway(self) -> str:
        """The machine's own address in the lab: the first one of the network."""
        return str(ipaddress.ip_network(self.network)[1])

    @property
    def prefix_length(self) -> int:
        """Length of the network's mask in bits."""
        return ipaddress.ip_network(self.network).prefixlen

    @property
    def directory(self) -> Path:
        """Where this lab's hosts, keys and records live; for root only."""
        return STATE / self.name

    def host(self, name: str) -> LabHost:
        """The host of that name. Raises InvalidInput with the names that exist."""
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise InvalidInput(f"the lab {self.name} has no host {name}", next_step=f"Name one of: {known}.")

    def with_hosts(self, *hosts: LabHost) -> LabSpec:
        """The same lab with more hosts."""
        return replace(self, hosts=(*self.hosts, *hosts))


def check(spec: LabSpec) -> LabSpec:
    """The spec itself when it can be built. Raises InvalidInput that names what is wrong."""
    if not _LAB_NAME.match(spec.name):
        raise InvalidInput(
            f"{spec.name!r} cannot be the name of a lab",
            next_step="Use up to 12 small letters, digits and dashes, beginning with a letter.",
        )
    _check_network(spec)
    for host in spec.hosts:
        _check_host(spec, host)
    _check_twice(spec)
    return spec


def _check_network(spec: LabSpec) -> None:
    """Refuse what is not a private IPv4 network with room for the gateway and the hosts."""
    try:
        network = ipaddress.ip_network(spec.network)
    except ValueError as error:
        raise InvalidInput(f"{spec.network!r} is not a network: {error}",
                           next_step=f"Write it like {DEFAULT_NETWORK}.") from error  # fmt: skip
    if network.version != 4 or not network.is_private or not 16 <= network.prefixlen <= 29:
        raise InvalidInput(
            f"{spec.network} cannot be a lab's network",
            next_step="Use a private IPv4 network between /16 and /29, such as 10.78.0.0/24.",
        )


def _check_host(spec: LabSpec, host: LabHost) -> None:
    """Refuse a host whose name, image or address cannot be had."""
    if not _HOST_NAME.match(host.name):
        raise InvalidInput(
            f"{host.name!r} cannot be the name of a host",
            next_step="Use up to 31 small letters, digits and dashes, beginning with a letter.",
        )
    if host.image not in IMAGES:
        raise InvalidInput(
            f"the host {host.name} asks for the image {host.image!r}",
            next_step=f"Set lab_image to one of: {', '.join(IMAGES)}.",
        )
    network = ipaddress.ip_network(spec.network)
    taken = [ipaddress.ip_address(spec.hand)] if spec.hand else []
    reserved = (network.network_address, network.broadcast_address, network[1], *taken)
    try:
        address = ipaddress.ip_address(host.address)
    except ValueError:
        address = None
    if address is None or address not in network or address in reserved:
        raise InvalidInput(
            f"the address {host.address!r} of {host.name} is not free in {spec.network}",
            next_step=f"Choose one from {network[2]} to {network[-2]}.",
        )


def _check_twice(spec: LabSpec) -> None:
    """Refuse two hosts with one name or one address."""
    for noun, values in (
        ("name", [host.name for host in spec.hosts]),
        ("address", [host.address for host in spec.hosts]),
    ):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise InvalidInput(f"two hosts have the same {noun} {', '.join(twice)}",
                               next_step=f"Give each host its own {noun}.")  # fmt: skip
