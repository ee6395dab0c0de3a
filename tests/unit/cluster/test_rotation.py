"""A rotation that was cut off goes on from the time at which it began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clusterbook.cluster import rotation
from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.kubeconfig import ensure_kubeconfig, renew_kubeconfig
from clusterbook.cluster.secrets import PASSPHRASE_VARIABLE
from clusterbook.cluster.store import FileStore
from clusterbook.errors import Failed

NOW = datetime(2026, 11, 26, 10, 45, tzinfo=UTC)


def test_a_second_run_counts_from_the_time_of_the_first_until_one_has_ended(store: FileStore) -> None:
    assert rotation.under_way(store, "demo") is None
    assert rotation.begin(store, "demo", NOW) == int(NOW.timestamp())
    assert rotation.begin(store, "demo", NOW + timedelta(hours=1)) == int(NOW.timestamp())
    assert rotation.under_way(store, "demo") == int(NOW.timestamp())
    rotation.end(store, "demo")
    rotation.end(store, "demo")
    assert rotation.under_way(store, "demo") is None
    assert rotation.begin(store, "demo", NOW + timedelta(hours=2)) == int(NOW.timestamp()) + 7200


@pytest.mark.parametrize("written", [b"", b"[]", b"{}", b'{"since": "soon"}'])
def test_a_damaged_note_is_told_with_what_to_do(store: FileStore, written: bytes) -> None:
    store.write("demo/rotation.json", written)
    with pytest.raises(Failed, match=r"demo/rotation\.json in .* is damaged"):
        rotation.begin(store, "demo", NOW)


def test_the_kubeconfig_is_made_anew_when_there_is_one(store: FileStore) -> None:
    cluster = ensure_cluster(store, "demo", {"api_address": "192.0.2.10"}, {PASSPHRASE_VARIABLE: "open sesame"})
    renew_kubeconfig(cluster)
    assert store.read("demo/kubeconfig") is None
    old = ensure_kubeconfig(cluster).read_bytes()
    renew_kubeconfig(cluster)
    assert ensure_kubeconfig(cluster).read_bytes() != old
