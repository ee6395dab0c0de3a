"""Which tasks there are, and under which heading each is listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from invoke.collection import Collection
from invoke.tasks import Task

from clusterbook.cli import artifacts, check, cluster, lab, playbooks, up, use

GROUPS: dict[str, tuple[str, Sequence[Task[Any]]]] = {
    "Lab": ("real hosts on this machine, to learn and to test", (up.up, lab.lab_up, lab.lab_status, lab.lab_down)),
    "Cluster": (
        "raise and change a cluster",
        (cluster.plan, cluster.provision, check.validate_cluster, cluster.reset),
    ),
    "Operate": ("keep it right", (check.verify,)),
    "Use": ("work with a running cluster", (use.kubeconfig, use.kubectl, use.cluster_info, use.ssh)),
    "Playbooks": ("run your own, and understand runs", (playbooks.run, playbooks.explain, playbooks.report)),
    "Build": ("what clusters are made of", (artifacts.artifacts, artifacts.mirror)),
}


def collection() -> Collection:
    """All tasks, as Invoke and the clusterbook program take them."""
    return Collection(*(task for _, tasks in GROUPS.values() for task in tasks))
