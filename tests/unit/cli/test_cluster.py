"""What is refused before a run on a cluster's hosts begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cluster.cluster import Cluster
from tests.unit.cli.conftest import Call


@pytest.mark.parametrize("task", ["provision", "plan"])
def test_more_nodes_than_parts_of_the_pods_range_are_refused_with_the_line_and_what_makes_room(
    call: Call, kept: Cluster, tmp_path: Path, task: str
) -> None:
    file = tmp_path / "store" / "hosts" / "cluster.yaml"
    file.write_text(f"{file.read_text()}pod_cidr: 10.244.0.0/22\n")
    inventory = tmp_path / "hosts.yml"
    hosts = "".join(f"    w-{number}: {{ansible_host: 192.0.2.{number}}}\n" for number in range(1, 5))
    plane = "control_plane:\n  hosts:\n    cp-1: {ansible_host: 192.0.2.5}\n    w-1:\n"
    supplied = "all:\n  vars:\n    artifacts: {kubelet: {url: x, sha256: x, version: x}}\n"
    inventory.write_text(f"{supplied}{plane}worker:\n  hosts:\n{hosts}")
    code, _, errors = call(task, "--inventory", str(inventory))
    assert code == 3
    assert "the inventory has 5 nodes, and pod_cidr 10.244.0.0/22 has room for 4 in parts of /24" in errors
    assert f"{file}:{file.read_text().count(chr(10))}:1" in errors
    assert "node_pod_prefix_bits: 25 or a wider pod_cidr, such as 10.244.0.0/21." in errors


def test_an_inventory_of_too_many_nodes_leaves_no_cluster_in_the_store(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    inventory = tmp_path / "hosts.yml"
    keys = "api_address: 192.0.2.10\n    pod_cidr: 10.244.0.0/24\n"
    hosts = "worker:\n  hosts:\n    w-1: {ansible_host: 192.0.2.1}\n    w-2: {ansible_host: 192.0.2.2}\n"
    supplied = "artifacts: {kubelet: {url: x, sha256: x, version: x}}\n"
    inventory.write_text(f"all:\n  vars:\n    {supplied}    {keys}{hosts}")
    code, _, errors = call("plan", "--inventory", str(inventory))
    assert code == 3
    assert "the inventory has 2 nodes, and pod_cidr 10.244.0.0/24 has room for 1 in parts of /24" in errors
    assert f"{inventory}:5:" in errors
    assert not (tmp_path / "store" / "hosts").exists()


def test_a_plan_makes_no_cluster_in_the_store_so_what_it_showed_can_still_be_corrected(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    inventory = tmp_path / "hosts.yml"
    nobody = "{ansible_host: 127.0.0.1, ansible_port: 1}"
    supplied = "artifacts: {kubelet: {url: x, sha256: x, version: x}}\n"
    keys = "api_address: 192.0.2.10\n    api_endpoint_mode: external\n"
    hosts = f"control_plane:\n  hosts:\n    cp-1: {nobody}\netcd: {{children: {{control_plane: }}}}\n"
    inventory.write_text(f"all:\n  vars:\n    {supplied}    {keys}{hosts}")
    for words in (["plan"], ["provision", "--check"]):
        code, output, errors = call(*words, "--inventory", str(inventory))
        assert code == 4, output + errors
        assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["hosts"]
        assert [path.name for path in (tmp_path / "store" / "hosts").iterdir()] == ["runs"]
