"""What a kind of resource must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from clusterbook.cloud.aws import Cloud, filters, tag_list, tags_of
from clusterbook.cloud.model import CLUSTER_TAG, RESOURCE_TAG, Found, Wanted, owner_tag


class Kind(Protocol):
    """One kind. Its objects hold nothing; the cloud is handed in."""

    NAME: str
    # Fields that cannot be changed on an existing resource.
    FIXED: frozenset[str]

    def listing(self, cloud: Cloud) -> list[Found]:
        """All resources of this kind that carry the cluster's tag, or are parts of such."""

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """Make it. wanted: with every Ref resolved. Returns when others may refer to it."""

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """Bring the fields of that name to what is wanted."""

    def delete(self, cloud: Cloud, found: Found) -> None:
        """Remove it; that it is gone already is no error. Returns when it does not hold others back."""


def standard_tags(cluster: str, wanted: Wanted, more: Mapping[str, str]) -> dict[str, str]:
    """The tags of a resource: a person's, those by which Kubernetes' controllers know it, and ours."""
    return {
        **more,
        "Name": wanted.name,
        CLUSTER_TAG: cluster,
        owner_tag(cluster): "owned",
        RESOURCE_TAG: wanted.key,
        **wanted.tags,
    }


def name_in_tags(kind: str, tags: Mapping[str, str]) -> str:
    """The resource's name when our tag says that it is of this kind, else ''."""
    own, _, name = tags.get(RESOURCE_TAG, "").partition("/")
    return name if own == kind else ""


def ec2_listing(
    cloud: Cloud, kind: str, action: str, key: str, page: int = 0
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name, what EC2 says) of every resource of that kind with the cluster's tag. page: how many at once; 0: EC2's."""
    wanted = filters(**{f"tag:{CLUSTER_TAG}": cloud.cluster})
    size = {"PaginationConfig": {"PageSize": page}} if page else {}
    for item in cloud.pages("ec2", action, key, Filters=wanted, **size):
        name = name_in_tags(kind, tags_of(item))
        if name:
            yield name, item


def specification(kind: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """EC2's TagSpecifications: the tags are there from the first moment. kind: EC2's word, such as 'subnet'."""
    return [{"ResourceType": kind, "Tags": tag_list(tags)}]


def ids(values: Any) -> list[str]:
    """A list of resolved ids."""
    return [str(value) for value in values]
