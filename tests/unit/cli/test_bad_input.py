"""What a person wrote wrongly is refused word for word, by the real program, before any host is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"
# Nothing listens there: a host that were touched would be unreachable, exit status 4.
HOSTS = """\
all:
  vars: {ansible_user: nobody, ansible_port: 1}
  children:
    web:
      hosts:
        a: {ansible_host: 127.0.0.1}
    other:
      hosts:
        b: {ansible_host: 127.0.0.1}
"""
PLAY = """\
- name: Write a file
  hosts: all
  gather_facts: false
  tasks:
    - name: Write it
      copy:
        dest: /srv/written
        content: "yes"
"""


@dataclass(frozen=True)
class Project:
    """A folder with an inventory and a playbook."""

    folder: Path

    def refused(self, play: str = PLAY, *words: str, hosts: str = HOSTS) -> str:
        """What `clusterbook run` says; it must be invalid input, with nothing on standard output."""
        (self.folder / "hosts.yml").write_text(hosts)
        (self.folder / "play.yml").write_text(play)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "run", "play.yml", "--inventory", "hosts.yml", *words],
            capture_output=True, text=True, check=False, timeout=300, cwd=self.folder, stdin=subprocess.DEVNULL,
            env={**os.environ, "CLUSTERBOOK_STATE_STORE": f"file://{self.folder}/store"},
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        return done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_wrong_yaml_is_shown_with_its_line_and_column(project: Project) -> None:
    assert project.refused(PLAY.replace("      copy:", "     copy:")) == (
        "error: this is not YAML: did not find expected '-' indicator\n"
        "  at play.yml:6:6\n"
        "  5 |     - name: Write it\n"
        "  6 |      copy:\n"
        "    |      ^^^^\n"
        "  next: Correct the syntax at this place or just before it.\n\n"
        "1 problem found. No host was touched.\n"
    )


def test_wrong_yaml_in_an_inventory_is_shown_in_the_inventory(project: Project) -> None:
    shown = project.refused(hosts="all:\n  hosts: [a\n")
    assert shown.startswith("error: this is not YAML: ")
    assert "\n  at hosts.yml:3:1\n" in shown


def test_an_unknown_key_comes_with_the_nearest_one(project: Project) -> None:
    assert project.refused(PLAY.replace("gather_facts", "gather_fact")) == (
        "error: unknown keyword 'gather_fact' of a play; did you mean 'gather_facts'?\n"
        "  at play.yml:3:3\n"
        "  2 |   hosts: all\n"
        "  3 |   gather_fact: false\n"
        "    |   ^^^^^^^^^^^\n"
        "  next: Write 'gather_facts' instead, or remove it.\n\n"
        "1 problem found. No host was touched.\n"
    )


def test_an_unknown_parameter_comes_with_those_that_there_are(project: Project) -> None:
    shown = project.refused(PLAY.replace("content:", "contents:"))
    assert shown.startswith(
        "error: unknown parameter 'contents' of module 'copy'; did you mean 'content'?\n"
        "  at play.yml:8:9\n"
        "  7 |         dest: /srv/written\n"
        '  8 |         contents: "yes"\n'
        "    |         ^^^^^^^^\n"
        "  next: Write 'content' instead. Parameters of copy: attr, attributes, "
    )


def test_a_wrong_type_says_what_was_expected(project: Project) -> None:
    assert project.refused(PLAY.replace("gather_facts: false", "gather_facts: [1]")) == (
        "error: 'gather_facts' is [1], expected true or false\n"
        "  at play.yml:3:17\n"
        "  2 |   hosts: all\n"
        "  3 |   gather_facts: [1]\n"
        "    |                 ^\n"
        "  next: Correct the value: true or false; yes and no as text too.\n\n"
        "1 problem found. No host was touched.\n"
    )


def test_a_wrong_type_of_a_parameter_says_what_was_expected(project: Project) -> None:
    assert project.refused(PLAY + "        force: perhaps\n") == (
        "error: module 'copy': force is 'perhaps', expected true or false\n"
        "  at play.yml:9:16\n"
        '  8 |         content: "yes"\n'
        "  9 |         force: perhaps\n"
        "    |                ^^^^^^^\n"
        "  next: Correct the arguments of copy.\n\n"
        "1 problem found. No host was touched.\n"
    )


def test_all_problems_of_a_file_come_at_once(project: Project) -> None:
    shown = project.refused(PLAY.replace("gather_facts", "gather_fact").replace("content:", "contents:"))
    assert shown.count("error: ") == 2
    assert shown.endswith("\n\n2 problems found. No host was touched.\n")


def test_an_unknown_group_of_a_play_is_shown_where_the_play_names_it(project: Project) -> None:
    assert project.refused(PLAY.replace("hosts: all", "hosts: webb")) == (
        "error: there is no host or group 'webb' in the inventory; did you mean 'web'?\n"
        "  at play.yml:2:3\n"
        "  1 | - name: Write a file\n"
        "  2 |   hosts: webb\n"
        "    |   ^^^^^\n"
        "  next: Groups are: all, web, other. Hosts are: a, b.\n"
    )


def test_a_play_without_a_host_in_the_inventory_is_refused(project: Project) -> None:
    assert project.refused(PLAY.replace("hosts: all", "hosts: databases")) == (
        "error: no host of the inventory is chosen by play.yml\n"
        "  at play.yml:2:3\n"
        "  1 | - name: Write a file\n"
        "  2 |   hosts: databases\n"
        "    |   ^^^^^\n"
        "  next: Hosts are: a, b.\n"
    )


@pytest.mark.parametrize(("limit", "hint"), [("nobody", ""), ("webb", "; did you mean 'web'?")])
def test_an_unknown_host_or_group_in_limit_is_refused(project: Project, limit: str, hint: str) -> None:
    assert project.refused(PLAY, "--limit", limit) == (
        f"error: there is no host or group '{limit}' in the inventory{hint}\n"
        "  at --limit\n"
        "  next: Groups are: all, web, other. Hosts are: a, b.\n"
    )


def test_an_extra_variable_without_a_value_is_refused(project: Project) -> None:
    assert project.refused(PLAY, "--extra-vars", "colour") == (
        "error: 'colour' in --extra-vars is no NAME=VALUE\n  next: Write NAME=VALUE, or quote it.\n"
    )


def test_a_role_that_does_not_exist_is_refused_where_it_is_named(project: Project) -> None:
    shown = project.refused(PLAY + "  roles:\n    - nginx\n")
    assert shown.startswith("error: there is no role 'nginx'")
    assert "\n  at play.yml:10:7\n" in shown
    assert "No host was touched." in shown
