"""`inventory` as a person and as Ansible sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Call

HOSTS = """
all:
  vars:
    ansible_user: admin
    ansible_host: "192.0.2.{{ number }}"
    greeting: "hello {{ number }}"
    open: sesame
  children:
    worker:
      hosts:
        w-1: {number: 1}
        w-2: {number: 2, roles: [a, b]}
    empty:
"""


@pytest.fixture
def hosts(tmp_path: Path) -> str:
    """An inventory of two hosts with templates."""
    path = tmp_path / "hosts.yml"
    path.write_text(HOSTS)
    return str(path)


def test_groups_are_shown_with_their_hosts(call: Call, hosts: str) -> None:
    code, text, errors = call("inventory", "--inventory", hosts)
    assert (code, errors) == (0, "")
    assert text.splitlines() == ["worker (2)", "  w-1", "  w-2", "empty (0)"]


def test_ansible_gets_groups_and_all_variables_that_are_known_at_once(call: Call, hosts: str) -> None:
    found = json.loads(call("inventory", "--inventory", hosts, "--list")[1])
    assert found["worker"] == {"hosts": ["w-1", "w-2"]}
    assert found["all"] == {"hosts": ["w-1", "w-2"]}
    assert found["_meta"]["hostvars"]["w-2"] == {
        "ansible_user": "admin", "ansible_host": "192.0.2.2", "open": "sesame", "number": 2, "roles": ["a", "b"],
    }  # fmt: skip


def test_ansible_gets_one_host(call: Call, hosts: str) -> None:
    assert json.loads(call("inventory", "--inventory", hosts, "--host", "w-1")[1])["ansible_host"] == "192.0.2.1"


def test_a_host_that_is_none_is_told_with_the_nearest_one(call: Call, hosts: str) -> None:
    code, _, errors = call("inventory", "--inventory", hosts, "--host", "w-11")
    assert code == 3 and "did you mean 'w-1'" in errors


def test_what_was_encrypted_is_left_out(
    call: Call, hosts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("a long password\n")
    monkeypatch.setenv("CLUSTERBOOK_VAULT_PASSWORD_FILE", str(tmp_path / "password"))
    kept = tmp_path / "group_vars" / "all.yml"
    kept.parent.mkdir()
    kept.write_text("token: hidden-in-here\nnested: {deep: [hidden-in-here]}\n")
    assert call("vault", "encrypt", str(kept))[0] == 0
    code, text, _ = call("inventory", "--inventory", hosts, "--list")
    assert code == 0 and "hidden-in-here" not in text and '"number": 1' in text
