"""Inputs of roles of the wrong kind are told before a host is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook import project
from clusterbook.compile import Selection, compile_plan
from clusterbook.compile.inputs import input_problems
from clusterbook.inventory import load, matcher

FILES = {
    "hosts.yml": "all:\n  hosts: {a: {}, b: {}}\n  vars:\n    GIVEN\n",
    "site.yml": "- hosts: all\n  gather_facts: false\n  roles: [web]\n",
    "roles/web/tasks/main.yml": "- debug: {msg: '{{ web_port }}'}\n",
    "roles/web/meta/argument_specs.yml": """\
argument_specs:
  main:
    options:
      web_port: {type: int, description: Port of the pages.}
      web_kind: {type: str, choices: [plain, secure]}
      web_names: {type: list, elements: int}
""",
}


def told(folder: Path, given: str, extra: dict[str, Any] | None = None, **files: str) -> list[tuple[str, str, str]]:
    """Message, place in the folder and next step of each problem of a project with this variable in its inventory."""
    for name, text in {**FILES, **{key.replace("__", "/") + ".yml": text for key, text in files.items()}}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace("GIVEN", given))
    loaded, inventory = project.load(folder / "site.yml"), load(folder / "hosts.yml", folder / "site.yml")
    plan = compile_plan(loaded, inventory, Selection(extra_variables=extra or {}), matcher(inventory, ""))
    return [
        (one.message, str(one.where).replace(f"{folder}/", ""), one.next_step)
        for one in input_problems(loaded, plan, inventory.layers)
    ]


@pytest.mark.parametrize(("given", "message", "next_step"), [
    ("web_port: many", "web_port of the role web is 'many', expected a whole number",
     "Correct the value: Port of the pages."),
    ("web_kind: fast", "web_kind of the role web is 'fast', expected one of plain, secure", "Correct the value."),
    ("web_names: [1, x]", "web_names of the role web is [1, 'x'], expected a list of int", "Correct the value."),
])  # fmt: skip
def test_a_wrong_value_is_told_once_where_it_is_written(
    tmp_path: Path, given: str, message: str, next_step: str
) -> None:
    assert told(tmp_path, given) == [(message, "hosts.yml:4:5", next_step)]


def test_an_extra_variable_counts_before_the_inventory(tmp_path: Path) -> None:
    assert told(tmp_path, "web_port: many", {"web_port": "80"}) == []
    found = told(tmp_path, "web_port: 80", {"web_port": "few"})
    assert [(message, place) for message, place, _ in found] == [
        ("web_port of the role web is 'few', expected a whole number", "--extra-vars")
    ]


@pytest.mark.parametrize("given", ["web_port: '{{ 70 + 10 }}'", "web_names: ['{{ 1 }}', 2]", "web_port:", "other: x"])
def test_what_is_right_or_known_on_hosts_alone_is_no_problem(tmp_path: Path, given: str) -> None:
    assert told(tmp_path, given) == []


def test_a_value_that_the_role_or_the_play_replaces_does_not_count(tmp_path: Path) -> None:
    assert told(tmp_path, "web_port: many", roles__web__vars__main="web_port: 80\n") == []
    play = "- hosts: all\n  gather_facts: false\n  roles: [{role: web, vars: {web_kind: plain}}]\n"
    assert told(tmp_path, "web_kind: fast", site=play) == []
