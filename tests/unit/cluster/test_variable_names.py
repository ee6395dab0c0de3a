"""The names that a cluster sets are known without a cluster."""

from __future__ import annotations

from pathlib import Path

from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.store import FileStore
from clusterbook.cluster.variables import cluster_variables, names


def test_a_clusters_variables_are_those_that_are_known_beforehand(store: FileStore, configuration: Path) -> None:
    cluster = ensure_cluster(store, "demo", {"api_address": "10.77.0.10"}, {}, configuration)
    assert set(cluster_variables(cluster, {}).plain) <= names()
