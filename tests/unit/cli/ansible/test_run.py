"""Whole runs of clusterbook-playbook: their screens, line by line, as ansible-playbook prints them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli.ansible.program import run

HOSTS = """\
[web]
a
b
[db]
d ansible_host=127.0.0.2
[all:vars]
ansible_connection=local
"""
HEAD = "- hosts: web\n  gather_facts: false\n"
Shown = Callable[..., list[str]]


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Runs a playbook and gives the lines of its screen, without empty ones and without the stars of banners."""
    monkeypatch.chdir(tmp_path)
    for name in ("ANSIBLE_CONFIG", "ANSIBLE_INVENTORY", "ANSIBLE_ROLES_PATH"):
        monkeypatch.delenv(name, raising=False)
    Path("hosts.ini").write_text(HOSTS)

    def screen(text: str, *options: str, code: int = 0) -> list[str]:
        Path("site.yml").write_text(text)
        assert run(["site.yml", "-i", "hosts.ini", "--forks", "1", *options]) == code
        return [line.rstrip(" *") for line in capsys.readouterr().out.splitlines() if line]

    return screen


def test_lines_of_delegated_steps_name_their_host_and_its_address(shown: Shown) -> None:
    lines = shown(HEAD + """\
  tasks:
    - {command: echo, delegate_to: d}
    - {ping: , delegate_to: "{{ item }}", loop: [b, d]}
    - {debug: {msg: hi}, delegate_to: d, run_once: true}
    - {ping: , delegate_to: d, when: false}
    - {local_action: ping}
    - {command: "false", delegate_to: d, ignore_errors: true, until: r is success, register: r, retries: 1, delay: 0}
    - {ping: , delegate_to: d, no_log: true}
""")
    assert [line.partition("]: ")[0] for line in lines if "[a" in line or "[b" in line] == [
        "changed: [a -> d(127.0.0.2)]", "changed: [b -> d(127.0.0.2)]",
        "ok: [a -> b] => (item=b)", "ok: [a -> d(127.0.0.2)] => (item=d)",
        "ok: [b] => (item=b)", "ok: [b -> d(127.0.0.2)] => (item=d)",
        "ok: [a -> d(127.0.0.2)] => {", "skipping: [a]", "skipping: [b]",
        "ok: [a -> localhost]", "ok: [b -> localhost]",
        "FAILED - RETRYING: [a -> d", "fatal: [a -> d(127.0.0.2)",
        "FAILED - RETRYING: [b -> d", "fatal: [b -> d(127.0.0.2)",
        "ok: [a -> d(127.0.0.2)]", "ok: [b -> d(127.0.0.2)]",
    ]  # fmt: skip


def test_each_batch_has_the_banner_of_the_play(shown: Shown) -> None:
    lines = shown("- hosts: all\n  name: all\n  serial: 2\n  gather_facts: false\n  tasks: [{ping: }]\n")
    assert lines[:7] == ["PLAY [all]", "TASK [ping]", "ok: [a]", "ok: [b]", "PLAY [all]", "TASK [ping]", "ok: [d]"]


def test_that_no_host_is_left_is_said_where_more_failed_than_the_play_allows(shown: Shown) -> None:
    fail = "  tasks: [{fail: , when: inventory_hostname == 'a'}, {ping: }]\n"
    assert shown(HEAD + "  max_fail_percentage: 40\n" + fail, code=2).count("NO MORE HOSTS LEFT") == 2
    assert "NO MORE HOSTS LEFT" not in shown(HEAD + "  any_errors_fatal: true\n" + fail, code=2)
    assert "NO MORE HOSTS LEFT" not in shown(HEAD + "  tasks: [{fail: }]\n", code=2)


def test_max_fail_percentage_does_not_stop_a_play_that_forces_handlers(shown: Shown) -> None:
    lines = shown(HEAD + """\
  max_fail_percentage: 40
  force_handlers: true
  tasks:
    - {command: echo, notify: handle}
    - {fail: , when: inventory_hostname == 'a'}
  handlers:
    - {name: handle, ping: }
- hosts: db
  gather_facts: false
  tasks: [{ping: }]
""", code=2)
    assert sorted(line for line in lines if line.startswith("ok:")) == ["ok: [a]", "ok: [b]", "ok: [d]"]


def test_where_an_expression_failed_is_told_once_for_all_hosts(shown: Shown) -> None:
    lines = shown(HEAD + "  tasks: [{debug: {msg: '{{ nope }}'}}]\n", code=2)
    assert [line.split(":")[0] for line in lines if "nope" in line] == ["[ERROR]", "fatal", "fatal"]


def test_an_assertion_that_does_not_hold_shows_its_result_on_lines_of_their_own(shown: Shown) -> None:
    lines = shown(HEAD + "  tasks: [{assert: {that: inventory_hostname == 'b'}}]\n", code=2)
    at = lines.index("fatal: [a]: FAILED! => {")
    assert lines[at + 1] == '''    "assertion": "inventory_hostname == 'b'",'''


