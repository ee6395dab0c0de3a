"""clusterbook-playbook on this machine: status, output, lists."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from clusterbook.cli.ansible.program import run

PLAY = """
- name: one
  hosts: localhost
  gather_facts: false
  vars: {code: 0}
  tasks:
    - name: greet
      command: sh -c "echo hi; exit {{ code }}"
      tags: [a, b]
    - name: whoever
      debug: {msg: "{{ inventory_hostname }} {{ extra | default('none') }}"}
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    for name in ("ANSIBLE_CONFIG", "ANSIBLE_INVENTORY", "ANSIBLE_ROLES_PATH"):
        monkeypatch.delenv(name, raising=False)
    Path("play.yml").write_text(PLAY)
    return "play.yml"


def test_a_good_run_ends_with_0_and_the_recap(play: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([play, "-e", "extra=more"]) == 0
    output = capsys.readouterr().out
    assert "PLAY [one] ****" in output
    assert "changed: [localhost]" in output
    assert '"msg": "localhost more"' in output
    assert "localhost                  : ok=2    changed=1    unreachable=0    failed=0" in output


def test_a_failed_host_is_2(play: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([play, "--extra-vars", "code=3"]) == 2
    assert "fatal: [localhost]: FAILED! => {" in capsys.readouterr().out


def test_an_unreachable_host_is_4(play: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("far.yml").write_text(PLAY.replace("localhost", "all"))
    assert run(["far.yml", "-i", "far,", "-e", "ansible_host=127.0.0.1", "-e", "ansible_port=1"]) == 4
    assert "fatal: [far]: UNREACHABLE! => {" in capsys.readouterr().out


def test_what_cannot_be_parsed_is_4_and_no_host_is_touched(play: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.yml").write_text("- hosts: localhost\n  taskss: []\n")
    assert run(["bad.yml"]) == 4
    assert "bad.yml:2:3" in capsys.readouterr().err


def test_a_missing_playbook_is_1(play: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["none.yml"]) == 1
    assert "the playbook: none.yml could not be found" in capsys.readouterr().err


def test_wrong_usage_is_2(play: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run([play, "--no-such-option"])
    assert caught.value.code == 2


def test_syntax_check_runs_nothing(play: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([play, "--syntax-check"]) == 0
    assert capsys.readouterr().out == "\nplaybook: play.yml\n"


def test_tasks_tags_and_hosts_are_listed(play: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([play, "--list-tasks", "--list-tags", "--list-hosts"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        "playbook: play.yml", "", "  play #1 (localhost): one\tTAGS: []", "    pattern: ['localhost']",
        "    hosts (1):", "      localhost", "    tasks:", "      greet\tTAGS: [a, b]", "      whoever\tTAGS: []",
        "      TASK TAGS: [a, b]",
    ]  # fmt: skip


def test_tags_are_listed_with_those_that_never_run_and_those_of_expressions(
    play: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = "    - debug:\n      tags: [never, '{{ part }}']\n    - debug:\n      tags: '{{ inventory_hostname }}'\n"
    Path("tags.yml").write_text(f"- hosts: localhost\n  vars: {{part: one}}\n  tasks:\n{tasks}")
    assert run(["tags.yml", "--list-tags"]) == 0
    assert "TASK TAGS: [never, one, {{ inventory_hostname }}]" in capsys.readouterr().out
    assert run(["tags.yml", "--list-tags", "-e", "part=two", "--tags", "two"]) == 0
    assert "TASK TAGS: [never, two]" in capsys.readouterr().out


def test_a_pattern_that_names_nothing_is_a_warning(play: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("nobody.yml").write_text(PLAY.replace("localhost", "nobody"))
    assert run(["nobody.yml", "-i", "web,"]) == 0
    assert "skipping: no hosts matched" in capsys.readouterr().out


def test_roles_are_found_in_the_folders_that_a_variable_names(
    play: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = tmp_path / "elsewhere" / "web" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "main.yml").write_text("- debug: {msg: from a role}\n")
    monkeypatch.setenv("ANSIBLE_ROLES_PATH", str(tmp_path / "elsewhere"))
    Path("site.yml").write_text("- hosts: localhost\n  gather_facts: false\n  roles: [web]\n")
    assert run(["site.yml"]) == 0
    assert "TASK [web : debug] ***" in capsys.readouterr().out


def test_asking_before_each_task_needs_a_terminal(
    play: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run([play, "--step"]) == 1
    assert "[ERROR]: --step asks before each task, but the input is no terminal" in capsys.readouterr().err


CHECKED = """
- hosts: localhost
  gather_facts: false
  tasks:
    - copy: {dest: made, content: x}
    - stat: {path: made}
      register: found
    - assert: {that: not found.stat.exists}
"""


def test_check_mode_shows_a_step_what_is_not_what_would_be(play: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("checked.yml").write_text(CHECKED)
    assert run(["checked.yml", "--check"]) == 0
    assert "ok=3    changed=1 " in capsys.readouterr().out


def test_a_wrong_file_that_is_included_fails_when_it_is_included(
    play: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = "[{debug: {msg: before}}, {include_tasks: wrong.yml}]"
    Path("including.yml").write_text(f"- hosts: localhost\n  gather_facts: false\n  tasks: {tasks}\n")
    Path("wrong.yml").write_text("only a text\n")
    assert run(["including.yml"]) == 2
    shown = capsys.readouterr().out
    assert '"msg": "before"' in shown and "expected a list of tasks" in shown


def test_steps_on_the_local_machine_start_where_the_program_does(play: str, tmp_path: Path) -> None:
    Path("here.yml").write_text("- hosts: localhost\n  gather_facts: false\n  tasks: [{command: touch here}]\n")
    assert run(["here.yml"]) == 0
    assert (tmp_path / "here").exists()


def test_a_path_with_a_comma_is_an_inventory_all_the_same(
    play: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a,b").write_text("[some]\nlocalhost ansible_connection=local\n")
    assert run([play, "-i", "a,b", "--limit", "some"]) == 0
    assert "localhost                  : ok=2" in capsys.readouterr().out


NEEDS_THE_STEP_BEFORE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - file: {path: made, state: directory}
    - copy: {dest: made/file, content: x}
    - copy: {dest: missing/file, content: x}
"""


def test_check_mode_foretells_a_change_in_what_an_earlier_step_would_make(
    play: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("checked.yml").write_text(NEEDS_THE_STEP_BEFORE)
    assert run(["checked.yml", "--check"]) == 2
    assert "ok=2    changed=2    unreachable=0    failed=1 " in capsys.readouterr().out
    assert not Path("made").exists()


def test_a_role_fails_the_host_whose_inputs_are_wrong_and_counts_a_good_check(
    play: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("meta", "tasks"):
        Path("roles/web", folder).mkdir(parents=True)
    Path("roles/web/meta/argument_specs.yml").write_text("argument_specs: {main: {options: {size: {type: int}}}}\n")
    Path("roles/web/tasks/main.yml").write_text("- debug: {msg: served}\n")
    site = "- hosts: localhost\n  gather_facts: false\n  roles: [{role: web, size: '{{ given }}'}]\n"
    Path("site.yml").write_text(site)
    assert run(["site.yml", "-e", "given=3"]) == 0
    output = capsys.readouterr().out
    assert "TASK [web : Validating arguments against arg spec 'main'] ***" in output
    assert "ok=2    changed=0    unreachable=0    failed=0" in output
    assert run(["site.yml", "-e", "given=much"]) == 2
    output = capsys.readouterr().out
    assert "Validation of arguments failed:\\nargument 'size' is of type str" in output
    assert "served" not in output
    assert "ok=0    changed=0    unreachable=0    failed=1" in output
