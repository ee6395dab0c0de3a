"""Plays that wait for hosts which cannot be reached yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook.errors import Unreachable
from clusterbook.execute import hosts
from clusterbook.transport.connect import Connector
from tests.unit.execute.playing import Told, run_files

PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - wait_for_connection: {{{timeout}}}
      register: waited
    - debug: msg=reached
"""


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A host that is reached with the third try; the tries."""
    tries: list[str] = []
    connect = Connector.connect

    def tried(self: Connector, host: Any, options: Any = None) -> Any:
        if host.name != "localhost":
            tries.append(host.name)
        if len(tries) in (1, 2):
            raise Unreachable("not yet")
        return connect(self, host, options)

    monkeypatch.setattr(Connector, "connect", tried)
    monkeypatch.setattr(hosts, "RETRY_SECONDS", 0.01)
    return tries


def run(directory: Path, timeout: str) -> Told:
    return run_files(directory, {"site.yml": PLAY.format(timeout=timeout)})


def test_a_host_is_tried_again_until_it_is_reached(tmp_path: Path, late: list[str]) -> None:
    assert run(tmp_path, "").messages() == ["reached"]
    assert late == ["a", "a", "a"]


def test_a_host_that_is_not_reached_in_time_is_unreachable(tmp_path: Path, late: list[str]) -> None:
    told = run(tmp_path, "timeout: 0")
    assert told.count("unreachable") == 1 and late == ["a"]


def test_a_step_waits_for_another_host(tmp_path: Path, late: list[str]) -> None:
    hosts_file = "[all:vars]\nansible_connection=local\n[every]\na\nnew\n"
    told = run_files(tmp_path, {"inventory.ini": hosts_file, "site.yml": """\
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - wait_for_connection: {timeout: 10}
      delegate_to: new
    - debug: msg=reached
    - reboot:
      delegate_to: new
"""})
    assert told.messages("localhost") == ["reached"], told.events
    assert late == ["new", "new", "new"]
    assert told.failures("localhost") == ["a reboot is not delegated: let a play or a task on new itself do it"]


def test_a_play_that_does_not_wait_tries_once(tmp_path: Path, late: list[str]) -> None:
    told = run_files(tmp_path, {"site.yml": "- hosts: all\n  gather_facts: false\n  tasks: [{ping: }]\n"})
    assert told.count("unreachable") == 1 and late == ["a"]


def test_a_host_says_whether_another_one_has_a_variable(tmp_path: Path) -> None:
    tasks = "- set_fact: {mine: 1}\n    - debug: msg={{ 'mine' in hostvars['b'] and 'mine' in hostvars['a'] }}\n"
    told = run_files(tmp_path, {"site.yml": f"- hosts: all\n  gather_facts: false\n  tasks:\n    {tasks}"}, "ab")
    assert told.messages() == [True]
