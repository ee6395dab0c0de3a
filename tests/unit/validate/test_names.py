"""Names of variables in an inventory: what is nearly the way to a host is refused, what is somebody's own is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cli.main import Clusterbook
from clusterbook.cli.namespace import collection

PLAY = "- hosts: all\n  gather_facts: false\n  connection: local\n  tasks: [{debug: {msg: here}}]\n"


@pytest.mark.parametrize(("name", "meant"), [
    ("ansible_hots", "ansible_host"), ("ansible_usr", "ansible_user"), ("ansible_users", ""), ("ansible_hostname", ""),
    ("ansible_host", ""),
])  # fmt: skip
def test_a_name_that_is_nearly_the_way_to_a_host_is_refused_unless_it_is_one_s_own(
    name: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    machine: None,
) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "hosts.yml").write_text(f"all: {{hosts: {{a: {{{name}: 192.0.2.1}}}}}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    program = Clusterbook(namespace=collection(["run"]), name="clusterbook")
    code = program.go(["clusterbook", "run", "play.yml", "--inventory", "hosts"])
    said = f"nothing reads the variable '{name}'; did you mean '{meant}'?"
    assert (code != 0, said in capsys.readouterr().err) == ((True, True) if meant else (False, False))
