"""What the store says of a cluster before anything is made for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cli import places
from clusterbook.cli.clusters import chosen, wanted_components, wanted_versions
from clusterbook.cluster import spec
from clusterbook.cluster.store import open_store
from clusterbook.errors import InvalidInput


def test_a_mirror_holds_the_kubernetes_that_its_cluster_asks_for(tmp_path: Path) -> None:
    store = open_store({"CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}"})
    assert wanted_versions(store, "demo") == {}
    written = {"cluster_name": "demo", "api_address": "10.0.0.10", "kubernetes_version": "1.36.3"}
    store.write("demo/cluster.yaml", spec.render(written).encode())
    assert wanted_versions(store, "demo") == {"kubernetes": "1.36.3"}


def test_a_mirror_holds_other_components_at_the_versions_that_its_cluster_pins(tmp_path: Path) -> None:
    store = open_store({"CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}"})
    written = {"cluster_name": "demo", "api_address": "10.0.0.10", "component_versions": {"etcd": "3.6.16"}}
    store.write("demo/cluster.yaml", spec.render(written).encode())
    assert wanted_versions(store, "demo") == {"kubernetes": "1.37.2", "etcd": "3.6.16"}


def test_a_mirror_of_a_cluster_on_ec2_holds_what_ties_it_to_aws(tmp_path: Path) -> None:
    store = open_store({"CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}"})
    store.write("demo/cluster.yaml", spec.render({"cluster_name": "demo", "aws": {"zones": ["us-east-2a"]}}).encode())
    assert set(wanted_components(store, "demo")) - set(wanted_components(store, "none")) == {"cloud-provider-aws"}


def test_of_several_clusters_the_inventory_s_is_meant_as_in_every_task_on_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store({"CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}"})
    for name in ("demo", "other"):
        written = {"cluster_name": name, "api_address": "10.0.0.10"}
        store.write(f"{name}/cluster.yaml", spec.render(written).encode())
    monkeypatch.setenv(places.INVENTORY_VARIABLE, "none-of-them")
    with pytest.raises(InvalidInput, match="the store has 2 clusters: demo, other"):
        chosen(store)
    monkeypatch.setenv(places.INVENTORY_VARIABLE, "other")
    assert (chosen(store), chosen(store, "demo")) == ("other", "demo")
    monkeypatch.delenv(places.INVENTORY_VARIABLE)
    store.write("lab/cluster.yaml", spec.render({"cluster_name": "lab", "api_address": "10.0.0.10"}).encode())
    (tmp_path / "mine" / "inventory").mkdir(parents=True)
    for name in ("staging.yml", "production.yml"):
        (tmp_path / "mine" / "inventory" / name).write_text("all:")
    monkeypatch.chdir(tmp_path / "mine")
    with pytest.raises(InvalidInput, match="the store has 3 clusters: demo, lab, other"):
        chosen(store)
    monkeypatch.chdir(places.brought())
    assert chosen(store) == places.default_inventory() == "lab"
