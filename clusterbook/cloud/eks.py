"""A control plane of EKS, as people and hosts that want to join it must know it, and the roles it lets in as nodes."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook.cloud.aws import Cloud, open_session
from clusterbook.errors import Failed, InvalidInput

# The type of an access entry that lets a role in as nodes with Linux, each under the name of its own instance.
NODES = "EC2_LINUX"
ACTIVE, UPDATING = "ACTIVE", "UPDATING"
# A cluster of that kind knows nobody by access entries, but by its ConfigMap aws-auth.
CONFIG_MAP = "CONFIG_MAP"
ROLES_OF_CONFIG_MAP = """\
    - rolearn: {arn}
      username: system:node:{{{{EC2PrivateDNSName}}}}
      groups: [system:bootstrappers, system:nodes]
"""


@dataclass(frozen=True)
class ControlPlane:
    """What EKS says of a cluster. authority: PEM; version: 1.37; entries: whether it knows access entries."""

    name: str
    region: str
    endpoint: str
    authority: str
    version: str
    service_cidr: str
    entries: bool


@dataclass(frozen=True)
class Published:
    """Where the API of a cluster of EKS is. name: its ARN; authority: PEM in base64."""

    name: str
    endpoint: str
    authority: str


def own_region() -> str:
    """The region of the credentials' own settings. CloudError; InvalidInput when they name none."""
    found = open_session().region_name
    if not found:
        raise InvalidInput("nothing says in which region the cluster is", next_step="Name it: --region us-east-2")
    return str(found)


def described(cloud: Cloud, name: str) -> ControlPlane:
    """The control plane of that name. Raises CloudError; Failed when hosts cannot join it (now)."""
    found = _found(cloud, name, (ACTIVE,))
    network = found.get("kubernetesNetworkConfig") or {}
    if network.get("ipFamily") == "ipv6" or not network.get("serviceIpv4Cidr"):
        raise Failed(f"services of {name} have no IPv4 addresses, which is all that our nodes know",
                     next_step="Use nodes of EKS's own for that cluster.")  # fmt: skip
    mode = (found.get("accessConfig") or {}).get("authenticationMode", CONFIG_MAP)
    return ControlPlane(
        name, cloud.region, found["endpoint"], base64.b64decode(found["certificateAuthority"]["data"]).decode(),
        found["version"], network["serviceIpv4Cidr"], mode != CONFIG_MAP,
    )  # fmt: skip


def published(cloud: Cloud, name: str) -> Published:
    """Where people find the API of the cluster of that name. Raises CloudError; Failed when it has none (yet)."""
    found = _found(cloud, name, (ACTIVE, UPDATING))
    return Published(found["arn"], found["endpoint"], found["certificateAuthority"]["data"])


def _found(cloud: Cloud, name: str, states: Collection[str]) -> Any:
    found = cloud.call("eks", "describe_cluster", name=name)["cluster"]
    if found["status"] not in states:
        raise Failed(f"the control plane {name} is {found['status']}, not ACTIVE", next_step="Wait until EKS made it.")
    return found


def roles_of(cloud: Cloud, instances: Iterable[str]) -> list[str]:
    """The roles of these instances. InvalidInput names those that have none: they could not show who they are."""
    wanted = sorted(instances)
    pages = cloud.pages("ec2", "describe_instances", "Reservations", InstanceIds=wanted)
    found = {item["InstanceId"]: _profile(item) for part in pages for item in part["Instances"]}
    without = [name for name in wanted if not found.get(name)]
    if without:
        raise InvalidInput(f"these instances have no profile with a role: {', '.join(without)}",
                           next_step="Give each a profile: EKS knows a node by its instance's role.")  # fmt: skip
    profiles = {name: cloud.call("iam", "get_instance_profile", InstanceProfileName=name)["InstanceProfile"]["Roles"]
                for name in set(found.values())}  # fmt: skip
    return sorted({str(role["Arn"]) for roles in profiles.values() for role in roles})


def _profile(item: Mapping[str, Any]) -> str:
    return str((item.get("IamInstanceProfile") or {}).get("Arn", "")).rpartition("/")[2]


def not_let_in(cloud: Cloud, plane: ControlPlane, roles: Iterable[str]) -> list[str]:
    """Roles without an access entry. InvalidInput for one whose entry is of people, not of nodes."""
    known = set(cloud.pages("eks", "list_access_entries", "accessEntries", clusterName=plane.name))
    for role in sorted(known.intersection(roles)):
        asked = {"clusterName": plane.name, "principalArn": role}
        kind = cloud.call("eks", "describe_access_entry", **asked)["accessEntry"]["type"]
        if kind != NODES:
            raise InvalidInput(f"the access entry of {role} has the type {kind}, and nodes need {NODES}",
                               next_step="Give the hosts a role of their own, or delete that entry.")  # fmt: skip
    return [role for role in roles if role not in known]


def let_in(cloud: Cloud, plane: ControlPlane, role: str) -> None:
    """Make the access entry of nodes with that role. Raises CloudError."""
    cloud.call("eks", "create_access_entry", clusterName=plane.name, principalArn=role, type=NODES)


def config_map_lines(roles: Iterable[str]) -> str:
    """What the ConfigMap aws-auth of a cluster without access entries must say of roles."""
    return "".join(ROLES_OF_CONFIG_MAP.format(arn=role) for role in roles)
