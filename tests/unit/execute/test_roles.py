"""Roles that are used more than once in a play."""

from __future__ import annotations

from pathlib import Path

from tests.unit.execute.playing import run_files

TURNED_ON = {"roles/turner/tasks/main.yml": "- set_fact: {turned_on: true}\n"}


def test_a_use_that_was_left_out_does_not_stand_for_an_equal_one(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        **TURNED_ON,
        "roles/r/tasks/main.yml": "- debug: msg=r\n",
        "site.yml": """\
            - hosts: all
              gather_facts: false
              roles:
                - {role: r, when: turned_on is defined}
                - turner
                - {role: r, when: turned_on is defined}
                - {role: r, when: turned_on is defined}
            """,
    })  # fmt: skip
    assert told.messages() == ["r"]


def test_a_use_whose_only_step_ran_on_another_host_does_not_stand_for_an_equal_one(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        **TURNED_ON,
        "roles/r/tasks/main.yml": "- debug: msg=r\n  run_once: true\n",
        "site.yml": "- hosts: all\n  gather_facts: false\n  roles: [r, turner, r, r]\n",
    }, "ab")
    assert (told.messages("a"), told.messages("b")) == (["r"], ["r"])


def test_a_use_that_ran_everywhere_stands_for_an_equal_one(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "roles/r/tasks/main.yml": "- debug: msg=r\n- debug: msg=never\n  when: false\n",
        "site.yml": "- hosts: all\n  gather_facts: false\n  roles: [r, r]\n",
    }, "ab")
    assert (told.messages("a"), told.messages("b")) == (["r"], ["r"])
    assert len(told.of("start", "a")) == 2


def test_a_dependency_of_roles_with_other_tags_runs_once(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "roles/base/tasks/main.yml": "- debug: msg=base\n",
        "roles/r/meta/main.yml": "dependencies: [base]\n",
        "roles/r/tasks/main.yml": "- debug: msg='{{ v }}'\n",
        "site.yml": """\
            - hosts: all
              gather_facts: false
              roles:
                - {role: r, v: 1, tags: one}
                - {role: r, v: 2, tags: two}
            """,
    })  # fmt: skip
    assert told.messages() == ["base", 1, 2]
