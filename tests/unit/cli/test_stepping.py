"""`--step`: a person at a pseudo terminal says of each task whether it shall run."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clusterbook.cli.ansible.program import run

PLAY = """\
- name: work
  hosts: all
  gather_facts: false
  connection: local
  strategy: free
  tasks:
    - name: first
      debug: msg=one
      register: first
    - name: once
      debug: msg=two
      run_once: true
      changed_when: true
      notify: after
    - name: more
      include_tasks: more.yml
    - name: last
      debug: msg="four {{ first is defined }}"
  handlers:
    - name: after
      debug: msg=five
"""
HOSTS = "a,b,"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "more.yml").write_text("- name: included\n  debug: msg=three\n")
    return tmp_path


def stepped(folder: Path, typed: str, *words: str, program: str = "clusterbook.cli.ansible.program") -> tuple[int, str]:
    """Exit status and screen of a run in a terminal in which a person types these lines."""
    ours, theirs = pty.openpty()
    code = f"import sys; from {program} import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True, env={**os.environ, "TERM": "dumb", "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
            if b"interrupt me" in shown:
                shown = shown.replace(b"interrupt me", b"")
                process.send_signal(signal.SIGINT)
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    return process.wait(), shown.decode().replace("\r\n", "\n")


def test_a_task_runs_on_every_host_or_on_none_as_the_person_says(folder: Path) -> None:
    status, screen = stepped(folder, "no\ny\nyes\nn\nYES\n\n", "-i", HOSTS, "play.yml", "--step")
    assert status == 0
    asked = re.findall(r"Perform task: (.*?) \(N\)o/\(y\)es/\(c\)ontinue: ", screen)
    assert asked == ["first", "once", "more", "included", "last", "after"]
    assert '"msg": "one"' not in screen and '"msg": "three"' not in screen and '"msg": "five"' not in screen
    assert screen.count('"msg": "two"') == 1 and screen.count('"msg": "four False"') == 2
    assert "a                          : ok=3    changed=1 " in screen  # once, more, last
    assert "b                          : ok=2    changed=0 " in screen


def test_a_task_that_one_host_would_do_for_all_is_left_out_for_all(folder: Path) -> None:
    status, screen = stepped(folder, "y\nn\nc\n", "-i", HOSTS, "play.yml", "--step")
    assert status == 0 and screen.count("Perform task: ") == 3
    assert '"msg": "two"' not in screen and screen.count('"msg": "three"') == 2 and '"msg": "five"' not in screen
    assert screen.count("ok=4    changed=0 ") == 2


def test_an_interrupt_ends_the_question(folder: Path) -> None:
    (folder / "play.yml").write_text(PLAY.replace("name: once", "name: interrupt me"))
    status, screen = stepped(folder, "y\n", "-i", HOSTS, "play.yml", "--step")
    assert status == 99 and '"msg": "one"' in screen and '"msg": "four' not in screen


@pytest.mark.usefixtures("machine")
def test_clusterbooks_own_command_asks_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTERBOOK_STORE", f"file://{folder}/store")
    (folder / "hosts.yml").write_text("all: {hosts: {a: {ansible_connection: local}}}\n")
    status, screen = stepped(
        folder, "n\nn\nn\ny\n", "run", "play.yml", "--inventory", "hosts.yml", "--step", program="clusterbook.cli.main")
    assert status == 0, screen
    assert screen.count("Perform task: ") == 4 and "four False" in screen and "one" not in screen.split("Perform")[-1]


def test_without_a_terminal_it_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert run(["-i", HOSTS, "play.yml", "--step"]) != 0
    told = capsys.readouterr().err
    assert "--step asks before each task, but the input is no terminal" in told
    assert "next: Run it in a terminal, or leave --step out." in told
