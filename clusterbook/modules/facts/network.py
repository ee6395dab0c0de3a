"""Interfaces and addresses: one `ip -j addr`, the rest from /proc and /sys."""

from __future__ import annotations

import ipaddress
import json
import socket
from typing import Any, Dict, List, Optional

from clusterbook.modules.facts.reading import names, text
from clusterbook.modules.system import System


def network(system: System) -> Dict[str, Any]:
    """Every interface under its own name, the default ones, and all addresses."""
    done = system.query(["ip", "-j", "addr"])
    listed = [item for item in (json.loads(done.stdout or "[]") if done.returncode == 0 else []) if item.get("ifname")]
    facts: Dict[str, Any] = {"interfaces": [item["ifname"] for item in listed]}
    for item in listed:
        facts[item["ifname"].replace("-", "_")] = interface(item)
    facts["default_ipv4"] = default_route(socket.AF_INET, listed)
    facts["default_ipv6"] = default_route(socket.AF_INET6, listed)
    for family, label in (("inet", "ipv4"), ("inet6", "ipv6")):
        facts[f"all_{label}_addresses"] = [
            address["local"] for item in listed for address in item.get("addr_info", ())
            if address["family"] == family and "LOOPBACK" not in item.get("flags", ())]
    return facts


def interface(item: Dict[str, Any]) -> Dict[str, Any]:
    """One interface."""
    name = item["ifname"]
    base = f"/sys/class/net/{name}"
    found: Dict[str, Any] = {
        "device": name, "active": "UP" in item.get("flags", ()) and item.get("operstate") != "DOWN",
        "mtu": item.get("mtu"), "type": kind(item, base),
        "promisc": bool(int(text(f"{base}/flags") or "0", 16) & 0x100),
    }
    if item.get("link_type") == "ether" and item.get("address"):
        found["macaddress"] = item["address"]
    if found["type"] == "bridge":
        found.update(interfaces=names(f"{base}/brif"), id=text(f"{base}/bridge/bridge_id"),
                     stp=text(f"{base}/bridge/stp_state") == "1")
    speed = text(f"{base}/speed")
    if speed.lstrip("-").isdigit():
        found["speed"] = int(speed)
    first = [address for address in item.get("addr_info", ()) if address["family"] == "inet"]
    if first:
        found["ipv4"] = ipv4(first[0])
    if first[1:]:
        found["ipv4_secondaries"] = [ipv4(address) for address in first[1:]]
    sixth = [address for address in item.get("addr_info", ()) if address["family"] == "inet6"]
    if sixth:
        found["ipv6"] = [{"address": address["local"], "prefix": str(address["prefixlen"]), "scope": address["scope"]}
                         for address in sixth]
    return found


def kind(item: Dict[str, Any], base: str) -> str:
    """What sort of interface it is."""
    if "LOOPBACK" in item.get("flags", ()):
        return "loopback"
    if names(f"{base}/bridge"):
        return "bridge"
    if names(f"{base}/bonding"):
        return "bonding"
    return "ether" if item.get("link_type") == "ether" else str(item.get("link_type", "unknown"))


def ipv4(address: Dict[str, Any]) -> Dict[str, Any]:
    """An IPv4 address with its network."""
    net = ipaddress.ip_interface(f"{address['local']}/{address['prefixlen']}").network
    return {"address": address["local"], "broadcast": address.get("broadcast", ""), "netmask": str(net.netmask),
            "network": str(net.network_address), "prefix": str(address["prefixlen"])}


def default_route(family: int, listed: List[Dict[str, Any]]) -> Dict[str, Any]:
    """The interface, gateway and source address of the default route; empty without one."""
    route = default_ipv4_route() if family == socket.AF_INET else default_ipv6_route()
    source = source_address(family) if route else None
    if route is None or source is None:
        return {}
    found: Dict[str, Any] = {"interface": route["interface"], "gateway": route["gateway"], "address": source}
    item = next((item for item in listed if item["ifname"] == route["interface"]), None)
    if item is None:
        return found
    found.update(mtu=item.get("mtu"), macaddress=item.get("address"),
                 type=kind(item, f"/sys/class/net/{item['ifname']}"))
    for address in item.get("addr_info", ()):
        if address["local"] == source and family == socket.AF_INET:
            found.update(ipv4(address), alias=address.get("label", item["ifname"]))
        elif address["local"] == source:
            found.update(prefix=str(address["prefixlen"]), scope=address["scope"])
    return found


def default_ipv4_route() -> Optional[Dict[str, str]]:
    """The default route of the smallest metric in /proc/net/route."""
    routes = []
    for line in text("/proc/net/route").splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[1] == "00000000" and words[7] == "00000000":
            gateway = socket.inet_ntoa(bytes.fromhex(words[2])[::-1])
            routes.append((int(words[6]), {"interface": words[0], "gateway": gateway}))
    return min(routes, key=lambda item: item[0])[1] if routes else None


def default_ipv6_route() -> Optional[Dict[str, str]]:
    """The default route of the smallest metric in /proc/net/ipv6_route, but not the one that rejects."""
    routes = []
    for line in text("/proc/net/ipv6_route").splitlines():
        words = line.split()
        if len(words) > 9 and words[0] == "0" * 32 and words[1] == "00" and words[9] != "lo":
            gateway = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(words[4]))
            routes.append((int(words[5], 16), {"interface": words[9], "gateway": gateway}))
    return min(routes, key=lambda item: item[0])[1] if routes else None


def source_address(family: int) -> Optional[str]:
    """The address that the kernel would use towards the world; connecting a datagram socket sends nothing."""
    target = "8.8.8.8" if family == socket.AF_INET else "2404:6800:400a:800::1012"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 53))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def name_servers() -> Dict[str, Any]:
    """What /etc/resolv.conf says."""
    found: Dict[str, Any] = {}
    for line in text("/etc/resolv.conf").splitlines():
        words = line.split()
        if len(words) < 2 or words[0][0] in "#;":
            continue
        if words[0] == "nameserver":
            found.setdefault("nameservers", []).append(words[1])
        elif words[0] in ("domain",):
            found["domain"] = words[1]
        elif words[0] in ("search", "sortlist"):
            found[words[0]] = words[1:]
        elif words[0] == "options":
            options = (word.partition(":") for word in words[1:])
            found["options"] = {name: value or True for name, _, value in options}
    return {"dns": found}
