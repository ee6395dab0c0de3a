"""Resources as values: what a cluster wants, what the cloud has, and how the two differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CLUSTER_TAG = "KubernetesCluster"
RESOURCE_TAG = "clusterbook.io/resource"


def owner_tag(cluster: str) -> str:
    """The tag of all that belongs to a cluster, also of what the cloud controller makes; its value is 'owned'."""
    return f"kubernetes.io/cluster/{cluster}"


@dataclass(frozen=True)
class Ref:
    """A value that is known once another resource exists: its id, or an attribute of it such as an ARN."""

    key: str
    attribute: str = "id"

    def __str__(self) -> str:
        """As previews show it."""
        return self.key if self.attribute == "id" else f"{self.key}.{self.attribute}"


@dataclass(frozen=True)
class Wanted:
    """One resource as it shall be. fields may hold Refs; tags beyond those that every resource gets.

    generation: how many of this key were made before it (see client_token). after: keys of what must exist before it
    though none of its fields names it.
    """

    kind: str
    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    generation: int = 0
    after: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """KIND/NAME: unique in a cluster, and the value of the tag that finds it again."""
        return f"{self.kind}/{self.name}"

    @property
    def needs(self) -> frozenset[str]:
        """Keys of the resources that must exist before this one."""
        return self.after | {ref.key for ref in refs(self.fields)}


@dataclass(frozen=True)
class Found:
    """One resource as the cloud has it. fields: named like those of Wanted; attributes: what others may refer to."""

    kind: str
    name: str
    id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """See Wanted.key."""
        return f"{self.kind}/{self.name}"

    def value(self, attribute: str) -> str:
        """What a Ref to this resource stands for. KeyError for an attribute that the kind does not have."""
        return self.id if attribute == "id" else self.attributes[attribute]


@dataclass(frozen=True)
class Difference:
    """One field that is not as wanted."""

    field: str
    before: Any
    after: Any


def client_token(cluster: str, wanted: Wanted) -> str:
    """By which AWS knows a request that it had already: the same resource, wanted the same way, for the same time.

    A run that was killed between the request and its answer so gets the resource of that request and no second one.
    What replaces a resource has another generation: AWS remembers tokens of those that are gone. wanted: without Refs.
    """
    basis = [cluster, wanted.key, wanted.generation, _comparable(wanted.fields)]
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


def refs(value: Any) -> Iterator[Ref]:
    """Every Ref inside a value."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from refs(item)


def resolved(value: Any, known: Mapping[str, Found]) -> Any:
    """The value with each Ref replaced where its resource is known; others stay."""
    if isinstance(value, Ref):
        return known[value.key].value(value.attribute) if value.key in known else value
    if isinstance(value, Mapping):
        return {name: resolved(item, known) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(resolved(item, known) for item in value)
    return value


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[Difference]:
    """Fields that differ. wanted: with Refs resolved where they can be. The order of a list does not count.

    Fields called initial_… are for the making alone: others (an autoscaler) change them afterwards.
    """
    return [
        Difference(name, found.get(name), value)
        for name, value in wanted.items()
        if not name.startswith("initial_") and _comparable(value) != _comparable(found.get(name))
    ]


def _comparable(value: Any) -> Any:
    if isinstance(value, Ref):
        return str(value)
    if isinstance(value, tuple):
        return tuple(_comparable(item) for item in value)
    if isinstance(value, list):
        return sorted((_comparable(item) for item in value), key=repr)
    if isinstance(value, Mapping):
        return {name: _comparable(item) for name, item in value.items()}
    return value
