"""The rules: a node gets a serving certificate for its own name and its own addresses, and for nothing else.

A host that joins by itself gets client certificates of the few names that every worker has, for a joining token alone.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from request import parse_request

SERVING, CLIENT = "kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client"
JOINING = "system:bootstrappers:clusterbook:joining"
CLIENT_USAGES = {"digital signature", "client auth"}
USAGES = {"digital signature", "key encipherment", "server auth"}


@dataclass(frozen=True)
class Rules:
    """What no node may ask for, whatever it says of itself."""

    node_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    refused_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    refused_names: frozenset[str]
    joining_clients: frozenset[str] = frozenset()

    @classmethod
    def from_settings(cls, settings: dict) -> Rules:
        """From the settings file. ValueError for a network that is none."""
        return cls(
            tuple(ipaddress.ip_network(item) for item in settings["node_networks"]),
            tuple(ipaddress.ip_network(item) for item in settings["refused_networks"]),
            frozenset(settings["refused_names"]),
            frozenset(settings["joining_clients"]),
        )


def refusal(spec: dict, nodes: list, rules: Rules) -> str | None:
    """The reason against a request (its `spec`), None when it is good. BadRequest when it cannot be read."""
    if spec.get("signerName") == CLIENT:
        return _refusal_of_client(spec, rules)
    if spec.get("signerName") != SERVING:
        return "its signer is none of these rules"
    username = spec.get("username", "")
    if not username.startswith("system:node:") or "system:nodes" not in spec.get("groups", []):
        return "who asks is no node"
    usages = set(spec.get("usages", []))
    if "server auth" not in usages or not usages <= USAGES:
        return "it asks for other usages than a server's"
    request = parse_request(spec["request"])
    if request.common_name != username or request.organizations != ("system:nodes",):
        return "its subject is not the node that asks"
    if not request.addresses:
        return "it asks for no address"
    name = username[len("system:node:") :]
    if name not in {node["metadata"]["name"] for node in nodes}:
        return "there is no such node"
    for dns_name in request.dns_names:
        reason = _refusal_of_name(dns_name, name, nodes, rules)
        if reason:
            return reason
    for address in request.addresses:
        reason = _refusal_of_address(address, name, nodes, rules)
        if reason:
            return reason
    return None


def _refusal_of_client(spec: dict, rules: Rules) -> str | None:
    if JOINING not in spec.get("groups", []):
        return "who asks shows no joining token"
    if set(spec.get("usages", [])) != CLIENT_USAGES:
        return "it asks for other usages than a client's"
    request = parse_request(spec["request"])
    if request.organizations or request.dns_names or request.addresses:
        return "a joining host gets a client's name alone"
    if request.common_name not in rules.joining_clients:
        return f"{request.common_name} is no name that joining hosts get"
    return None


def _refusal_of_name(dns_name: str, node: str, nodes: list, rules: Rules) -> str | None:
    if dns_name in rules.refused_names:
        return f"{dns_name} is a name of the API"
    if dns_name == node:
        return None
    return _refusal_of_owner(dns_name, node, nodes)


def _refusal_of_address(address: str, node: str, nodes: list, rules: Rules) -> str | None:
    parsed = ipaddress.ip_address(address)
    inside_refused = any(parsed in network for network in rules.refused_networks)
    if inside_refused or parsed.is_loopback or address in rules.refused_names:
        return f"{address} is no address of a node"
    if rules.node_networks and not any(parsed in network for network in rules.node_networks):
        return f"{address} lies outside the nodes' networks"
    return _refusal_of_owner(address, node, nodes)


def _refusal_of_owner(value: str, node: str, nodes: list) -> str | None:
    owners = {item["metadata"]["name"] for item in nodes if value in _addresses(item)}
    owners |= {item["metadata"]["name"] for item in nodes if value == item["metadata"]["name"]}
    if node not in owners:
        return f"{value} is not the node's"
    if owners != {node}:
        return f"{value} is another node's too"
    return None


def _addresses(node: dict) -> set[str]:
    return {entry["address"] for entry in node.get("status", {}).get("addresses", [])}
