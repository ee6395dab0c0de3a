"""Runs that do nothing on their hosts, which nobody answers for here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.execute.playing import Told, run_files

INVENTORY = "[every]\na\nb\n[all:vars]\nansible_host=127.0.0.1\nansible_port=1\nansible_python_interpreter=/none\n"


def play(tmp_path: Path, tasks: str, more: str = "") -> Told:
    """Run a play on two hosts that cannot be reached."""
    text = f"- hosts: all\n  gather_facts: false\n  become: true\n  tasks:\n{tasks}{more}"
    return run_files(tmp_path, {"site.yml": text, "inventory.ini": INVENTORY, "more.yml": "- debug: msg=more\n"})


def test_a_play_that_only_evaluates_needs_no_host(tmp_path: Path) -> None:
    told = play(
        tmp_path,
        "    - set_fact: {x: 1}\n    - assert: {that: x == 1}\n    - include_tasks: more.yml\n"
        "    - debug: msg={{ ansible_host }}:{{ ansible_port }}\n      changed_when: true\n      notify: tell\n",
        "  handlers:\n    - name: tell\n      debug: msg=told\n",
    )
    assert told.messages("a") == told.messages("b") == ["more", "127.0.0.1:1", "told"]


@pytest.mark.parametrize("task", [
    "ping:", "wait_for_connection: {timeout: 1, sleep: 0}", "{debug: {msg: 1}, delegate_to: b}",
    "include_tasks: '{{ lookup(\"env\", \"NO_SUCH\") or \"more.yml\" }}'",
])  # fmt: skip
def test_a_step_that_may_need_a_host_has_all_of_them_connected_to(tmp_path: Path, task: str) -> None:
    told = play(tmp_path, f"    - debug: msg=1\n    - {task}\n")
    assert told.count("unreachable") == 1 and told.messages("a") == []


def test_a_later_play_that_needs_its_hosts_has_them_connected_to_at_once(tmp_path: Path) -> None:
    told = play(tmp_path, "    - debug: msg=1\n", "- hosts: b\n  gather_facts: false\n  tasks: [{ping: }]\n")
    assert told.messages("a") == [] and told.count("unreachable") == 1
