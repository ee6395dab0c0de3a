"""What hosts read of each other."""

from __future__ import annotations

from pathlib import Path

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
