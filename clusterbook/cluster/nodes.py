"""The nodes of a cluster as rows: what people want to know of each at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.cluster.kube import Kubectl

# Roles are labels by Kubernetes' own convention.
ROLE = "node-role.kubernetes.io/"


def nodes(program: Kubectl) -> list[dict[str, str]]:
    """Every node. Failed when the API does not answer."""
    return [row(item) for item in program.json("get", "nodes")["items"]]


def row(item: Mapping[str, Any]) -> dict[str, str]:
    """One node object: name, state, roles, address, version, runtime."""
    metadata, status = item["metadata"], item["status"]
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ()))
    roles = sorted(label.removeprefix(ROLE) for label in metadata.get("labels", {}) if label.startswith(ROLE))
    addresses = status.get("addresses", ())
    return {
        "name": metadata["name"],
        "state": "Ready" if ready else "NotReady",
        "roles": ",".join(roles),
        "address": next((one["address"] for one in addresses if one["type"] == "InternalIP"), ""),
        "version": status.get("nodeInfo", {}).get("kubeletVersion", ""),
        "runtime": status.get("nodeInfo", {}).get("containerRuntimeVersion", ""),
    }
