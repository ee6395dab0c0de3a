"""What a person is told who did not say where hosts get their binaries from."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from clusterbook.cli.supplying import refuse_other_versions, supplied
from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.store import cluster_names, open_store
from clusterbook.errors import Failed, InvalidInput
from clusterbook.lab.spec import LabHost, LabSpec
from tests.unit.cli.conftest import INVENTORY, Call

NOT_UP = LabSpec("not-there", (LabHost("cp-1", "10.77.0.11"),))
NOTHING_SERVES = "http://127.0.0.1:1"


def test_a_lab_that_is_not_up_is_called_so_with_the_command_that_raises_it() -> None:
    with pytest.raises(Failed, match="the lab not-there is not up") as refused:
        supplied(NOT_UP)
    assert "invoke up" in refused.value.next_step


def cluster_of_no_lab(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store, beside the inventory that is written, with the cluster of a lab that is not up."""
    store = f"file://{inventory.parent}/store"
    environment = {"CLUSTERBOOK_STATE_STORE": store, "CLUSTERBOOK_STORE_PASSPHRASE": "open sesame"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ensure_cluster(open_store(environment), "not-there", {"api_address": "10.99.0.10"}, environment)
    lab = "all:\n  vars: {lab_name: not-there, lab_network: 10.99.0.0/24}\n"
    inventory.write_text(f"{lab}  hosts:\n    w-1: {{ansible_host: 10.99.0.21}}\n")


@pytest.mark.parametrize("words", [("status",), ("doctor",), ("validate-cluster",), ("certs",), ("ssh", "w-1")])
def test_hosts_of_a_lab_that_is_not_up_are_not_asked(
    words: tuple[str, ...], call_on_hosts: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_of_no_lab(tmp_path / "hosts.yml", monkeypatch)
    code, _, errors = call_on_hosts(*words)
    assert code == 1
    assert "the lab not-there is not up" in errors


@pytest.mark.parametrize("words", [
    ("kubectl", "--", "get", "nodes"), ("top",), ("cluster-info",), ("app-status", "hello"), ("dashboard",),
])  # fmt: skip
def test_the_api_of_a_lab_that_is_not_up_is_not_asked(
    words: tuple[str, ...], call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_of_no_lab(tmp_path / "not-there.yml", monkeypatch)
    monkeypatch.chdir(tmp_path)
    code, _, errors = call(*words)
    assert (code, "the lab not-there is not up" in errors) == (1, True), errors


def test_who_only_looks_needs_no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTERBOOK_MIRROR", NOTHING_SERVES)
    assert supplied(NOT_UP, looking=True) == supplied(None, looking=True) == {}
    with pytest.raises(Failed, match="the mirror does not answer"):
        supplied(None)


@pytest.mark.parametrize("address", ["192.0.2.5:8080", "ftp://192.0.2.5:8080"])
def test_a_mirror_without_http_is_shown_as_it_should_be_written(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTERBOOK_MIRROR", address)
    with pytest.raises(InvalidInput, match=rf"CLUSTERBOOK_MIRROR is '{address}'") as refused:
        supplied(None)
    assert refused.value.next_step == "Write: export CLUSTERBOOK_MIRROR=http://192.0.2.5:8080"


@pytest.mark.parametrize("mirror", ["", NOTHING_SERVES])
def test_a_plan_that_is_refused_leaves_no_cluster_in_the_store(
    mirror: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}/store", "CLUSTERBOOK_MIRROR": mirror}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    code, _, errors = call("plan", "--inventory", str(tmp_path / "hosts.yml"))
    assert (code, "hosts' get Kubernetes' binaries from" in errors) == ((1, False) if mirror else (3, True)), errors
    assert cluster_names(open_store(environment)) == []


@pytest.mark.parametrize(("pinned", "offered"), [
    ({}, ""), ({"containerd": "2.4.2"}, ""), ({"coredns": "1.14.6"}, ""), ({"metrics-server": "0.9.0"}, ""),
    ({"containerd": "2.3.7"}, "containerd 2.4.2, not 2.3.7"),
    ({"coredns": "1.15.0"}, "coredns 1.14.6, not 1.15.0"),
])  # fmt: skip
def test_a_mirror_that_was_not_filled_anew_after_a_version_was_pinned_is_told(
    pinned: dict[str, str], offered: str
) -> None:
    image = {"reference": "registry.k8s.io/coredns/coredns:v1.14.6", "tag": "v1.14.6"}
    artifacts = {name: {"version": "2.4.2"} for name in ("containerd", "ctr")}
    brought = {"artifacts": artifacts, "images": {"coredns": image}}
    with pytest.raises(InvalidInput, match=f"than the cluster asks for: {offered}") if offered else nullcontext():
        refuse_other_versions({"component_versions": pinned}, brought)