def test_a_task_without_a_name_is_called_by_its_module_as_it_is_written(shown: Shown) -> None:
    lines = shown(HEAD + """\
  tasks:
    - ansible.builtin.debug:
    - action: ansible.legacy.command echo
    - local_action: {module: ping}
    - ansible.builtin.include_tasks: more.yml
      when: false
""", "--limit", "a")
    assert [line for line in lines if line.startswith("TASK")] == [
        "TASK [ansible.builtin.debug]", "TASK [ansible.legacy.command]", "TASK [ping]",
        "TASK [ansible.builtin.include_tasks]",
    ]  # fmt: skip


def test_a_play_without_a_name_is_called_by_its_hosts(shown: Shown) -> None:
    assert shown("- hosts: [web, '!b']\n  gather_facts: false\n  tasks: []\n")[0] == "PLAY [web,!b]"


def test_tasks_are_listed_without_what_includes_bring_and_what_rescues(shown: Shown) -> None:
    Path("roles/store/tasks").mkdir(parents=True)
    Path("roles/store/tasks/main.yml").write_text("- {name: Mount, debug: , tags: disk}\n- ansible.builtin.debug:\n")
    Path("more.yml").write_text("- {name: More, debug: , tags: more}\n")
    lines = shown(HEAD + """\
  roles: [{role: store, tags: stores}]
  tasks:
    - {import_tasks: more.yml, tags: imported}
    - {include_tasks: more.yml, tags: included}
    - {include_role: {name: store}}
    - block: [{name: Try, debug: }]
      rescue: [{name: Mend, debug: }]
      always: [{name: Tidy, debug: }]
    - {debug: , tags: never}
""", "--list-tasks", "--list-tags")
    assert [line.strip().replace("\\t", " ") for line in lines[2:]] == [
        "tasks:", "store : Mount\tTAGS: [disk, stores]", "ansible.builtin.debug\tTAGS: [stores]",
        "More\tTAGS: [imported, more]", "include_tasks\tTAGS: [included]", "include_role\tTAGS: []", "Try\tTAGS: []",
        "debug\tTAGS: [never]", "TASK TAGS: [disk, imported, included, more, never, stores]",
    ]  # fmt: skip


def test_a_run_that_is_to_start_at_a_task_that_is_not_there_does_nothing_and_says_so(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    play = "- hosts: web\n  serial: 1\n  tasks: [{debug: }]\n"
    Path("site.yml").write_text(play)
    assert run(["site.yml", "-i", "hosts.ini", "--start-at-task", "debugg"]) == 0
    told = capsys.readouterr()
    assert told.err.startswith('[ERROR]: No matching task "debugg" found. Note: ')
    assert [line.split(" *")[0] for line in told.out.splitlines() if line] == ["PLAY [web]", "PLAY [web]", "PLAY RECAP"]
    assert "debug\tTAGS: []" in "\n".join(shown(play, "--start-at-task", "debugg", "--list-tasks"))


def test_looks_at_a_job_and_its_end_have_lines(shown: Shown) -> None:
    job = "{command: sleep 2, async: 9, poll: 1}, {command: 'false', async: 9, poll: 1, ignore_errors: true}"
    lines = shown(HEAD + f"  tasks: [{job}]\n", "--limit", "a")
    jobs = [line.split(": jid")[0] for line in lines if line.startswith("ASYNC")]
    assert jobs == [*["ASYNC POLL on a"] * (len(jobs) - 2), "ASYNC OK on a", "ASYNC FAILED on a"] and len(jobs) > 2


def test_names_that_are_not_in_the_inventory_are_told_and_choose_nothing(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("site.yml").write_text("- hosts: webb,a\n  gather_facts: false\n  tasks: [{ping: }]\n")
    assert run(["site.yml", "-i", "hosts.ini", "--limit", "a,d,aa"]) == 0
    told = capsys.readouterr()
    assert [line for line in told.out.splitlines() if line.startswith("ok")] == ["ok: [a]"]
    warned = "[WARNING]: Could not match supplied host pattern, ignoring: "
    assert told.err.splitlines() == [f"{warned}aa", f"{warned}webb"]


def test_a_host_knows_the_file_that_names_it_and_all_sources_of_the_inventory(shown: Shown) -> None:
    Path("stock").mkdir()
    Path("stock/more.ini").write_text("e ansible_connection=local\n")
    here = Path.cwd()
    message = "{{ inventory_dir }} {{ inventory_file }} {{ ansible_inventory_sources | length }} {{ group_names }}"
    lines = shown("- hosts: a,e\n  gather_facts: false\n  tasks: [{debug: {msg: '" + message + "'}}]\n", "-i", "stock")
    assert [line.strip() for line in lines if "msg" in line] == [
        f'"msg": "{here} {here}/hosts.ini 2 [\'web\']"',
        f'"msg": "{here}/stock {here}/stock/more.ini 2 [\'ungrouped\']"',
    ]  # fmt: skip


def test_meta_tasks_have_banners_and_a_line_where_a_host_leaves_one_out(shown: Shown) -> None:
    lines = shown(HEAD + """\
  tasks:
    - {name: nothing, meta: noop}
    - {meta: end_host, when: inventory_hostname == 'b'}
    - ping:
""")
    assert sorted(lines[1:6]) == ["TASK [meta]"] * 2 + ["TASK [nothing]"] * 2 + ["skipping: [a]"]
    assert lines[6] == "TASK [ping]"
