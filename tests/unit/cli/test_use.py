"""Small pieces of the tasks for people: whom ssh means, ssh's command line, which secrets there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.cli.site import Site
from clusterbook.cli.use import host_of, ssh_argv
from clusterbook.cluster.store import FileStore
from clusterbook.errors import InvalidInput
from clusterbook.inventory import load
from clusterbook.model import Host
from tests.unit.cli.conftest import INVENTORY, Call, Run

HOSTS = """
all:
  hosts:
    master-us-east-2a: {ansible_host: 10.20.32.10, node_name: ip-10-20-32-10}
    w-1: {ansible_host: 10.20.32.11, node_name: "{{ inventory_hostname }}-node"}
"""


@pytest.mark.parametrize(("name", "host"), [
    ("w-1", "w-1"), ("ip-10-20-32-10", "master-us-east-2a"), ("w-1-node", "w-1"),
])  # fmt: skip
def test_ssh_takes_the_name_of_a_host_or_of_its_node(tmp_path: Path, name: str, host: str) -> None:
    (tmp_path / "hosts.yml").write_text(HOSTS)
    path = tmp_path / "hosts.yml"
    site = Site(load(path), path, FileStore(tmp_path / "store"), "demo")
    assert host_of(site, name).name == host
    with pytest.raises(InvalidInput, match="no host 'w-9' in the inventory 'hosts'; did you mean 'w-1'") as caught:
        host_of(site, "w-9")
    assert "master-us-east-2a, w-1" in caught.value.next_step


def test_the_secrets_that_can_be_had_are_listed_without_their_values(run: Run) -> None:
    code, text = run("get-secrets")
    assert code == 0 and "kube/admin" in text and "dashboard/viewer" in text
    code, text = run("get-secrets", "--json")
    assert [one["name"] for one in json.loads(text)] == ["kube/admin", "dashboard/viewer"]


def test_ssh_uses_the_inventorys_address_user_key_and_options() -> None:
    host = Host("cp-1", ("all",), {
        "ansible_host": "10.0.0.1", "ansible_user": "admin", "ansible_port": 2222,
        "ansible_ssh_private_key_file": "key", "ansible_ssh_common_args": "-o UserKnownHostsFile='a b'",
    })  # fmt: skip
    assert ssh_argv(host, []) == [
        "ssh", "-o", "UserKnownHostsFile=a b", "-i", "key", "-p", "2222", "admin@10.0.0.1",
    ]  # fmt: skip


def test_several_words_reach_the_host_as_they_are_one_is_a_command_line() -> None:
    host = Host("cp-1", (), {})
    assert ssh_argv(host, ["echo", "a b"]) == ["ssh", "cp-1", "echo 'a b'"]
    assert ssh_argv(host, ["echo a | wc"]) == ["ssh", "cp-1", "echo a | wc"]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("words", [
    ("--inventory", "HOSTS", "w-1", "uptime", "-p"), ("w-1", "--inventory", "HOSTS", "uptime", "-p"),
    ("w-1", "--inventory=HOSTS", "--", "uptime", "-p"), ("--inventory", "HOSTS", "w-1", "--", "uptime", "-p"),
])  # fmt: skip
def test_options_of_ssh_may_stand_before_or_after_the_host(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    called: list[list[str]] = []
    monkeypatch.setattr("os.execvp", lambda program, argv: called.append(argv))
    code, _, errors = call("ssh", *(word.replace("HOSTS", str(tmp_path / "hosts.yml")) for word in words))
    assert (code, errors) == (0, "")
    assert called == [["ssh", "192.0.2.1", "uptime -p"]]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("words", [
    ("explain", "port", "w-11"), ("inventory", "--host", "w-11"),
    ("add-node", "w-11"), ("replace-node", "w-11"), ("remove-node", "w-11"),
])  # fmt: skip
def test_who_names_a_host_that_is_none_is_told_the_nearest_one(call_on_hosts: Call, words: tuple[str, ...]) -> None:
    code, _, errors = call_on_hosts(*words)
    assert code == 3
    assert "there is no host 'w-11' in the inventory 'hosts'; did you mean 'w-1'?" in errors
    assert "Hosts are: w-1, w-2." in errors
