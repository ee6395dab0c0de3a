"""The local machine through the same interface."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusterbook.errors import ClusterbookError, InvalidInput, Unreachable
from clusterbook.model import Host
from clusterbook.transport import Become, Connection, connect, run
from clusterbook.transport.become import escalate


def local() -> Connection:
    """A connection to this machine."""
    return connect(Host("localhost", (), {"ansible_connection": "local"}))


def test_a_program_runs_with_input_output_and_exit_status() -> None:
    done = run(local(), ["sh", "-c", "cat; echo err >&2; exit 3"], data=b"in")
    assert (done.exit_status, done.stdout, done.stderr) == (3, b"in", "err\n")


def test_large_input_and_much_error_output_pass() -> None:
    data = os.urandom(3_000_000)
    assert run(local(), ["sh", "-c", "seq 100000 >&2; cat"], data=data).stdout == data


def test_a_program_that_does_not_exist_says_how_to_get_it() -> None:
    with pytest.raises(Unreachable) as caught:
        local().start(["/nowhere/python3"])
    assert caught.value.message == "localhost: cannot start '/nowhere/python3': no such file or directory"
    assert caught.value.next_step.startswith("Install it ('apt-get install python3'")


def test_silence_is_given_up_and_an_early_end_is_explained() -> None:
    connection = local()
    channel = connection.start(["sleep", "20"])
    with pytest.raises(Unreachable, match=r"localhost: no answer for 0\.2 s"):
        channel.read(1, timeout=0.2)
    ended = connection.start(["sh", "-c", "echo why >&2; exit 4"])
    assert ended.read(1) == b""
    assert ended.why_ended().message == "localhost: 'sh' ended with exit status 4: why"
    started = time.monotonic()
    connection.close()
    assert time.monotonic() - started < 10


def test_a_channel_that_another_thread_closed_has_ended() -> None:
    channel = local().start(["cat"])
    channel.close()
    assert channel.read(10) == b"" and channel.read(10, timeout=1.0) == b""
    with pytest.raises(ClusterbookError):
        channel.write(b"more")


def test_becoming_oneself_changes_nothing() -> None:
    assert escalate(["id"], Become("me"), "me").argv == ("id",)
    assert escalate(["id"], None, "me").argv == ("id",)


def test_without_a_password_sudo_must_not_ask() -> None:
    assert escalate(["id", "-u"], Become("other"), "me").argv == (
        "sudo", "-H", "-n", "-u", "other", "--", "id", "-u",
    )  # fmt: skip


def test_su_starts_a_program_with_its_words_as_they_are_and_takes_no_password() -> None:
    by_su = Become("nobody", "su", executable="su", flags=())
    with pytest.raises(InvalidInput, match="which su takes from a terminal only"):
        escalate(["id"], replace(by_su, password="p"), "me")
    if os.geteuid() != 0:
        pytest.skip("only root is not asked by su")
    argv = escalate(["printf", "%s|", "-c", "a b", "$HOME", "--"], by_su, "me").argv
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "-c|a b|$HOME|--|"


def test_with_a_password_the_prompt_is_random_and_long() -> None:
    one, two = (escalate(["id"], Become(password="p"), "me") for _ in range(2))
    assert one.prompt != two.prompt and len(one.prompt) > 40
    assert one.prompt in one.argv and "p" not in one.argv


def test_sudo_on_the_local_machine_is_given_its_password(sshd: Any) -> None:
    # The accounts exist in the server's mount namespace only, so sudo is entered there as one of them.
    wrapper = Path(sshd.directory) / "sudo-inside"
    wrapper.write_text(
        f"#!/bin/sh\nexec nsenter --mount=/proc/{sshd.process.pid}/ns/mnt setpriv --reuid asks --regid asks "
        '--clear-groups sudo "$@"\n'
    )
    wrapper.chmod(0o755)
    right = Become("stranger", password="correct horse", executable=str(wrapper))
    assert run(local(), ["id", "-un"], right).stdout == b"stranger\n"
    with pytest.raises(Unreachable, match="sudo on localhost does not accept the password of"):
        local().start(["id"], Become("stranger", password="wrong", executable=str(wrapper)))
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "correct horse" not in shown
