"""A lab and its Ansible inventory say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.errors import InvalidInput
from clusterbook.lab.inventory_file import inventory_text, spec_from_counts, spec_from_inventory_file
from clusterbook.lab.spec import LabHost, LabSpec

STANDARD = Path(__file__).parents[3] / "inventory" / "lab.yml"


def test_the_standard_lab_has_three_control_planes_and_two_workers() -> None:
    spec = spec_from_inventory_file(STANDARD)
    assert (spec.name, spec.network, spec.gateway) == ("lab", "10.77.0.0/24", "10.77.0.1")
    assert {host.name: host.address for host in spec.hosts} == {
        "cp-1": "10.77.0.11",
        "cp-2": "10.77.0.12",
        "cp-3": "10.77.0.13",
        "w-1": "10.77.0.21",
        "w-2": "10.77.0.22",
    }
    assert {host.image for host in spec.hosts} == {"debian-12"}


def test_an_image_is_inherited_from_a_group_and_a_host_may_differ(tmp_path: Path) -> None:
    path = tmp_path / "mixed.yml"
    path.write_text(
        """
all:
  vars: {lab_network: 10.78.0.0/24, lab_apt_port: 3999}
  children:
    worker:
      vars: {lab_image: debian-13}
      hosts:
        w-1: {ansible_host: 10.78.0.21}
        w-2: {ansible_host: 10.78.0.22, lab_image: debian-12}
"""
    )
    spec = spec_from_inventory_file(path)
    assert spec.name == "mixed"
    assert spec.apt_port == 3999
    assert [host.image for host in spec.hosts] == ["debian-13", "debian-12"]


def test_a_written_inventory_reads_back_as_the_same_lab(tmp_path: Path) -> None:
    groups = {
        "control_plane": [LabHost("cp-1", "10.79.0.11")],
        "etcd": [LabHost("etcd-1", "10.79.0.31")],
        "worker": [LabHost("w-1", "10.79.0.21", "debian-13")],
    }
    spec = LabSpec("two", tuple(host for hosts in groups.values() for host in hosts), "10.79.0.0/24")
    path = tmp_path / "inventory.yml"
    path.write_text(inventory_text(spec, groups))
    assert spec_from_inventory_file(path) == spec


def test_without_hosts_of_its_own_etcd_runs_on_the_control_planes() -> None:
    text = inventory_text(LabSpec("x", ()), {"control_plane": [LabHost("cp-1", "10.77.0.11")], "etcd": []})
    assert "etcd:\n      children:\n        control_plane: {}" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("all: {hosts: {a: {}}}", "the host a has no ansible_host"),
        ("- a list", "an inventory is a mapping of groups"),
        ("all: [", "not valid YAML"),
    ],
)
def test_a_bad_inventory_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as refused:
        spec_from_inventory_file(path)
    assert words in refused.value.message
    assert refused.value.where is not None
    assert refused.value.next_step


def test_a_misspelt_address_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_text("all: {hosts: {a: {ansible_hots: 10.77.0.11}}}")
    with pytest.raises(InvalidInput) as refused:
        spec_from_inventory_file(path)
    assert refused.value.next_step == "Write ansible_host instead of ansible_hots."


def test_a_missing_inventory_is_refused_with_the_ways_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no inventory") as refused:
        spec_from_inventory_file(tmp_path / "none.yml")
    assert "--inventory" in refused.value.next_step


@pytest.mark.parametrize(("network", "wrong"), [
    ("10.300.0.0/24", "is not a network"), ("banana", "is not a network"),
    ("10.70.0.0/28", "10.70.0.0/28 has no room for worker number 1"),
])  # fmt: skip
def test_a_lab_by_counts_in_an_impossible_network_is_refused(network: str, wrong: str) -> None:
    with pytest.raises(InvalidInput, match=wrong):
        spec_from_counts("small", 1, 1, network=network)
