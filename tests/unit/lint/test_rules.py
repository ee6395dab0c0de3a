"""Each rule: what it finds, where, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.lint import RULES, Files, Finding, lint

FOUND = {
    "undefined-variable": ("- name: A\n  debug: {msg: '{{ colour }}'}", "1"),
    "invalid-expression": ("- name: A\n  debug: {msg: '{{ 1 | nosuchfilter }}'}", "1"),
    "unused-register": ("- name: A\n  stat: {path: /x}\n  register: seen", "2"),
    "command-instead-of-module": ("- name: A\n  command: mkdir /x\n  args: {creates: /x}", "1"),
    "command-instead-of-shell": ("- name: A\n  shell: uptime\n  changed_when: false", "1"),
    "always-changes": ("- name: A\n  command: make install", "1"),
    "risky-shell-pipe": ("- name: A\n  shell: cat /x | sort > /y\n  args: {creates: /y}", "1"),
    "risky-file-mode": ("- name: A\n  copy: {content: x, dest: /x}", "1"),
    "missing-name": ("- ping:", "0"),
    "deprecated-name": ("- name: A\n  yum: {name: vim}", "1"),
    "braces-in-condition": ("- name: A\n  ping:\n  when: '{{ true }}'", "2"),
    "become-user-without-become": ("- name: A\n  ping:\n  become_user: bob", "2"),
    "ignored-errors": ("- name: A\n  ping:\n  ignore_errors: true", "2"),
    "latest-package": ("- name: A\n  apt: {name: vim, state: latest}", "1"),
    "unreachable-task": ("- name: A\n  ping:\n  when: false", "2"),
    "invalid": ("- name: A\n  copy: {dist: /x}", "1"),
}  # fmt: skip


def play(folder: Path, tasks: str, more: str = "", **files: str) -> list[Finding]:
    """What is found in a play with these tasks (not indented); the first line of the tasks is 0."""
    indented = "".join(f"    {line}\n" for line in tasks.splitlines())
    for name, text in {"site.yml": f"- name: P\n  hosts: all\n{more}  tasks:\n{indented}", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return lint(Files((folder / "site.yml",)), Files())


def role(folder: Path, **files: str) -> list[str]:
    """The rules that find something in a role; names of files with __ for a slash."""
    for name, text in files.items():
        path = folder / "roles" / "web" / f"{name.replace('__', '/')}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [finding.rule for finding in lint(Files(roles=(folder / "roles" / "web",)), Files())]


@pytest.mark.parametrize("rule", sorted(FOUND))
def test_a_rule_finds_its_case_at_its_line(rule: str, tmp_path: Path) -> None:
    tasks, line = FOUND[rule]
    (found,) = [finding for finding in play(tmp_path, tasks) if finding.rule == rule]
    assert (found.where.line, found.where.file) == (4 + int(line), str(tmp_path / "site.yml"))
    assert found.where.column > 1
    assert found.next_step.endswith(".")


@pytest.mark.parametrize("tasks", [
    "- name: A\n  debug: {msg: '{{ colour | default(1) }}'}",
    "- name: A\n  debug: {msg: '{{ colour }}'}\n  when: colour is defined",
    "- name: A\n  debug: {msg: '{{ ansible_facts.os_family }} {{ groups }} {{ inventory_hostname }}'}",
    "- name: A\n  debug: {msg: '{{ one }}'}\n  loop: [1]\n  loop_control: {loop_var: one}",
    "- name: A\n  set_fact: {colour: red}\n- name: B\n  debug: {var: colour}",
    "- name: A\n  debug: {msg: '{% set x = 1 %}{{ x }}'}",
    "- name: A\n  command: systemctl is-active ssh\n  register: state\n  changed_when: false\n"
    "- name: B\n  command: make\n  when: state.rc != 0",
    "- name: A\n  command: git log\n  changed_when: false",
    "- name: A\n  shell: set -o pipefail; a | b\n  args: {executable: /bin/bash}\n  changed_when: false",
    "- name: A\n  shell: echo $HOME\n  changed_when: false",
    "- name: A\n  copy: {content: x, dest: /x, mode: '0644'}",
    "- name: A\n  copy: {content: x, dest: /x, mode: 0644}",
    "- name: A\n  file: {path: /x, state: directory, mode: '1777'}",
    "- name: A\n  fail: {msg: no}\n  when: false | bool\n- name: B\n  ping:",
    "- block:\n    - name: A\n      fail: {msg: no}\n    - name: B\n      ping:\n  rescue:\n    - name: C\n      ping:",
    "- name: A\n  ping:\n  become: true\n  become_user: bob",
    "- import_tasks: more.yml",
])  # fmt: skip
def test_what_is_right_is_left_alone(tasks: str, tmp_path: Path) -> None:
    found = play(tmp_path, tasks, **{"more.yml": "- name: A\n  ping:\n"})
    assert [(finding.rule, finding.message) for finding in found] == []


def test_an_undefined_variable_is_shown_where_it_stands_with_the_nearest_name(tmp_path: Path) -> None:
    (found,) = play(tmp_path, "- name: A\n  debug:\n    msg: |\n      a\n      {{ colour }} {{ color }}",
                    "  vars: {color: red}\n")  # fmt: skip
    assert (found.where.line, found.where.column) == (9, 14)
    assert found.message == "nothing sets the variable 'colour'; did you mean 'color'?"


@pytest.mark.parametrize(("mode", "said"), [
    ("644", "mode 644 is a decimal number, which means 1204"), ('"0666"', "mode 0666 lets everybody on the host write"),
    ("0666", "mode 0666 lets everybody on the host write"), ("a+w", "mode a+w lets everybody on the host write"),
    ("'u=rwX,o=rw'", "mode u=rwX,o=rw lets everybody on the host write"),
])  # fmt: skip
def test_a_mode_is_judged_as_it_is_written(mode: str, said: str, tmp_path: Path) -> None:
    (found,) = play(tmp_path, f"- name: A\n  copy: {{content: x, dest: /x, mode: {mode}}}")
    assert found.message == said


def test_tasks_after_the_certain_end_of_a_play_cannot_run(tmp_path: Path) -> None:
    (found,) = play(tmp_path, "- meta: end_play\n- name: B\n  ping:")
    assert (found.rule, found.where.line) == ("unreachable-task", 5)


def test_unused_parts_of_a_role_are_found(tmp_path: Path) -> None:
    found = role(
        tmp_path,
        tasks__main="- name: A\n  debug: {msg: '{{ web_port }}'}\n",
        tasks__old="- name: A\n  ping:\n",
        defaults__main="web_port: 1\nweb_other: 2\n",
        handlers__main="- name: Restart\n  ping:\n",
    )
    assert sorted(found) == ["unused-handler", "unused-task-file", "unused-variable"]


def test_a_variable_of_a_role_that_only_a_template_reads_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "roles" / "web" / "templates"
    folder.mkdir(parents=True)
    (folder / "x.j2").write_text("{{ web_port }} {{ web_prot }}\n")
    main = "- name: A\n  template: {src: x.j2, dest: /x, mode: '0644'}\n"
    found = role(tmp_path, tasks__main=main, defaults__main="web_port: 1\n")
    assert found == ["undefined-variable"]


def test_what_the_project_around_sets_and_uses_counts_for_one_playbook(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("colour: red\n")
    (tmp_path / "hosts.ini").write_text("web-1 shape=round\n")
    play(tmp_path, "- name: A\n  debug: {msg: '{{ colour }} {{ shape }} {{ given }}'}")
    around = Files(inventories=(tmp_path / "group_vars" / "all.yml", tmp_path / "hosts.ini"))
    assert lint(Files((tmp_path / "site.yml",)), around, {"given"}) == []


def test_findings_of_the_project_around_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("- hosts: all\n  tasks:\n    - ping:\n")
    play(tmp_path, "- name: A\n  ping:")
    assert lint(Files((tmp_path / "site.yml",)), Files((tmp_path / "other.yml",))) == []


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: always-changes", "# noqa: missing-name, always-changes"])
def test_a_finding_can_be_accepted_at_its_line_or_where_its_task_starts(comment: str, tmp_path: Path) -> None:
    assert play(tmp_path, f"- name: A\n  command: make  {comment}") == []
    assert play(tmp_path, f"- name: A  {comment}\n  command: make") == []


def test_a_comment_that_accepts_another_rule_accepts_nothing_else(tmp_path: Path) -> None:
    assert [one.rule for one in play(tmp_path, "- name: A\n  command: make  # noqa: missing-name")] == [
        "always-changes"
    ]


def test_every_rule_has_a_case_here() -> None:
    elsewhere = {"unused-variable", "unused-handler", "unused-task-file"}
    assert set(FOUND) | elsewhere == set(RULES)


def test_every_rule_is_in_the_reference() -> None:
    page = (Path(__file__).parents[3] / "docs" / "lint.md").read_text()
    for name, rule in RULES.items():
        assert f"| `{name}` | {rule.severity} | {rule.about} |" in page
