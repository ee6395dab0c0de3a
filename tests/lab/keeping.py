"""What a cluster keeps, for tests that take it away and bring it back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

# What bringing a cluster back may take, on hosts that have booted.
MOST_RESTORE_SECONDS = 90
# Kinds whose objects come and go while nobody does anything, or are not kept at all.
PASSING = {"certificatesigningrequests.certificates.k8s.io", "componentstatuses", "events", "events.events.k8s.io",
           "leases.coordination.k8s.io", "nodes.metrics.k8s.io", "pods.metrics.k8s.io"}  # fmt: skip


def kept(cluster: Cluster) -> dict[str, str]:
    """Every object of every kind that is kept, by its unchanging id, with its content where it is of the test."""
    kinds = set(cluster.kubectl("api-resources", "--verbs=list,get", "--output=name").split()) - PASSING
    listed = cluster.kubectl("get", ",".join(sorted(kinds)), "--all-namespaces", "--output=json")
    found = {}
    for one in json.loads(listed)["items"]:
        names, content = one["metadata"], [one.get(key) for key in ("spec", "data", "rules")]
        name = f"{one['kind']} {names.get('namespace', '')}/{names['name']} {names['uid']}"
        found[name] = json.dumps(content) if names.get("namespace") == "kept" else ""
    return found
