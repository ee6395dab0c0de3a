"""What a person who works with one cluster may do in AWS: policy documents made of what the cluster uses.

A creation is allowed when it sets the cluster's tag, a change on what carries that tag, tagging only as a part of a
creation. IAM's roles are held by a path of the cluster's own, the store's objects by its folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook.cloud.kinds import KINDS
from clusterbook.cloud.kinds.identity import path_of
from clusterbook.cloud.model import owner_tag
from clusterbook.cloud.permissions import (
    BY_KIND,
    OF_CONTROLLERS,
    ON_BUCKET,
    ON_OBJECTS,
    ON_PROFILES,
    ON_ROLES,
    ON_ZONES,
    SERVICE_ROLES,
    Permission,
)
from clusterbook.cloud.policies import VERSION
from clusterbook.cluster.kms import CONTEXT
from clusterbook.cluster.secrets import KEYRING

# A creation names these without a tag: an image belongs to somebody else, an interface goes with its instance.
UNTAGGED = {"ec2:RunInstances": ("image", "network-interface")}
CREATE_ACTIONS = {"ec2": "ec2:CreateAction", "elasticloadbalancing": "elasticloadbalancing:CreateAction"}
TAGGING = {"ec2": "ec2:CreateTags", "elasticloadbalancing": "elasticloadbalancing:AddTags"}
Statement = dict[str, Any]
NETWORK = frozenset({"Vpc", "SharedVpc", "Subnet", "AddressReservation", "InternetGateway", "RouteTable",
                     "SecurityGroup", "SecurityGroupRules", "ElasticAddress", "NatGateway"})  # fmt: skip
# Looked for only where the cluster has one: what is allowed there holds for the account's other zones, too.
NAMES = frozenset({"PrivateZone"})
BALANCING = frozenset({"LoadBalancer", "TargetGroup", "Listener", "TargetRegistration"})
IDENTITY = frozenset({"Role", "InstanceProfile"})


@dataclass(frozen=True)
class KmsKey:
    """A key of KMS. store: the address in the encryption context; new: whether keyring.json is still to be made."""

    arn: str
    store: str
    new: bool


@dataclass(frozen=True)
class Uses:
    """What the documents are made of. kinds: of resources; store: its address (only s3:// needs anything).

    vpc: the id of an existing one that the cluster is put into. kms: what encrypts the store's key. What can be looked
    at does not hang on the kinds: an update looks for all of them.
    """

    cluster: str
    kinds: frozenset[str]
    store: str
    vpc: str = ""
    kms: KmsKey | None = None


def documents(uses: Uses) -> dict[str, Statement]:
    """Name -> policy: network, machines, load balancing, identity, store. IAM holds each to 6,144 letters."""
    rest = uses.kinds - NETWORK - BALANCING - IDENTITY - NAMES
    found = {
        "network": [*_statements(uses, _parts(uses.kinds & NETWORK)), *_elsewhere(uses)],
        "machines": _statements(uses, [*_parts(rest), OF_CONTROLLERS]),
        "balancing": _statements(uses, _parts(uses.kinds & BALANCING)),
        "identity": _identity(uses),
    }
    if uses.kinds & NAMES:
        looks = [action for one in _parts(uses.kinds & NAMES) for action in one.look]
        found["names"] = [_allow("Look", looks, ["*"]), _allow("Zones", ON_ZONES, ["*"]),
                          _allow("ZonesOfVpc", ["ec2:DescribeVpcs"], ["*"])]  # fmt: skip
    found["store"] = [*_store(uses), *_key(uses.kms)]
    return {name: {"Version": VERSION, "Statement": statements} for name, statements in found.items()
            if statements}


def _elsewhere(uses: Uses) -> Iterator[Statement]:
    """What an update looks for in any case; and making parts in a VPC that does not carry the cluster's tag."""
    if absent := KINDS.keys() - NAMES - uses.kinds:
        yield _allow("LookForMore", (action for one in _parts(absent) for action in one.look), ["*"])
    if uses.vpc:
        makes = {action for one in _parts(uses.kinds & NETWORK) if "vpc" in one.inside for action in one.make}
        yield _allow("InVpc", makes, [f"arn:*:ec2:*:*:vpc/{uses.vpc}"])


def _parts(kinds: Iterable[str]) -> list[Permission]:
    return [BY_KIND[kind] for kind in sorted(kinds)]


def _statements(uses: Uses, parts: list[Permission]) -> list[Statement]:
    owned, making = _tagged(uses, "Resource"), _tagged(uses, "Request")
    makes = sorted({action for one in parts for action in one.make})
    extend = sorted({action for one in parts for action in one.extend})
    found = [_allow("Look", (action for one in parts for action in one.look), ["*"])]
    # One statement each: that one creation may name a new VPC must not let another one name somebody else's.
    found += [_allow(action.split(":")[1], [action], _arns(_kinds(parts, action, "make")), making)
              for action in makes]  # fmt: skip
    found += [_allow(f"{action.split(':')[1]}In", [action], _arns(kinds), owned)
              for action in makes if (kinds := _kinds(parts, action, "inside"))]  # fmt: skip
    found += [_allow(f"{action.split(':')[1]}From", [action], _arns(UNTAGGED[action]))
              for action in makes if action in UNTAGGED]  # fmt: skip
    if extend:
        found.append(_allow("Extend", extend, ["*"], {"StringEquals": {**making["StringEquals"],
                                                                       **owned["StringEquals"]}}))  # fmt: skip
    found += [_tagging(uses, service, [*makes, *extend]) for service in TAGGING
              if any(action.startswith(f"{service}:") for action in [*makes, *extend])]  # fmt: skip
    found.append(_allow("Change", (action for one in parts for action in one.change), ["*"], owned))
    unheld = [action for one in parts for action in one.unheld]
    return [*found, *([_allow("Unheld", unheld, ["*"])] if unheld else [])]


def _kinds(parts: Iterable[Permission], action: str, which: str) -> set[str]:
    """Kinds that the action creates ('make'), or that it names ('inside')."""
    rows = [one for one in parts if action in one.make and (which == "make" or action.startswith("ec2:"))]
    return {kind for one in rows for kind in (one.make[action] if which == "make" else one.inside)}


def _tagging(uses: Uses, service: str, makes: Iterable[str]) -> Statement:
    """A tag may be set while a resource is made, and never later: a tag is what gives rights over a resource."""
    actions = sorted(action.split(":")[1] for action in makes if action.startswith(f"{service}:"))
    condition = _tagged(uses, "Request")
    condition["StringEquals"][CREATE_ACTIONS[service]] = actions
    return _allow("TagWhatIsMade", [TAGGING[service]], ["*"], condition)


def _identity(uses: Uses) -> list[Statement]:
    path = path_of(uses.cluster)
    roles = f"arn:*:iam::*:role{path}*"
    looks = [action for one in _parts(uses.kinds & IDENTITY) for action in one.look]
    return [
        _allow("Look", looks, ["*"]),
        _allow("Roles", ON_ROLES, [roles]),
        _allow("Profiles", [*ON_PROFILES], [f"arn:*:iam::*:instance-profile{path}*"]),
        _allow("PassToInstances", ["iam:PassRole"], [roles],
               {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
        _allow("RolesOfServices", ["iam:CreateServiceLinkedRole"], ["arn:*:iam::*:role/aws-service-role/*"],
               {"StringEquals": {"iam:AWSServiceName": list(SERVICE_ROLES)}}),
    ]  # fmt: skip


def _store(uses: Uses) -> list[Statement]:
    """S3 says 404 of an absent object only to those who may list without a prefix: hence IfExists."""
    if not uses.store.startswith("s3://"):
        return []
    bucket, _, prefix = uses.store.removeprefix("s3://").partition("/")
    start = f"{prefix}/" if prefix else ""
    folder = f"arn:*:s3:::{bucket}/{start}"
    listing = {"StringLikeIfExists": {"s3:prefix": [start, f"{start}{uses.cluster}/*"]}}
    return [
        _allow("Objects", ON_OBJECTS, [f"{folder}{uses.cluster}/*", f"{folder}{KEYRING}"]),
        _allow("Listing", ["s3:ListBucket"], [f"arn:*:s3:::{bucket}"], listing),
        _allow("Bucket", ON_BUCKET, [f"arn:*:s3:::{bucket}"]),
    ]


def _key(kms: KmsKey | None) -> Iterator[Statement]:
    """Opening the key of this store, and encrypting it when it is new; what else the KMS key encrypted stays closed."""
    if kms:
        context = {"StringEquals": {f"kms:EncryptionContext:{CONTEXT}": kms.store}}
        yield _allow("Key", ["kms:Decrypt", *(["kms:Encrypt"] if kms.new else [])], [kms.arn], context)


def _tagged(uses: Uses, whose: str) -> dict[str, dict[str, Any]]:
    return {"StringEquals": {f"aws:{whose}Tag/{owner_tag(uses.cluster)}": "owned"}}


def _arns(kinds: Iterable[str]) -> list[str]:
    """A pattern for all resources of each kind."""
    services = {"autoScalingGroup": "autoscaling", "listener": "elasticloadbalancing",
                "loadbalancer": "elasticloadbalancing", "targetgroup": "elasticloadbalancing"}  # fmt: skip
    return [f"arn:*:{services.get(kind, 'ec2')}:*:*:{kind}{'/' if kind != 'autoScalingGroup' else ':'}*"
            for kind in sorted(kinds)]  # fmt: skip


def _allow(
    name: str, actions: Iterable[str], resources: list[str], condition: Mapping[str, Any] | None = None
) -> Statement:
    statement = {"Sid": name, "Effect": "Allow", "Action": sorted(set(actions)), "Resource": resources}
    return {**statement, "Condition": dict(condition)} if condition else statement
