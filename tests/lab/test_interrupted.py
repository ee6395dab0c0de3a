"""A run that is killed, on this machine or on a host, is finished by the same command; Ctrl-C leaves nothing behind."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.machines import Machines, boot

_PIECE = """\
    - name: Write piece NUMBER
      copy: {dest: /srv/piece-NUMBER, content: "NUMBER\\n", mode: "0640"}
      notify: Count pieces
"""
_PIECES = "".join(_PIECE.replace("NUMBER", str(number)) for number in range(12))
# Thirty steps, every kind among them. Commands are guarded by what they make; each line of /srv/log stands for a
# command that ran twice if it were there twice.
PLAY = """\
- name: Prepare
  hosts: all
  gather_facts: false
  serial: [1, 2]
  tasks:
    - name: Make the folder
      file: {path: /srv/parts, state: directory, mode: "0750"}
    - name: Write the parts
      copy: {dest: "/srv/parts/{{ item }}", content: "{{ item }}\\n", mode: "0640"}
      loop: [one, two]
      notify: Join
PIECES
    - name: Agree
      shell: {cmd: "echo agreed >> /srv/agreed", creates: /srv/agreed}
      run_once: true
    - name: Hand over
      copy: {dest: "/srv/from-{{ inventory_hostname }}", content: "{{ inventory_hostname }}\\n", mode: "0600"}
      delegate_to: c
      notify: Tell
    - name: Try
      block:
        - name: Half
          lineinfile: {path: /srv/lines, line: half, create: true, mode: "0644"}
        - name: Fail
          command: /bin/false
          changed_when: false
      rescue:
        - name: Save
          lineinfile: {path: /srv/lines, line: saved, insertafter: half}
          notify: Heal
      always:
        - name: Always
          blockinfile: {path: /srv/lines, block: "always\\ntwice"}
    - name: Early handlers
      meta: flush_handlers
    - name: Write after the handlers
      template: {src: late.j2, dest: /srv/late, mode: "0644"}
      notify: Join late
  handlers:
    - name: Join
      shell: cat /srv/parts/* > /srv/joined
    - name: Count pieces
      shell: ls /srv | grep --count piece- > /srv/pieces
    - name: Tell
      shell: ls /srv/parts > /srv/told
    - name: Mend
      listen: Heal
      copy: {src: /srv/lines, dest: /srv/healed, remote_src: true, mode: "0644"}
    - name: Join late
      shell: cat /srv/late > /srv/joined-late
- name: In the background
  hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - name: Wait for a job
      shell: {cmd: "sleep 0.2; echo job > /srv/job", creates: /srv/job}
      async: 30
      poll: 1
    - name: Start a job
      shell: {cmd: "sleep 0.2; echo left > /srv/left", creates: /srv/left}
      async: 30
      poll: 0
      register: job
    - name: Gather it
      async_status: {jid: "{{ job.ansible_job_id }}"}
      register: gathered
      until: gathered.finished
      retries: 30
      delay: 0.2
    - name: Assemble
      assemble: {src: /srv/parts, dest: /srv/assembled, mode: "0644"}
      notify: Count
  handlers:
    - name: Count
      shell: wc -l < /srv/assembled > /srv/counted
""".replace("PIECES\n", _PIECES)
CHANCE = random.Random(20261126)
# Moments of the quick form; `make full` takes every one.
QUICK = int(os.environ.get("CLUSTERBOOK_KILLS", "3"))
FULL = "CLUSTERBOOK_FULL" in os.environ


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """Three hosts that all tests here use."""
    if os.geteuid() != 0 or not shutil.which("sshd", path="/usr/sbin:/usr/bin") or not shutil.which("unshare"):
        pytest.skip("needs root, openssh-server and unshare")
    folder = Path(tempfile.mkdtemp(prefix="clusterbook-machines-"))
    (folder / "templates").mkdir()
    (folder / "templates" / "late.j2").write_text("late on {{ inventory_hostname }}\n")
    yield from boot(folder, "abc")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def whole(machines: Machines) -> tuple[int, dict[str, dict[str, str]]]:
    """A run that nobody disturbs: how many results it has, and what lies on the hosts in the end."""
    status, output = machines.run(PLAY)
    assert status == 0, output
    wanted = machines.files()
    assert wanted["c"]["joined"].endswith("one\ntwo\n") and wanted["c"]["counted"].endswith("2\n"), wanted
    return sum(json.loads(line)["type"] == "result" for line in output.splitlines() if line[:1] == "{"), wanted


def moments(results: int) -> list[int]:
    """After which results runs are disturbed: a few in the quick form, one in each part of the play; else all."""
    every = list(range(1, results))
    if FULL:
        return every
    size = len(every) // QUICK
    return [CHANCE.choice(every[start : start + size]) for start in range(0, size * QUICK, size)]


def until(process: subprocess.Popen[str], results: int) -> None:
    """Read what the run says until so many results have come."""
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += json.loads(line)["type"] == "result"
        if seen == results:
            return
    raise AssertionError(f"the run ended after {seen} results: {process.communicate()[1]}")


def finished(machines: Machines, wanted: dict[str, dict[str, str]], about: str) -> None:
    """The same command leads to the same end, and no handler is owed any more."""
    status, output = machines.run(PLAY)
    assert status == 0, f"{about}: {output}"
    assert machines.files() == wanted, about
    assert {name: machine for machine in machines.all for name in machine.kept() if "pending" in name} == {}, about


def at_work(machines: Machines, count: int) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The play on bare machines, again and again, each time after another number of results."""
    for moment in moments(count):
        machines.clear()
        process = machines.start(PLAY)
        until(process, moment)
        yield moment, process


def quiet(machines: Machines) -> None:
    """Wait until no agent and nothing that one started is left; fails after a while."""
    for _ in range(300):
        if not any(machine.agents() for machine in machines.all):
            return
        time.sleep(0.1)
    raise AssertionError([machine.agents() for machine in machines.all])


def test_after_the_local_process_was_killed_the_same_command_leads_to_the_same_end(
    machines: Machines, whole: tuple[int, dict[str, dict[str, str]]]
) -> None:
    for moment, process in at_work(machines, whole[0]):
        process.kill()
        process.communicate()
        finished(machines, whole[1], f"killed after {moment} results")


def test_after_the_agents_were_killed_the_same_command_leads_to_the_same_end(
    machines: Machines, whole: tuple[int, dict[str, dict[str, str]]]
) -> None:
    for moment, process in at_work(machines, whole[0]):
        # The last first: what is done once falls to the next host when the first one is lost.
        killed = sum(machine.kill_agent() for machine in reversed(machines.all))
        output, errors = process.communicate(timeout=120)
        assert killed and process.returncode in (0, 4), f"after {moment}: {killed} killed, {output}{errors}"
        finished(machines, whole[1], f"agents killed after {moment} results")


def test_ctrl_c_leaves_no_process_and_no_file_and_frees_the_hosts(
    machines: Machines, whole: tuple[int, dict[str, dict[str, str]]]
) -> None:
    for moment, process in at_work(machines, whole[0]):
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 130, f"after {moment}: {output}{errors}"
        quiet(machines)
        for machine in machines.all:
            assert set(machine.files()) <= set(whole[1][machine.name]), moment
            left = [name for name in machine.kept() if not name.startswith(("agent/pending", "agent/jobs"))]
            assert left == [], moment
        finished(machines, whole[1], f"interrupted after {moment} results")


def test_a_second_run_on_the_same_hosts_says_who_holds_them_and_since_when(machines: Machines) -> None:
    machines.clear()
    tasks = "[{name: Begin, ping: }, {name: Hold, wait_for: {path: /srv/never, timeout: 600}}]"
    hold = f"- {{hosts: all, gather_facts: false, tasks: {tasks}}}"
    first = machines.start(hold)
    until(first, 3)
    status, output = machines.run("- {hosts: all, gather_facts: false, tasks: [{ping: }]}")
    assert status == 1
    said = re.findall(r"([abc]) is in use by run (\S+) of (\S+) on (\S+), since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", output)
    assert {words[0] for words in said} == {"a", "b", "c"}
    assert "wait until that run has ended, or end it, then run the same command again" in output
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert first.returncode == 130
    quiet(machines)
    status, output = machines.run("- {hosts: all, gather_facts: false, tasks: [{ping: }]}")
    assert status == 0, output


@pytest.mark.parametrize("end", ["ctrl-c", "kill"])
def test_a_command_that_never_ends_does_not_outlive_the_run(machines: Machines, end: str) -> None:
    machines.clear()
    tasks = "[{name: Begin, ping: }, {name: Never, shell: 'setsid sleep 900 & sleep 900; touch /srv/late'}]"
    process = machines.start(f"- {{hosts: all, gather_facts: false, tasks: {tasks}}}")
    until(process, 3)
    for machine in machines.all:
        while not any(pid for pid in machine.agents() if asleep(pid)):
            time.sleep(0.05)
    if end == "ctrl-c":
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert any('"type": "interrupt"' in line or '"type":"interrupt"' in line for line in process.stdout)
        process.send_signal(signal.SIGINT)  # nobody wants to wait
    else:
        process.kill()
    process.communicate(timeout=120)
    quiet(machines)
    assert machines.files() == {machine.name: {} for machine in machines.all}
    status, output = machines.run("- {hosts: all, gather_facts: false, tasks: [{ping: }]}")
    assert status == 0, output


def test_a_change_that_takes_longer_than_a_command_may_is_whole_after_the_run_was_killed(machines: Machines) -> None:
    machines.clear()
    slow = """copy: {dest: /srv/slow, content: new, validate: "sh -c 'sleep 15; test -s $0' %s"}, notify: Tell"""
    play = (
        f"- {{hosts: all, gather_facts: false, tasks: [{{name: Begin, ping: }}, {{name: Slow, {slow}}}], "
        "handlers: [{name: Tell, shell: cat /srv/slow > /srv/told}]}"
    )
    process = machines.start(play)
    until(process, 3)
    for machine in machines.all:
        while not any(pid for pid in machine.agents() if asleep(pid)):
            time.sleep(0.05)
    process.kill()
    process.communicate(timeout=120)
    quiet(machines)
    assert machines.files() == {machine.name: {"slow": "100644 new"} for machine in machines.all}
    status, output = machines.run(play)
    assert status == 0, output
    assert machines.files() == {machine.name: {"slow": "100644 new", "told": "100644 new"} for machine in machines.all}


def asleep(process: int) -> bool:
    """Whether it is the command of the test."""
    return Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"sleep\0")
