"""An upgrade that was cut off is known, and one that has ended stands in cluster.yaml."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clusterbook.cluster import spec, upgrades
from clusterbook.cluster.store import FileStore
from clusterbook.errors import Failed, InvalidInput

NOW = datetime(2026, 11, 26, 10, 45, tzinfo=UTC)
WRITTEN = "cluster_name: demo\napi_address: 192.0.2.10\nkubernetes_version: 1.36.3  # ours\n# the end\n"


def test_one_to_the_same_version_goes_on_and_one_to_another_is_refused_until_it_has_ended(store: FileStore) -> None:
    store.write("demo/cluster.yaml", WRITTEN.encode())
    assert not upgrades.refuse_another(store, "demo", "1.37.2")
    upgrades.begin(store, "demo", "1.37.2", NOW)
    upgrades.begin(store, "demo", "1.37.2", NOW)
    assert upgrades.refuse_another(store, "demo", "1.37.2")
    with pytest.raises(InvalidInput, match=r"an upgrade to 1\.37\.2 is under way"):
        upgrades.refuse_another(store, "demo", "1.36.3")
    upgrades.end(store, "demo", "1.37.2")
    assert upgrades.under_way(store, "demo") == ""
    assert spec.read(store, "demo").complete["kubernetes_version"] == "1.37.2"


@pytest.mark.parametrize("written", [b"", b"[]", b"{}"])
def test_a_damaged_note_is_told_with_what_to_do(store: FileStore, written: bytes) -> None:
    store.write("demo/upgrade.json", written)
    with pytest.raises(Failed, match=r"demo/upgrade\.json in .* is damaged"):
        upgrades.under_way(store, "demo")


@pytest.mark.parametrize(("before", "after"), [
    (WRITTEN, WRITTEN.replace("1.36.3", "1.37.2")),
    ('kubernetes_version: "1.36.3"\ncni: flannel\n', "kubernetes_version: 1.37.2\ncni: flannel\n"),
    ("cluster_name: demo\n", "cluster_name: demo\nkubernetes_version: 1.37.2\n"),
])  # fmt: skip
def test_the_version_is_written_and_all_else_of_the_file_stays(before: str, after: str) -> None:
    assert upgrades.with_version(before, "1.37.2") == after
