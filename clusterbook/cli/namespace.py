"""Which tasks there are, and under which heading each is listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from invoke.collection import Collection
from invoke.tasks import Task

from clusterbook.cli import artifacts, cluster, lab, use

GROUPS: dict[str, tuple[str, Sequence[Task[Any]]]] = {
    "Lab": ("real hosts on this machine, to learn and to test", (lab.lab_up, lab.lab_status, lab.lab_down)),
    "Cluster": ("raise, change and take off a cluster", (cluster.provision, cluster.plan, cluster.reset)),
    "Use": ("a running cluster", (use.kubeconfig, use.kubectl, use.cluster_info)),
    "Build": ("what clusters are made of", (artifacts.artifacts, artifacts.mirror)),
}


def collection() -> Collection:
    """All tasks, as Invoke and the clusterbook program take them."""
    return Collection(*(task for _, tasks in GROUPS.values() for task in tasks))
