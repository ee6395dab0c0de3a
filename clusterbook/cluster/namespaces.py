"""The namespaces of a cluster, and which one a person meant."""

from __future__ import annotations

from clusterbook.cluster.kube import Kubectl
from clusterbook.errors import InvalidInput
from clusterbook.schema.names import suggestion


def namespaces(kubectl: Kubectl) -> list[str]:
    """Every namespace. Failed when the API does not answer."""
    return [item["metadata"]["name"] for item in kubectl.json("get", "namespaces")["items"]]


def check(name: str, known: list[str]) -> None:
    """InvalidInput, with the nearest name, when there is no such namespace."""
    if name not in known:
        raise InvalidInput(f"there is no namespace {name!r}{suggestion(name, known)}",
                           next_step=f"Namespaces are: {', '.join(sorted(known))}.")  # fmt: skip
