"""Inventory scripts, as ansible-core 2.19 reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clusterbook.errors import InvalidInput
from clusterbook.inventory import load

TOLD = {
    "_meta": {"hostvars": {"web1": {"ansible_host": "192.0.2.1", "text": "{{ never }}"}, "lone": {"a": 1}}},
    "web": {"hosts": ["web1", "web2"], "vars": {"port": 80}, "children": ["canary"]},
    "canary": ["web3"],
    "empty": {},
    "single": {"role": "cache"},
}


def script(folder: Path, body: str, name: str = "hosts.py") -> Path:
    """A program of the shell."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def telling(folder: Path, told: Any) -> Path:
    """One that prints this as JSON."""
    (folder / "told.json").write_text(json.dumps(told))
    return script(folder, f'[ "$1" = --list ] && cat {folder}/told.json')


def test_groups_hosts_and_variables_are_what_the_program_tells(tmp_path: Path) -> None:
    inventory = load(telling(tmp_path, TOLD))
    assert inventory.groups["web"] == ("web1", "web2", "web3") and inventory.groups["canary"] == ("web3",)
    assert inventory.groups["single"] == ("single",) and inventory.groups["ungrouped"] == ("lone",)
    variables = {name: dict(host.variables) for name, host in inventory.hosts.items()}
    assert variables["web1"] == {"port": 80, "ansible_host": "192.0.2.1", "text": "{{ never }}"}
    assert (variables["web3"], variables["lone"], variables["single"]) == ({"port": 80}, {"a": 1}, {"role": "cache"})
    assert type(variables["web1"]["text"]) is str, "what a program tells is no template"


def test_without_meta_each_host_is_asked_for(tmp_path: Path) -> None:
    path = script(tmp_path, """
case "$1" in
  --list) echo '{"all": {"hosts": ["a", "b"]}}';;
  --host) echo "$2" >> asked; echo "{\\"name\\": \\"$2\\"}";;
esac""".replace("asked", str(tmp_path / "asked")))
    inventory = load(path)
    assert [inventory.hosts[name].variables["name"] for name in "ab"] == ["a", "b"]
    assert (tmp_path / "asked").read_text().split() == ["a", "b"]


def test_files_beside_a_script_count_and_a_directory_may_hold_one(tmp_path: Path) -> None:
    telling(tmp_path, {"web": ["w"], "_meta": {"hostvars": {}}})
    (tmp_path / "told.json").rename(tmp_path / "told.txt")
    script(tmp_path, f"cat {tmp_path}/told.txt")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "web.yml").write_text("port: '{{ 1 + 1 }}'\n")
    (tmp_path / "more.ini").write_text("[web]\nv\n")
    inventory = load(tmp_path)
    assert inventory.groups["web"] == ("w", "v") and "port" in inventory.hosts["w"].variables


@pytest.mark.parametrize(("body", "message"), [
    ("echo no key >&2; exit 3", "it ended with exit status 3: no key"),
    ("exit 3", "it ended with exit status 3, with nothing on standard error"),
    ("echo '{\"a\": '", "what it wrote is not JSON: Expecting value: line 2 column 1 (char 7)"),
    ("echo '[1]'", "it wrote [1], expected a mapping"),
    ("echo '{\"web\": \"w\"}'", "hosts of group 'web': \"w\", expected a list of names"),
    ("echo '{\"web\": {\"vars\": [1]}}'", "vars of group 'web': [1], expected a mapping"),
    ("echo '{\"_meta\": {\"hostvars\": {\"w\": 1}}}'", "the variables of host 'w': 1, expected a mapping"),
    ("printf 'evil \\033[31m' >&2; exit 1", "it ended with exit status 1: evil ?[31m"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_the_command_to_look_at(tmp_path: Path, body: str, message: str) -> None:
    path = script(tmp_path, body)
    with pytest.raises(InvalidInput) as caught:
        load(path)
    assert caught.value.message == f"the inventory script '{path}': {message}"
    assert caught.value.next_step == f"Run it: {path} --list"


def test_a_program_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    path = script(tmp_path, "")
    path.write_text("#!/no/such/interpreter\n")
    with pytest.raises(InvalidInput, match="it cannot be started: No such file or directory"):
        load(path)


def test_a_file_that_may_not_be_executed_is_read_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o644)
    assert load(path).hosts == {}
