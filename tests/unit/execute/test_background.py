"""`async` and `poll`: steps in the background outlive the agent, and a later run finds them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusterbook.agent.background import lenient
from clusterbook.agent.jobs import Jobs
from tests.unit.execute.playing import HEAD

if TYPE_CHECKING:
    from tests.unit.execute.conftest import Playbooks

ONE = "all: {hosts: {a: {ansible_connection: local}}}"


def test_a_step_that_is_waited_for_gives_its_own_result(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + """\
    - name: Long
      ansible.builtin.shell: sleep 0.5; echo done; exit 3
      async: 30
      poll: 1
      register: long
      failed_when: long.rc != 3
    - name: Show
      ansible.builtin.debug: {msg: "{{ long.stdout }} {{ long.finished }} {{ long.ansible_job_id is defined }}"}
    """, ONE)
    assert ran.messages("Show") == ["done True True"]
    assert ran.of("job")[0]["jid"].startswith("j")


def test_a_step_that_nobody_waits_for_is_asked_for_later_and_cleaned_up(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + f"""\
    - name: Start
      ansible.builtin.shell: while [ ! -e {playbooks.folder}/go ]; do sleep 0.1; done; echo "$0 is done"
      async: 60
      poll: 0
      register: job
    - name: Ask
      ansible.builtin.async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
      register: first
    - ansible.builtin.file: {{path: "{playbooks.folder}/go", state: touch}}
    - ansible.builtin.async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
      register: last
      until: last.finished
      retries: 100
      delay: 0.1
    - ansible.builtin.async_status: {{jid: "{{{{ job.ansible_job_id }}}}", mode: cleanup}}
      register: gone
    - name: Again
      ansible.builtin.async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
      ignore_errors: true
    - name: Show
      ansible.builtin.debug:
        msg: "{{{{ job.started }}}} {{{{ job.finished }}}} {{{{ job.changed }}}} {{{{ first.finished }}}}
          {{{{ last.stdout }}}} {{{{ last.changed }}}} {{{{ gone.erased == job.results_file }}}}"
    """, ONE)
    assert ran.messages("Show") == ["True False True False /bin/sh is done True True"]
    assert ran.messages("Again") == ["could not find job"]


def test_each_item_of_a_loop_is_a_job(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + """\
    - ansible.builtin.shell: sleep 0.2; echo {{ item }}
      loop: [1, 2, 3]
      async: 30
      poll: 0
      register: jobs
    - ansible.builtin.async_status: {jid: "{{ item.ansible_job_id }}"}
      loop: "{{ jobs.results }}"
      register: ended
      until: ended.finished
      retries: 100
      delay: 0.1
    - name: Show
      ansible.builtin.debug: {msg: "{{ ended.results | map(attribute='stdout') | join(' ') }}"}
    """, ONE)
    assert ran.messages("Show") == ["1 2 3"]


def _alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(("limit", "seconds"), [(1, 5), (5, 5), (6, 10), (45, 45)])
def test_a_job_that_nobody_waits_for_has_ansibles_time(limit: float, seconds: float) -> None:
    assert lenient(limit) == seconds


def test_a_job_that_takes_longer_than_its_limit_is_ended_with_all_that_it_started(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + f"""\
    - name: Long
      ansible.builtin.shell: (setsid sleep 300 & echo $! > {playbooks.folder}/pid; wait)
      async: 1
      poll: 1
    """, ONE)
    assert ran.messages("Long") == ["async task did not complete within the requested time - 1s"]
    assert not _alive(int((playbooks.folder / "pid").read_text()))


def test_what_a_step_registers_that_waited_in_vain_says_how_the_job_was_found_last(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + """\
    - {ansible.builtin.command: sleep 9, async: 1, poll: 1, register: late, ignore_errors: true}
    - name: Show
      ansible.builtin.debug: {msg: "{{ late.async_result.finished }} {{ late.keys() | sort }}"}
    """, ONE)
    keys = ["async_result", "changed", "exception", "failed", "msg"]
    assert ran.messages("Show") == [f"False {keys}"]


def test_a_step_over_its_timeout_is_ended_with_all_that_it_started(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + f"""\
    - name: Long
      ansible.builtin.shell: (setsid sleep 300 & echo $! > {playbooks.folder}/pid; wait)
      timeout: 1
    """, ONE)
    assert ran.messages("Long") == ["Timed out after 1 second(s); the step was ended."]
    assert not _alive(int((playbooks.folder / "pid").read_text()))


def test_modules_that_talk_to_the_local_machine_cannot_run_in_the_background(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + """\
    - name: Copy
      ansible.builtin.copy: {dest: /nowhere/x, content: x}
      async: 10
    """, ONE)
    assert ran.messages("Copy") == ["This action (copy) does not support async."]


def test_a_check_starts_no_job(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + f"""\
    - name: Make
      ansible.builtin.file: {{path: "{playbooks.folder}/made", state: directory}}
      async: 10
      poll: 0
    """, ONE, check=True)
    assert [event["status"] for event in ran.of("result")] == ["changed"]
    assert not (playbooks.folder / "made").exists()
    assert ran.of("job") == []


def test_a_job_without_supervisor_or_result_has_failed(tmp_path: Path) -> None:
    jobs = Jobs(str(tmp_path))
    jid = jobs.start("", 60, lambda: os.kill(os.getppid(), signal.SIGKILL) or {})["ansible_job_id"]
    for _ in range(100):
        status = jobs.status(jid)
        if status["finished"]:
            break
        time.sleep(0.05)
    assert status["failed"]
    assert "ended without a result" in status["msg"]
    assert (tmp_path / "jobs" / jid).stat().st_mode & 0o777 == 0o700


def test_a_job_name_never_becomes_a_path(tmp_path: Path) -> None:
    jobs = Jobs(str(tmp_path / "state"))
    (tmp_path / "result.json").write_text("{}")
    for name in ("../..", ".", "j1", "/etc", "j1.1/../.."):
        assert jobs.status(name)["msg"] == "could not find job"
        assert jobs.cleanup(name)["msg"] == "could not find job"
    assert (tmp_path / "result.json").exists()


PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"
# The agent's directory of this machine is shared by all test runs on it; this one needs its own.
OWN = 'mkdir -p "$1/state" /var/lib/clusterbook && mount --bind "$1/state" /var/lib/clusterbook && shift && exec "$@"'


def _start(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "CLUSTERBOOK_STATE_STORE": f"file://{folder}/store", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", OWN, "sh", str(folder), sys.executable, "-c", PROGRAM,
         "run", "play.yml", "--inventory", "hosts.yml", "--json"], cwd=folder,
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a mount namespace")
def test_a_run_after_a_killed_one_waits_for_the_same_job_instead_of_starting_another(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(ONE)
    (tmp_path / "play.yml").write_text(HEAD + f"""\
    - name: Long
      ansible.builtin.shell: |
        echo started >> {tmp_path}/log; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; echo ended >> {tmp_path}/log
      async: 300
      poll: 1
    """)
    first = _start(tmp_path)
    assert first.stdout is not None
    for line in first.stdout:
        if json.loads(line)["type"] == "waiting":
            break
    first.kill()
    first.communicate()
    second = _start(tmp_path)
    assert second.stdout is not None
    seen = []
    for event in map(json.loads, second.stdout):
        seen.append(event)
        if event["type"] == "job":
            break
    assert seen[-1].get("found") is True, seen
    (tmp_path / "go").touch()
    assert second.communicate(timeout=60) and second.returncode == 0
    assert (tmp_path / "log").read_text() == "started\nended\n"
