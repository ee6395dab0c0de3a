"""The inventories that come with the project describe the same cluster on other hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def _groups(name: str) -> dict[str, list[str]]:
    groups: dict[str, Any] = yaml.safe_load((ROOT / "inventory" / name).read_text())["all"]["children"]
    return {group: sorted(content.get("hosts") or content.get("children") or ()) for group, content in groups.items()}


def test_vagrant_s_machines_have_the_names_and_groups_of_the_lab_s_hosts() -> None:
    assert _groups("vagrant.yml") == _groups("lab.yml")


def test_the_vagrantfile_takes_its_machines_from_the_inventory() -> None:
    text = (ROOT / "Vagrantfile").read_text()
    assert '"vagrant.yml"' in text
    named = re.search(r"memory_megabytes = \{(.*)\}", text)
    assert named is not None
    assert set(re.findall(r'"(\w+)" =>', named[1])) == {"control_plane", "worker"}


def test_every_host_of_an_inventory_has_its_own_address() -> None:
    for name in ("lab.yml", "vagrant.yml"):
        addresses = re.findall(r"ansible_host: ([0-9.]+)", (ROOT / "inventory" / name).read_text())
        assert len(addresses) == len(set(addresses)) == 5
