"""What a run writes on a terminal, on one without colours, in a job of CI, and into a file."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"
PLAYBOOK = """
- name: Say hello
  hosts: here
  gather_facts: false
  tasks:
    - name: Wait a moment, so that a line that lives is drawn more than once
      ansible.builtin.command: sleep 1
      changed_when: true
    - name: Write who was here
      ansible.builtin.copy:
        content: "hello\\n"
        dest: "{{ playbook_dir }}/hello.txt"
"""
STAGES = """
from clusterbook.cli.screen import stage
with stage("hosts") as shown:
    shown.say("a word about what goes on " * 6)
    shown.result = "3 hosts answer"
"""
COLOUR = re.compile(r"\x1b\[(\d+;)*[34]\d(;\d+)*m")
STEERING = re.compile(r"\x1b\[\??\d*[A-Zhl]")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def run(tmp_path: Path, machine: None) -> list[str]:
    """The words of a run of a small playbook on this machine."""
    (tmp_path / "hello.yml").write_text(PLAYBOOK)
    (tmp_path / "here.yml").write_text("all: {hosts: {here: {ansible_connection: local}}}\n")
    task = ["run", str(tmp_path / "hello.yml"), "--inventory", str(tmp_path / "here.yml")]
    return [sys.executable, "-c", PROGRAM, *task]


def environment(home: Path, more: dict[str, str]) -> dict[str, str]:
    """This one without what says how to draw."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI", "COLUMNS")}
    return {**kept, "HOME": str(home), "TERM": "xterm-256color", **more}


def on_terminal(words: list[str], home: Path, columns: int = 80, **more: str) -> str:
    """All that a program writes on a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=environment(home, more),
                               cwd=home, start_new_session=True)  # fmt: skip
    os.close(slave)
    found = b""
    try:
        while part := os.read(master, 65536):
            found += part
    except OSError:  # the other end is closed
        pass
    os.close(master)
    assert process.wait(timeout=60) == 0, found
    return found.decode()


def test_a_terminal_is_drawn_on_in_colours(run: list[str], tmp_path: Path) -> None:
    text = on_terminal(run, tmp_path)
    assert COLOUR.search(text) and STEERING.search(text)


def test_no_color_takes_colours_away_and_leaves_the_words(run: list[str], tmp_path: Path) -> None:
    text = on_terminal(run, tmp_path, NO_COLOR="1")
    assert not COLOUR.search(text)
    assert "1 host: 1 changed." in ESCAPE.sub("", text)


def test_in_a_job_of_ci_nothing_is_drawn_over(run: list[str], tmp_path: Path) -> None:
    text = on_terminal(run, tmp_path, CI="true")
    assert not STEERING.search(text)
    assert "1 host: 1 changed." in ESCAPE.sub("", text)


def test_a_file_gets_plain_text(run: list[str], tmp_path: Path) -> None:
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=environment(tmp_path, {}), cwd=tmp_path)
    assert "1 host: 1 changed." in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("columns", [60, 80, 86])
def test_a_stage_is_drawn_over_in_one_line_as_wide_as_the_terminal(tmp_path: Path, columns: int) -> None:
    _, said, ended = on_terminal([sys.executable, "-c", STAGES], tmp_path, columns).split("\r\x1b[2K")
    assert len(said) == columns
    assert re.fullmatch(r"hosts    3 hosts answer \.+ \d\.\d s\s+", ended)
    assert columns - 2 <= len(ended.rstrip()) <= columns


def test_a_stage_is_no_wider_than_is_read_well(tmp_path: Path) -> None:
    assert max(map(len, ESCAPE.sub("", on_terminal([sys.executable, "-c", STAGES], tmp_path, 200)).splitlines())) <= 86


@pytest.mark.parametrize("setting", ["CI=1", "TERM=dumb", "TERM=unknown"])
def test_a_stage_draws_over_nothing_where_that_cannot_be_done(tmp_path: Path, setting: str) -> None:
    name, _, value = setting.partition("=")
    said, ended = on_terminal([sys.executable, "-c", STAGES], tmp_path, 60, **{name: value}).splitlines()
    assert "\x1b" not in said + ended
    assert said.startswith("hosts    a word about") and 58 <= len(ended) <= 60


def test_a_stage_in_a_file_has_its_full_width_and_no_steering(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", STAGES], capture_output=True, text=True, check=True,
                          env=environment(tmp_path, {"COLUMNS": "60"}), cwd=tmp_path)  # fmt: skip
    _, ended = done.stdout.splitlines()
    assert "\x1b" not in done.stdout and len(ended) == 84
