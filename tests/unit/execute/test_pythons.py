"""A play means the same on every Python that a host may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pythons import HOSTS, found
from tests.unit.execute.conftest import Playbooks

PYTHONS = dict(found(HOSTS))
PLAY = """\
- hosts: all
  gather_subset: [min]
  vars: {words: [b, a], nested: "{{ {'of': words | sort} }}"}
  tasks:
    - {ansible.builtin.tempfile: {state: directory}, register: made}
    - {ansible.builtin.template: {src: page.j2, dest: "{{ made.path }}/page", mode: "0640"}}
    - {ansible.builtin.lineinfile: {path: "{{ made.path }}/page", line: "{{ item }}"}, loop: [one, two]}
    - {ansible.builtin.command: "cat {{ made.path }}/page", register: said, changed_when: false}
    - block: [{ansible.builtin.command: /bin/false}]
      rescue: [{ansible.builtin.set_fact: {rescued: "{{ ansible_failed_result.rc }}"}}]
    - {ansible.builtin.file: {path: "{{ made.path }}", state: absent}}
    - {name: told, ansible.builtin.debug: {msg: "{{ said.stdout_lines | join(' ') }} {{ rescued }}"}}
    - {name: version, ansible.builtin.debug: {msg: "{{ ansible_facts.python.version.minor }}"}}
"""


@pytest.mark.parametrize("version", HOSTS)
def test_a_play_runs_on_a_host_with_this_python(version: str, playbooks: Playbooks) -> None:
    if version not in PYTHONS:
        pytest.skip(f"no Python {version} on this machine")
    (playbooks.folder / "page.j2").write_text("{% for word in nested.of %}{{ word | upper }} {% endfor %}\n")
    inventory = f"all: {{hosts: {{h: {{ansible_connection: local, ansible_python_interpreter: {PYTHONS[version]}}}}}}}"
    ran = playbooks.run(PLAY, inventory)
    assert ran.code == 0
    assert ran.messages("told") == ["A B  one two 1"]
    assert ran.messages("version") == [version.partition(".")[2]]


def test_a_host_with_an_older_python_is_told_so(playbooks: Playbooks) -> None:
    older = dict(found(("3.8",)))
    if not older:
        pytest.skip("no Python 3.8 on this machine")
    host = f"{{ansible_connection: local, ansible_python_interpreter: {older['3.8']}}}"
    ran = playbooks.run(PLAY, f"all: {{hosts: {{h: {host}}}}}")
    assert ran.code != 0
    assert any(f"its Python is 3.8, and {HOSTS[0]} or newer is needed" in str(event) for event in ran.events)


def test_the_oldest_python_of_hosts_is_the_one_that_the_readme_promises() -> None:
    assert f"Python {HOSTS[0]}" in (Path(__file__).parents[3] / "README.md").read_text()
