"""What a person wrote wrongly is refused word for word before any host is touched, as docs/errors.md shows it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.screens import Screen, called, played, screens

PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"
EVERY = list(screens())


@pytest.mark.parametrize("screen", EVERY, ids=lambda screen: screen.heading)
def test_the_page_of_errors_shows_what_the_program_says(screen: Screen, tmp_path: Path) -> None:
    # Nothing listens on the port of the hosts: if one were touched, it would be unreachable, exit status 4.
    assert played(screen, tmp_path) == (3, "", screen.text)


def test_the_page_of_errors_has_no_screen_twice() -> None:
    assert len({screen.heading for screen in EVERY}) == len({screen.text for screen in EVERY}) == len(EVERY)


def test_the_exit_status_is_that_of_the_process(tmp_path: Path) -> None:
    played(EVERY[0], tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "run", "play.yml", "--inventory", "hosts.yml"],
        capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path, stdin=subprocess.DEVNULL,
        env={**os.environ, "CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}/store"},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, "", EVERY[0].text)


def refused(folder: Path, tasks: str, **files: str) -> str:
    """What a play of these tasks (YAML, not indented) is refused with."""
    indented = "".join(f"    {line}\n" for line in tasks.splitlines())
    code, output, errors = played(Screen("", {**files_of(files), "play.yml": PLAY + indented}), folder)
    assert (code, output) == (3, ""), errors
    return errors


def accepted(folder: Path, tasks: str, **files: str) -> bool:
    """Whether nothing is wrong before connecting: the run then finds nobody at the address of the hosts."""
    indented = "".join(f"    {line}\n" for line in tasks.splitlines())
    needed = "    - ping:\n"  # else nobody would be asked for
    code, _, errors = played(Screen("", {**files_of(files), "play.yml": PLAY + indented + needed}), folder)
    return code == 4 and errors == ""


PLAY = "- hosts: all\n  gather_facts: false\n  tasks:\n"
HOSTS = "all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: 1, ansible_user: nobody}}}\n"


def files_of(files: dict[str, str]) -> dict[str, str]:
    """Files by keyword: a double underscore is the slash, a single one before the ending its dot."""
    named = {name.replace("__", "/"): text for name, text in files.items()}
    return {"hosts.yml": HOSTS, **{".".join(name.rsplit("_", 1)): text for name, text in named.items()}}


def test_the_first_twenty_problems_are_shown_whole_and_the_others_counted(tmp_path: Path) -> None:
    shown = refused(tmp_path, "".join(f"- debug: {{msg: '{{{{ a | nope{n} }}}}'}}\n" for n in range(23)))
    assert shown.count("error: there is no filter") == 20
    assert shown.endswith("\n\n23 problems found, 3 not shown. No host was touched.\n")


@pytest.mark.parametrize(
    ("tasks", "message", "place"),
    [
        ("- debug: {msg: \"{{ [1] | map('tirm') }}\"}", "there is no filter 'tirm'; did you mean 'trim'?", "4:35"),
        ("- debug: {msg: \"{{ [1] | select('ood') }}\"}", "there is no test 'ood'; did you mean 'odd'?", "4:38"),
        ("- debug: {msg: \"{{ x | community.general.nothing }}\"}", "there is no filter 'community.general.nothing'",
         "4:28"),
        ("- debug:\n    msg: >-\n      one\n      {{ two | uper }}", "there is no filter 'uper'; did you mean 'upper'?",
         "7:20"),
        ("- assert: {that: [a is defnd]}", "there is no test 'defnd'; did you mean 'defined'?", "4:28"),
        ("- debug: {var: 'a b'}",
         "the expression 'a b' cannot be read: expected token 'end of print statement', got 'b'", "4:21"),
        ("- {ping: , loop: '{{ [1] }}', loop_control: {break_when: [a ==]}}",
         "the expression 'a ==' cannot be read: unexpected 'end of print statement'", "4:63"),
        ("- {name: 'Do {{ it', ping: }",
         "the template cannot be read: unexpected end of template, expected 'end of print statement'.", "4:18"),
        ("- block:\n  - {ping: }\n  when: a is odd and", "the expression 'a is odd and' cannot be read: unexpected "
         "'end of print statement'", "6:13"),
        ("- file: {path: /a, mode: 755, state: touch}", "mode is the decimal number 755, which means 1363 as a mode",
         "4:30"),
        ("- file: {path: /a, mode: 493, state: touch}", "mode is the decimal number 493, which means 0755 as a mode",
         "4:30"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_wherever_it_is_written(tmp_path: Path, tasks: str, message: str, place: str) -> None:
    shown = refused(tmp_path, tasks)
    assert shown.startswith(f"error: {message}\n  at play.yml:{place}\n"), shown
    assert shown.endswith("1 problem found. No host was touched.\n")


@pytest.mark.parametrize(
    "tasks",
    [
        "- file: {path: /a, mode: 0755, state: touch}",
        "- file: {path: /a, mode: '755', state: touch}",
        "- copy: {src: /no/such, dest: /a, remote_src: true}",
        "- copy: {src: '{{ name }}.conf', dest: /a}",
        "- {copy: {src: no.conf, dest: /a}, ignore_errors: true}",
        "- {copy: {src: no.conf, dest: /a}, when: \"'no.conf' is exists\"}",
        "- block: [{copy: {src: no.conf, dest: /a}}]\n  rescue: [{ping: }]",
        "- {copy: {dest: made.conf, content: a}, delegate_to: localhost}\n- copy: {src: made.conf, dest: /a}",
        "- fetch: {src: /a, dest: made.conf}\n- copy: {src: made.conf, dest: /a}",
        "- unarchive: {src: 'https://example.org/a.tar', dest: /a, remote_src: true}",
        "- debug: {msg: \"{{ a | nothing if 'nothing' is filter else a }}\"}",
        "- {ping: , notify: '{{ handler }}'}",
        "- {ping: , notify: any}\n- include_role: {name: '{{ role }}'}",
        "- debug: {msg: !unsafe '{{ broken'}",
    ],
)
def test_what_only_the_run_can_know_is_left_to_the_run(tmp_path: Path, tasks: str) -> None:
    assert accepted(tmp_path, tasks)


def test_a_wrong_value_of_many_hosts_is_one_problem(tmp_path: Path) -> None:
    hosts = "all: {vars: {ansible_port: ssh}, hosts: {a: , b: , c: {ansible_port: 22}}}\n"
    assert refused(tmp_path, "- ping:", hosts_yml=hosts).count("error: ") == 1


def test_a_connection_variable_that_only_an_expression_gives_is_evaluated(tmp_path: Path) -> None:
    hosts = "all: {vars: {way: telnet, ansible_connection: '{{ way }}'}, hosts: {a: }}\n"
    assert "error: ansible_connection of host 'a' is 'telnet'\n  at hosts.yml:1:47\n" in refused(
        tmp_path, "- ping:", hosts_yml=hosts
    )


@pytest.mark.parametrize(
    "reading", ["'{{ web_prot }}'", "\"{{ hostvars['a']['web_prot'] }}\"", "'{{ other }}'"],
)
def test_a_variable_that_something_reads_may_have_any_name(tmp_path: Path, reading: str) -> None:
    hosts = "all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: 1, web_prot: 1, other: '{{ web_prot }}'}}}\n"
    tasks = f"- include_role: {{name: web}}\n- debug: {{msg: {reading}}}"
    role = {"roles__web__defaults__main_yml": "web_port: 80\n", "roles__web__tasks__main_yml": "- ping:\n"}
    assert accepted(tmp_path, tasks, hosts_yml=hosts, **role)


def test_a_name_that_is_only_somewhat_alike_is_a_person_s_own(tmp_path: Path) -> None:
    hosts = "all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: 1, web_root: /srv}}}\n"
    role = {"roles__web__defaults__main_yml": "web_port: 80\n", "roles__web__tasks__main_yml": "- ping:\n"}
    assert accepted(tmp_path, "- include_role: {name: web}", hosts_yml=hosts, **role)


def test_the_shim_leaves_such_mistakes_to_the_task_as_ansible_does(tmp_path: Path) -> None:
    from clusterbook.cli.ansible import program

    (tmp_path / "play.yml").write_text(PLAY + "    - {debug: {msg: '{{ a | nope }}'}, when: false}\n")
    assert program.run([str(tmp_path / "play.yml"), "-i", "localhost,", "-c", "local"]) == 0


def test_help_is_no_wrong_input(tmp_path: Path) -> None:
    assert called("clusterbook run --help", tmp_path)[0] == 0
