"""cluster.yaml: the little that a person decides about a cluster; everything else has a default in the schema."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from clusterbook import schema, source
from clusterbook.cluster import room, spec_aws
from clusterbook.cluster.artifacts import catalog
from clusterbook.cluster.store import Store, check_cluster_name
from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.language.values import Template

FILE = "cluster.yaml"
# The index of cloud resources, written by cloud.state.
STATE = "state.json"
SCHEMA = "cluster.schema.json"
_SERVICE_ADDRESSES = {"kubernetes_service_address": 1, "cluster_dns_address": 10}
_NETWORKS = ("service_cidr", "pod_cidr")


@dataclass(frozen=True)
class ClusterSpec:
    """A cluster as wanted. written: cluster.yaml's own keys; complete: those and every default."""

    name: str
    written: Mapping[str, Any]
    complete: Mapping[str, Any]

    @property
    def on_ec2(self) -> bool:
        """Whether its hosts are made by EC2."""
        return "aws" in self.written


def read(store: Store, cluster: str) -> ClusterSpec:
    """The specification of a cluster in the store. InvalidInput when there is none, or all its problems at once."""
    name = f"{check_cluster_name(cluster)}/{FILE}"
    data = store.read(name)
    if data is None:
        raise InvalidInput(
            f"there is no cluster {cluster!r} in the store {store.address}",
            next_step=f"Correct the name, or make it with: invoke create-cluster {cluster}.",
        )
    file = str(store.local_file(name))
    spec = parse(data.decode("utf-8", "replace"), file)
    if spec.name != cluster:
        raise InvalidInput(
            f"cluster_name is {spec.name!r} in the folder of {cluster!r}",
            where=source.position_of(spec.written, "cluster_name", Position(file)),
            next_step=f"Write cluster_name: {cluster}; a cluster cannot be renamed.",
        )
    return spec if "api_address" in spec.complete else replace(spec, complete=_with_address(store, spec))


def _with_address(store: Store, spec: ClusterSpec) -> Mapping[str, Any]:
    """With EC2 the load balancer's name is the address: update-cluster writes it into the store when it has made it."""
    try:
        index = json.loads(store.read(f"{spec.name}/{STATE}") or b"{}")
    except ValueError:  # damaged: who needs the index itself says so
        return spec.complete
    address = index.get("api_address") if isinstance(index, dict) else ""
    return {**spec.complete, "api_address": address} if address else spec.complete


def parse(text: str, file: str) -> ClusterSpec:
    """Text of a cluster.yaml -> specification. file: the name that errors show."""
    return check(source.load_text(text, file), file)


def check(written: Any, file: str) -> ClusterSpec:
    """Loaded keys -> specification. Errors name the places of keys that know theirs, else the file."""
    problems = _problems(written, file)
    if problems:
        raise InvalidProject(problems)
    complete = with_defaults(written)
    problems = [*_version_problems(complete, written, file), *_network_problems(complete, written, file)]
    if "aws" in written:
        problems += spec_aws.problems(complete, written, file)
    problems += room.problems(complete, written, file)
    if problems:
        raise InvalidProject(problems)
    return ClusterSpec(str(complete["cluster_name"]), written, complete)


def with_defaults(written: Mapping[str, Any]) -> dict[str, Any]:
    """Every key of the schema: as written, its default, or computed from the others."""
    keys = cluster_schema()["properties"]
    values = {name: written.get(name, rule.get("default")) for name, rule in keys.items()}
    services = ipaddress.ip_network(values["service_cidr"], strict=False)
    for name, index in _SERVICE_ADDRESSES.items():
        if values.get(name) is None:
            values[name] = str(services[index])
    if "aws" in written:
        values["aws"] = spec_aws.complete_aws(written["aws"])
        values["api_endpoint_mode"] = written.get("api_endpoint_mode", spec_aws.endpoint_mode(values["aws"]))
        values["api_certificate_names"] = spec_aws.certificate_names(values)
    return {name: value for name, value in values.items() if value is not None}


def versions(complete: Mapping[str, Any]) -> dict[str, str]:
    """Versions of components that a complete specification asks for, by the catalog's names."""
    return {"kubernetes": str(complete["kubernetes_version"]), **complete["component_versions"]}


def render(written: Mapping[str, Any]) -> str:
    """The text of a cluster.yaml with these keys, each under its description."""
    lines = ["# What this cluster is. Every key, with its default: schemas/cluster.schema.json", ""]
    for name, value in written.items():
        description = cluster_schema()["properties"].get(name, {}).get("description", "")
        lines += [f"# {description}", yaml.safe_dump({name: value}, sort_keys=False, width=1000).rstrip()]
    return "\n".join(lines) + "\n"


def cluster_schema() -> Mapping[str, Any]:
    """schemas/cluster.schema.json. Not to be changed by callers."""
    found: Mapping[str, Any] = schema.load_schema(SCHEMA)
    return found


def _problems(written: Any, file: str) -> list[InvalidInput]:
    if not isinstance(written, dict):
        return [InvalidInput("cluster.yaml must be a mapping of keys to values", where=Position(file, 1, 1))]
    templates = [
        InvalidInput(
            f"{name} holds an expression; cluster.yaml takes plain values",
            where=source.position_of(written, name),
            next_step="Write the value itself; expressions belong into group_vars.",
        )
        for name, value in written.items()
        if isinstance(value, Template)
    ]
    return templates or schema.problems(written, SCHEMA, where=Position(file, 1, 1))


def _version_problems(complete: Mapping[str, Any], written: Any, file: str) -> list[InvalidInput]:
    """Only versions that the catalog can supply: their files have a known origin and sum."""
    components, place = catalog.load().components, Position(file, 1, 1)
    pinned = written.get("component_versions", {})
    found = []
    for name, wanted in versions(complete).items():
        known = components[name]["versions"]
        if wanted not in known:
            key, keys = ("kubernetes_version", written) if name == "kubernetes" else (name, pinned)
            where = source.position_of(keys, key, place)
            found.append(InvalidInput(f"{key}: {wanted} is not supported", where=where,
                                      next_step=f"Choose one of {', '.join(known)}."))  # fmt: skip
    return found


def _network_problems(complete: Mapping[str, Any], written: Any, file: str) -> list[InvalidInput]:
    services, pods = (ipaddress.ip_network(complete[name], strict=False) for name in _NETWORKS)
    found = []
    for name, network in zip(_NETWORKS, (services, pods), strict=True):
        if str(network) != complete[name]:
            found.append(_network(name, f"{complete[name]} is not the start of its range, {network}", written, file))
    if services.overlaps(pods):
        found.append(_network("pod_cidr", f"{pods} overlaps service_cidr {services}", written, file))
    for name in _SERVICE_ADDRESSES:
        if ipaddress.ip_address(complete[name]) not in services:
            found.append(_network(name, f"{complete[name]} is not inside service_cidr {services}", written, file))
    return found


def _network(name: str, message: str, written: Any, file: str) -> InvalidInput:
    where = source.position_of(written, name) if name in written else Position(file, 1, 1)
    return InvalidInput(f"{name}: {message}", where=where, next_step=f"Choose another value for {name}.")
