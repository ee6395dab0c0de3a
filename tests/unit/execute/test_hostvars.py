"""What hosts read of each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clusterbook.compile.plan import PlayPlan
from clusterbook.execute.answers import Answers
from clusterbook.execute.gates import Gates
from clusterbook.execute.services import Services
from clusterbook.language.program import EVERY_NAME, HostPart, Program
from clusterbook.language.values import Secret
from tests.unit.execute.playing import HEAD, run_files

INVENTORY = """\
a ansible_connection=local port=1 name=one
b ansible_connection=local port=2 name=two
"""


def test_the_host_is_chosen_by_any_expression(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"inventory.ini": INVENTORY, "site.yml": HEAD + """\
    - debug: {msg: "{{ hostvars[groups['all'][1]].port }} {{ hostvars[groups['all'] | last]['name'] }}"}
"""})  # fmt: skip
    assert told.messages() == ["2 two"]


def test_names_that_are_computed_are_read_too_learnt_ones_with_them(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"inventory.ini": INVENTORY, "site.yml": HEAD + """\
    - set_fact: {learnt: "{{ inventory_hostname }}"}
    - debug: {msg: "{{ hostvars[inventory_hostname][item] }} {{ hostvars.b[item] }}"}
      loop: [port, name, learnt]
    - debug: {msg: "{{ names | map('extract', hostvars.b) | join(' ') }}"}
      vars: {names: [port, learnt]}
    - debug: {msg: "{{ all.port }}"}
      vars: {all: "{{ hostvars[inventory_hostname] }}"}
"""})  # fmt: skip
    assert told.messages() == ["1 2", "one two", "a b", "2 b", 1]


def test_extra_variables_win_there_too(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"inventory.ini": INVENTORY, "site.yml": HEAD + """\
    - debug: {msg: "{{ hostvars.b.port }} {{ hostvars.b.extra }}"}
"""}, extra_variables={"port": 9, "extra": "given"})  # fmt: skip
    assert told.messages() == ["9 given"]


def test_all_variables_of_a_host_are_shown_as_a_mapping_without_its_secrets(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "inventory.ini": INVENTORY,
        "host_vars/b.yml": "token: '{{ password }}'\nport_text: 'port {{ port }}'\n",
        "site.yml": HEAD + """\
    - set_fact: {learnt: "by {{ inventory_hostname }}"}
    - debug: {msg: "{{ hostvars.b }}"}
    - debug: {msg: "{{ [hostvars[inventory_hostname]] }}"}
    - debug: {msg: "{{ hostvars }}"}
    - debug: {msg: "all: {{ hostvars.a }}"}
    - set_fact: {kept: "{{ hostvars[inventory_hostname] }}"}
    - debug: {msg: "{{ kept.learnt }}, {{ hostvars.a.kept.port }}"}
"""}, services=Services(secret=lambda name: "a secret value"), variables={"password": Secret("db")})  # fmt: skip
    b, (own,), both, text, kept = told.messages()
    assert told.failures() == [] and kept == "by a, 1"
    assert b == {"port": 2, "name": "two", "port_text": "port 2", "learnt": "by b", "inventory_hostname": "b",
                 "inventory_hostname_short": "b",
                 "group_names": ["ungrouped"], "ansible_connection": "local"}
    assert own["learnt"] == "by a" and both == {"a": own, "b": b} and text == f"all: {own}"
    assert "a secret value" not in str(told.events)


def test_a_host_that_asks_for_all_is_told_what_the_play_reads_and_no_more() -> None:
    def asked(names: frozenset[str]) -> Any:
        play = PlayPlan("p", Program("p", "p", ()), {}, (("a",),), {}, {"a": HostPart("a", ("all",), {})}, False,
                        secrets=frozenset(), names=names, others=others)  # fmt: skip
        learnt = {"b": {"port": 2, "token": "x", "ansible_password": "y"}}
        answers = Answers(play, "a", Gates(("a",)), Services(), None, learnt)
        return answers({"ask": "hostvar", "host": "b", "name": EVERY_NAME})["value"]

    def others(host: str, names: frozenset[str]) -> dict[str, Any]:
        return {"of": host} if EVERY_NAME in names else {}

    assert asked(frozenset({"port"})) == {"port": 2}
    assert asked(frozenset({EVERY_NAME})) == {"of": "b", "port": 2, "token": "x"}


def test_each_step_sees_what_the_other_host_knows_by_then(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"inventory.ini": INVENTORY, "brought.yml": "late: brought\n", "site.yml": HEAD + """\
    - set_fact: {port: "set"}
    - debug: {msg: "{{ hostvars.b.port }} {{ hostvars.b.late is defined }}"}
    - set_fact: {port: "again", late: "now"}
    - debug: {msg: "{{ hostvars.b.port }} {{ hostvars.b.late }} {{ hostvars.values() | map(attribute='port') | list }}"}
    - include_vars: brought.yml
    - debug: {msg: "{{ hostvars.b.late }}"}
- hosts: a
  gather_facts: false
  tasks:
    - debug: {msg: "{{ hostvars.b.port }} {{ hostvars.b.name }}"}
"""})  # fmt: skip
    assert told.messages() == ["set False", "again now ['again', 'again']", "brought", "again two"]


def test_extra_variables_win_over_what_the_other_host_learnt(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"inventory.ini": INVENTORY, "site.yml": HEAD + """\
    - set_fact: {port: "set"}
    - debug: {msg: "{{ hostvars.b.port }} {{ hostvars.b[item] }} {{ hostvars.b.values() | list is contains('set') }}"}
      loop: [port]
"""}, extra_variables={"port": 9})  # fmt: skip
    assert told.messages() == ["9 9 False"]
