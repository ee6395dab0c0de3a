"""What an EC2 inventory file says, with its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.records import dataclass
from clusterbook.schema import load_schema, problems
from clusterbook.source import SourceMapping, position_of

SCHEMA = "aws-inventory.schema.json"
ANY_CLUSTER = "*"


@dataclass(frozen=True)
class Place:
    """One region, seen with one set of credentials."""

    region: str
    profile: str = ""
    role: str = ""
    external_id: str = ""

    def __str__(self) -> str:
        """In words, for errors."""
        who = f" as {self.role}" if self.role else f" with profile {self.profile}" if self.profile else ""
        return f"{self.region or 'the default region'}{who}"


@dataclass(frozen=True)
class Settings:
    """One inventory file. cluster: a name, or '' for all instances; where: the file, for messages.

    ssh_user: of the cluster's hosts, to pass through its bastion as.
    """

    where: Position
    cluster: str
    places: tuple[Place, ...]
    host_name: tuple[str, ...]
    address: tuple[str, ...]
    tag_groups: tuple[str, ...]
    groups: Mapping[str, str]
    filters: Mapping[str, Any]
    variables: SourceMapping | None
    on_error: str
    host_keys: str
    cache_seconds: int
    groups_at: Mapping[str, Position] = field(default_factory=dict)
    ssh_user: str = ""


def settings_of(path: Path, written: Mapping[str, Any], cluster: Mapping[str, Any]) -> Settings:
    """The settings of a file. cluster: the variables of the command's cluster. Raises InvalidProject, InvalidInput."""
    where = Position(str(path), 1, 1)
    found = problems(written, SCHEMA, where=where)
    if found:
        raise InvalidProject(found)
    rules = load_schema(SCHEMA)["properties"]
    value = {name: written.get(name, rule.get("default")) for name, rule in rules.items()}
    name = value["cluster"] or cluster.get("cluster_name")
    if not name:
        raise InvalidInput(
            "this inventory does not say whose instances it lists", where=where,
            next_step="Name the cluster with --cluster, or write cluster: NAME (or cluster: '*').",
        )  # fmt: skip
    aws = cluster.get("aws")
    region = str(aws.get("region", "")) if isinstance(aws, Mapping) else ""
    groups = value["groups"]
    return Settings(
        where=where,
        cluster="" if name == ANY_CLUSTER else str(name),
        places=tuple(_places(value["sources"] or [{}], region)),
        host_name=tuple(value["host_name"]),
        address=tuple(value["address"]),
        tag_groups=tuple(value["tag_groups"]),
        groups=dict(groups),
        filters=dict(value["filters"]),
        variables=written.get("variables"),
        on_error=value["on_error"],
        host_keys=value["host_keys"],
        cache_seconds=value["cache_seconds"],
        ssh_user=str(aws.get("ssh_user", "")) if isinstance(aws, Mapping) else "",
        groups_at={key: position_of(groups, key, where) for key in groups},
    )


def _places(sources: list[Mapping[str, Any]], region: str) -> list[Place]:
    return [
        Place(name, source.get("profile", ""), source.get("assume_role", ""), source.get("external_id", ""))
        for source in sources
        for name in source.get("regions") or [region]
    ]
