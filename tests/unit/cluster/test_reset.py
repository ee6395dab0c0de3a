"""Forgetting a cluster removes access first and never makes a CA look lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cluster import kubeconfig, reset
from clusterbook.cluster.cluster import ensure_cluster, ensure_secrets
from clusterbook.cluster.formed import is_formed, is_now_formed
from clusterbook.cluster.store import FileStore


def test_after_a_reset_the_token_and_the_kubeconfig_are_new_and_the_authorities_stay(
    store: FileStore, configuration: Path
) -> None:
    first = ensure_cluster(store, "lab", {"api_address": "10.77.0.10"}, {}, configuration)
    kubeconfig.ensure_kubeconfig(first)
    old = ensure_secrets(first)
    is_now_formed(store, "lab")
    assert reset.forget_access(store, "lab") == ["lab/kubeconfig", "lab/secrets/bootstrap-token", "lab/etcd-formed"]
    assert not is_formed(store, "lab")
    assert reset.forget_access(store, "lab") == []
    second = ensure_cluster(store, "lab", {}, {}, configuration)
    new = ensure_secrets(second)
    assert second.authorities.trust_bundle() == first.authorities.trust_bundle()
    assert new.value("cluster_bootstrap_token") != old.value("cluster_bootstrap_token")
    assert new.value("cluster_encryption_keys") == old.value("cluster_encryption_keys")


def test_a_deleted_cluster_leaves_nothing_and_another_stays(store: FileStore, configuration: Path) -> None:
    for name in ("lab", "other"):
        ensure_cluster(store, name, {"api_address": "10.77.0.10"}, {}, configuration)
    reset.delete_cluster(store, "lab")
    assert store.names("lab") == []
    assert store.read("other/cluster.yaml") is not None


@pytest.mark.parametrize("left", [1, 3, 6, 10])
def test_a_delete_that_died_halfway_can_be_run_again_or_the_cluster_used_anew(
    store: FileStore, configuration: Path, left: int
) -> None:
    ensure_cluster(store, "lab", {"api_address": "10.77.0.10"}, {}, configuration)
    removed = sorted(store.names("lab"), key=reset._order)[:left]
    for name in removed:
        store.swap(name, store.read(name), None)
    again = ensure_cluster(store, "lab", {"api_address": "10.77.0.10"}, {}, configuration)
    assert again.spec.complete["api_address"] == "10.77.0.10"
    reset.delete_cluster(store, "lab")
    assert store.names("lab") == []
