"""A lab's bridge and masquerading on the machine, and one network namespace for each host."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import zlib
from pathlib import Path

from clusterbook.errors import Failed
from clusterbook.lab.command import run, succeeds
from clusterbook.lab.spec import LabSpec

NAMESPACES = Path("/run/netns")


def namespace(lab: str, host: str) -> str:
    """Name of a host's network namespace, as `ip netns` shows it."""
    return f"{lab}-{host}"


def table(lab: str) -> str:
    """Name of the nftables table that is the lab's own."""
    return f"clusterbook_{lab.replace('-', '_')}"


def interface(lab: str, host: str) -> str:
    """Name of the host's end on the bridge: short enough for the kernel, the same on every run."""
    return f"cbv{zlib.crc32(namespace(lab, host).encode()):08x}"


def hardware_address(lab: str, host: str) -> str:
    """The address of a host's network card. It stays the same: neighbours remember it for half a minute."""
    digest = hashlib.sha256(namespace(lab, host).encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def bridge_exists(spec: LabSpec) -> bool:
    """Whether the lab's bridge is there."""
    return Path("/sys/class/net", spec.bridge).exists()


def maximum_packet(default: int = 1500) -> int:
    """Largest packet towards the outside: the default route's device decides, 1500 bytes where there is none."""
    routes = json.loads(run(["ip", "-4", "-json", "route", "show", "default"]) or "[]")
    sizes = [int(Path("/sys/class/net", route["dev"], "mtu").read_text()) for route in routes if "dev" in route]
    return min([default, *sizes])


def create_bridge(spec: LabSpec) -> bool:
    """Make the bridge with the machine's own addresses on it. Returns whether anything of it was missing."""
    changed = not bridge_exists(spec)
    if changed:
        run(["ip", "link", "add", spec.bridge, "mtu", str(maximum_packet()), "type", "bridge"])
    present = json.loads(run(["ip", "-json", "address", "show", "dev", spec.bridge]))[0]
    own = {spec.gateway: spec.prefix_length, **({spec.hand: 32} if spec.hand else {})}
    for address in [one for one in own if one not in [entry["local"] for entry in present["addr_info"]]]:
        run(["ip", "address", "add", f"{address}/{own[address]}", "dev", spec.bridge])
        changed = True
    if "UP" not in present["flags"]:
        run(["ip", "link", "set", spec.bridge, "up"])
        changed = True
    return changed


def delete_bridge(spec: LabSpec) -> None:
    """Remove the bridge, if it is there."""
    if bridge_exists(spec):
        run(["ip", "link", "delete", spec.bridge])


def masquerades(spec: LabSpec) -> bool:
    """Whether the lab's hosts reach the outside at present."""
    return succeeds(["nft", "list", "table", "ip", table(spec.name)])


def create_masquerade(spec: LabSpec) -> bool:
    """Let the lab's hosts reach the outside through this machine. Returns whether it was missing."""
    if masquerades(spec):
        return False
    rule = f'ip saddr {spec.network} oifname != "{spec.bridge}" masquerade'
    chain = f"chain postrouting {{\ntype nat hook postrouting priority srcnat\n{rule}\n}}"
    run(["nft", "-f", "-"], stdin=f"table ip {table(spec.name)} {{\n{chain}\n}}\n")
    return True


def redirect(spec: LabSpec, address: str, port: int, to_port: int) -> bool:
    """Bring what hosts send to an address that nobody has to a port of this machine. Returns whether it was missing.

    The rule is in the lab's own table and goes with it. It holds for what comes over the lab's bridge alone.
    """
    rule = f'iifname "{spec.bridge}" ip daddr {address} tcp dport {port} dnat to {spec.gateway}:{to_port}'
    if rule in run(["nft", "list", "table", "ip", table(spec.name)]):
        return False
    chain = f"chain prerouting {{\ntype nat hook prerouting priority dstnat\n{rule}\n}}"
    run(["nft", "-f", "-"], stdin=f"table ip {table(spec.name)} {{\n{chain}\n}}\n")
    return True


def delete_masquerade(spec: LabSpec) -> None:
    """Cut the lab's hosts off from the outside, as for an air-gapped test."""
    if masquerades(spec):
        run(["nft", "delete", "table", "ip", table(spec.name)])


def connect_host(spec: LabSpec, host: str, address: str) -> None:
    """Make a host's network anew: its namespace, eth0 with its address, and the default route."""
    disconnect_host(spec.name, host)
    name, outer, size = namespace(spec.name, host), interface(spec.name, host), str(_bridge_packet(spec))
    run(["ip", "netns", "add", name])
    card = hardware_address(spec.name, host)
    inner = ("peer", "name", "eth0", "address", card, "mtu", size, "netns", name)
    run(["ip", "link", "add", outer, "mtu", size, "type", "veth", *inner])
    run(["ip", "link", "set", outer, "master", spec.bridge, "up"])
    steps = (
        "link set lo up",
        f"address add {address}/{spec.prefix_length} dev eth0",
        "link set eth0 up",
        f"route add default via {spec.gateway}",
    )
    run(["ip", "-n", name, "-batch", "-"], stdin="\n".join(steps) + "\n")


def disconnect_host(lab: str, host: str) -> None:
    """Remove a host's namespace and its end on the bridge, as far as they are there."""
    name, outer = namespace(lab, host), interface(lab, host)
    if (NAMESPACES / name).exists():
        run(["ip", "netns", "delete", name])
    # The pair goes with the namespace, but only when its last process has ended.
    end = Path("/sys/class/net", outer)
    if end.exists() and not succeeds(["ip", "link", "delete", outer]) and end.exists():
        raise Failed(f"the interface {outer} of {host} cannot be removed")


def overlapping_routes(spec: LabSpec, routes: str) -> list[str]:
    """Routes of the machine (`ip -json route`) that overlap the lab's network and are not its own bridge's."""
    network = ipaddress.ip_network(spec.network)
    found = []
    for route in json.loads(routes or "[]"):
        if route["dst"] == "default" or route.get("dev") == spec.bridge:
            continue
        if network.overlaps(ipaddress.ip_network(route["dst"], strict=False)):
            found.append(f"{route['dst']} dev {route.get('dev', '?')}")
    return found


def _bridge_packet(spec: LabSpec) -> int:
    """Largest packet on the lab's bridge, in bytes."""
    return int(Path("/sys/class/net", spec.bridge, "mtu").read_text())
