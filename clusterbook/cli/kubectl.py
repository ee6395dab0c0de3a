"""kubectl for commands of a person, who is told when it has to be fetched or built first: that takes minutes."""

from __future__ import annotations

import sys

from clusterbook.cli.clusters import lab_of
from clusterbook.cli.screen import open_stage
from clusterbook.cli.supplying import refuse_not_up
from clusterbook.cluster import kube
from clusterbook.cluster.artifacts.events import Event
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.kube import Kubectl


def open_kubectl(cluster: Cluster) -> Kubectl:
    """kubectl of the cluster's version with the administrator's kubeconfig. Failed where its lab is not up."""
    refuse_not_up(lab_of(cluster.name))
    shown = open_stage("kubectl", sys.stderr)

    def report(event: Event) -> None:
        if event.kind == "cached":
            return
        from clusterbook.cli.artifacts import reporter

        reporter(shown)(event)
        if shown.live and event.kind == "done":
            shown.output.write("\n")

    return kube.open_kubectl(cluster, report)
