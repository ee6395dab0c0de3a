"""An instance -> a host: its name, address, groups and variables. Tags are data and are never evaluated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.errors import InvalidInput
from clusterbook.inventory.aws_ec2.settings import Place, Settings
from clusterbook.inventory.tree import no_secret
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.scope import Scope
from clusterbook.records import dataclass

ROLE_TAG = "clusterbook.io/role"
GROUP_TAG = "clusterbook.io/group"
# A control plane that says nothing else has an etcd of its own.
GROUPS_OF_ROLE = {"control_plane": ("control_plane", "etcd"), "etcd": ("etcd",), "worker": ("worker",),
                  "bastion": ("bastion",)}  # fmt: skip
THROUGH_BASTION = "bastion"
_ATTRIBUTES = {
    "private_dns": "PrivateDnsName", "private_address": "PrivateIpAddress", "public_dns": "PublicDnsName",
    "public_address": "PublicIpAddress", "instance_id": "InstanceId",
}  # fmt: skip
# The variable with what EC2 says of a host.
INSTANCE = "aws_instance"
_NAME = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class FoundHost:
    """One host of the inventory. place: where it was found, to ask for its console.

    bastion: the instance through which alone it is reached, and the address of that; '' for none.
    """

    name: str
    instance: str
    address: str
    groups: tuple[str, ...]
    variables: Mapping[str, Any]
    tags: Mapping[str, str]
    place: Place
    bastion: tuple[str, str] = ("", "")


def hosts_of(settings: Settings, found: list[tuple[Place, Mapping[str, Any]]]) -> list[FoundHost]:
    """Hosts in the order of their names. Two instances of one name are told apart by their ids."""
    named = [(_named(item, settings), place, item) for place, item in found]
    names, bastions = Counter(name for name, _, _ in named), _bastions(found)
    expressions = Expressions({})
    hosts = []
    for name, place, item in named:
        unique = name if names[name] == 1 else f"{name}-{item['InstanceId']}"
        bastion = bastions.get(str(item.get("VpcId", "")), ("", ""))
        hosts.append(_host(unique, place, item, settings, bastion, expressions))
    return sorted(hosts, key=lambda host: host.name)


def _bastions(found: list[tuple[Place, Mapping[str, Any]]]) -> dict[str, tuple[str, str]]:
    """VPC -> the instance and the address of its bastion; the first by id where there are several."""
    ours = [item for _, item in found if _tags(item).get(ROLE_TAG) == THROUGH_BASTION]
    return {
        str(item.get("VpcId", "")): (item["InstanceId"], item.get("PublicIpAddress") or item["PrivateIpAddress"])
        for item in sorted(ours, key=lambda item: str(item["InstanceId"]), reverse=True)
    }


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags") or ()}


def _host(
    name: str, place: Place, item: Mapping[str, Any], settings: Settings, bastion: tuple[str, str],
    expressions: Expressions,
) -> FoundHost:  # fmt: skip
    tags = _tags(item)
    region = item["Placement"]["AvailabilityZone"].rstrip("abcdefghijklmnopqrstuvwxyz")
    facts = {
        "instance_id": item["InstanceId"], "instance_type": item["InstanceType"], "image": item["ImageId"],
        "zone": item["Placement"]["AvailabilityZone"], "region": region, "tags": tags,
        "private_address": item.get("PrivateIpAddress", ""), "public_address": item.get("PublicIpAddress") or "",
        "private_dns": item.get("PrivateDnsName", ""), "architecture": item.get("Architecture", ""),
        "launched": str(item.get("LaunchTime", "")),
    }  # fmt: skip
    if tags.get(ROLE_TAG) == THROUGH_BASTION:
        bastion = ("", "")
    ways = {THROUGH_BASTION: facts["private_address"] if bastion[0] else ""}
    reached = {kind: ways[kind] if kind in ways else _attribute(item, kind) for kind in settings.address}
    way = next((kind for kind, value in reached.items() if value), "")
    address = reached.get(way, "")
    variables = {INSTANCE: facts, "ansible_host": address, "node_address": facts["private_address"]}
    if facts["private_dns"]:
        # What cloud-init makes the host's own name of, which is kubelet's name for the node.
        variables["node_name"] = facts["private_dns"].partition(".")[0]
    groups = tuple(dict.fromkeys([*_fixed_groups(facts, tags, settings), *_chosen(settings, variables, expressions)]))
    through = bastion if way == THROUGH_BASTION else ("", "")
    return FoundHost(name, item["InstanceId"], address, groups, variables, tags, place, through)


def _named(item: Mapping[str, Any], settings: Settings) -> str:
    tags = _tags(item)
    for kind in settings.host_name:
        value = tags.get(kind[4:], "") if kind.startswith("tag:") else _attribute(item, kind)
        if value:
            return _NAME.sub("_", value).lstrip("-.")  # no name may look like an option
    return str(item["InstanceId"])


def _attribute(item: Mapping[str, Any], kind: str) -> str:
    return str(item.get(_ATTRIBUTES[kind]) or "")


def _fixed_groups(facts: Mapping[str, Any], tags: Mapping[str, str], settings: Settings) -> Iterator[str]:
    yield from GROUPS_OF_ROLE.get(tags.get(ROLE_TAG, ""), ())
    yield _group(f"zone_{facts['zone']}")
    yield _group(f"region_{facts['region']}")
    if GROUP_TAG in tags:
        yield _group(f"group_{tags[GROUP_TAG]}")
    for name in settings.tag_groups:
        if name in tags:
            yield _group(f"tag_{name}_{tags[name]}")


def _chosen(settings: Settings, variables: Mapping[str, Any], expressions: Expressions) -> Iterator[str]:
    scope = Scope([variables], expressions, no_secret)
    for name, expression in settings.groups.items():
        try:
            if scope.condition(expression):
                yield name
        except ExpressionError as error:
            raise InvalidInput(f"groups.{name}: {error.message}", where=settings.groups_at[name],
                               next_step="Correct the expression.") from error  # fmt: skip


def _group(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", text)
