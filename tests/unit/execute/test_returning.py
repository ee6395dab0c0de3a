"""Hosts that go away in the middle of a play and come back. The machine itself is not rebooted: its agent is ended."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.errors import Distrusted, Unreachable
from clusterbook.execute import hosts, run
from clusterbook.execute.session import AgentSession
from clusterbook.transport.connect import Connector
from tests.unit.execute.playing import HEAD, Told, run_files

# What a reboot is here: another word in a file. Before and after it each step leaves a line.
PLAY = """\
- name: Before
  hosts: all
  gather_facts: false
  tasks:
    - shell: echo one >> DIR/ran-{{ inventory_hostname }}; echo first
      register: first
- name: Work in DIR
  hosts: all
  gather_facts: false
STRATEGY
  tasks:
    - set_fact: {chance: "{{ 1000000 | random }}"}
    - shell: echo "{{ chance }}" > DIR/chance-{{ inventory_hostname }}
    - copy: {content: x, dest: "DIR/conf-{{ inventory_hostname }}"}
      notify: after
    - shell: echo two >> DIR/ran-{{ inventory_hostname }}
      run_once: true
    - shell: "false"
      register: tried
      retries: 1
      delay: 0.1
      until: tried.rc == 0
      ignore_errors: true
    - reboot: {boot_time_command: "cat DIR/boot-{{ inventory_hostname }}", OPTIONS
               reboot_command: "/bin/cp DIR/next DIR/boot-{{ inventory_hostname }}"}
      register: done
    - shell: echo three >> DIR/ran-{{ inventory_hostname }}
    - debug: msg="{{ first.stdout }} {{ chance }} {{ done.rebooted }} {{ done.changed }} {{ tried.attempts }}"
  handlers:
    - name: after
      shell: echo handler >> DIR/ran-{{ inventory_hostname }}
"""


@pytest.fixture(autouse=True)
def remote(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts are not this machine, as far as the run knows, and are tried again soon."""
    monkeypatch.setattr(hosts, "LocalConnection", ())
    monkeypatch.setattr(hosts, "RETRY_SECONDS", 0.05)


def refuse(monkeypatch: pytest.MonkeyPatch, when: Callable[[int], BaseException | None]) -> list[str]:
    """Connections fail as when(number) says, which counts from 1; the hosts that were tried."""
    tries: list[str] = []
    connect = Connector.connect

    def tried(self: Connector, host: Any, options: Any = None) -> Any:
        tries.append(host.name)
        error = when(len(tries))
        if error is not None:
            raise error
        return connect(self, host, options)

    monkeypatch.setattr(Connector, "connect", tried)
    return tries


def play(directory: Path, names: str = "a", strategy: str = "", options: str = "") -> Told:
    """Run PLAY. options: of a reboot that fails; the mark of a handler that it leaves would outlive the test."""
    (directory / "next").write_text("second boot")
    for name in names:
        (directory / f"boot-{name}").write_text("first boot")
    text = PLAY.replace("DIR", str(directory)).replace("STRATEGY", strategy)
    if options:
        text = text.replace("      notify: after\n", "")
    text = text.replace("OPTIONS", options or "reboot_timeout: 20,")
    return run_files(directory, {"site.yml": text}, names)


@pytest.mark.parametrize("strategy", ["  strategy: linear", "  strategy: free", "  serial: 1"])
def test_a_play_goes_on_after_a_reboot_as_if_there_had_been_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    refuse(monkeypatch, lambda number: Unreachable("not yet") if number in (3, 4, 6) else None)
    told = play(tmp_path, "ab", strategy)
    assert told.outcome.exit_code(check=False) == 0, told.events
    for name in "ab":
        chance = (tmp_path / f"chance-{name}").read_text().strip()
        assert told.messages(name) == [f"first {chance} True True 1"]
        ran = (tmp_path / f"ran-{name}").read_text().split()
        assert [line for line in ran if line != "two"] == ["one", "three", "handler"]
        results = [event["step"] for event in told.of("result", name)]
        assert len(results) == len(set(results)), "a step was reported twice"
        assert told.of("pending", name) == []
    twice = 2 if "serial" in strategy else 1
    assert sum((tmp_path / f"ran-{name}").read_text().count("two") for name in "ab") == twice


def test_a_host_that_has_not_gone_down_yet_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots = tmp_path / "boot-a"

    def later(number: int) -> None:
        if number == 4:
            boots.write_text("second boot")

    tries = refuse(monkeypatch, later)
    text = PLAY.replace("/bin/cp DIR/next DIR/boot-{{ inventory_hostname }}", "/bin/true")
    monkeypatch.setattr("tests.unit.execute.test_returning.PLAY", text)
    told = play(tmp_path)
    assert told.count("failed") == 0 and told.count("unreachable") == 0, told.events
    assert len(tries) == 4


def test_a_host_that_does_not_reboot_fails_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PLAY.replace("/bin/cp DIR/next DIR/boot-{{ inventory_hostname }}", "/bin/true")
    monkeypatch.setattr("tests.unit.execute.test_returning.PLAY", text)
    told = play(tmp_path, options="reboot_timeout: 1,")
    assert told.failures()[-1] == (
        f"the host was told to reboot and did not within 1 s: 'cat {tmp_path}/boot-a' still says 'first boot'"
    )


def test_a_host_that_does_not_come_back_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, lambda number: Unreachable("a: connection refused") if number > 1 else None)
    told = play(tmp_path, options="reboot_timeout: 1,")
    assert [event["msg"] for event in told.of("unreachable")] == [
        "a did not come back within 1 s: connection refused"]  # fmt: skip
    assert told.count("unreachable") == 1 and told.count("failed") == 0


def test_a_host_with_another_key_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = refuse(monkeypatch, lambda number: Distrusted("a: its host key has changed") if number > 1 else None)
    told = play(tmp_path, options="reboot_timeout: 20,")
    assert [event["msg"] for event in told.of("unreachable")] == ["a: its host key has changed"]
    assert len(tries) == 2


def test_a_command_that_cannot_be_run_fails_and_the_play_can_go_on(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": HEAD + """\
    - reboot: {reboot_command: no-such-program -r, boot_time_command: echo 1}
      ignore_errors: true
      register: done
    - reboot: {reboot_command: /bin/false, boot_time_command: echo 1}
      ignore_errors: true
    - reboot: {boot_time_command: "false"}
      ignore_errors: true
    - debug: msg={{ done.rebooted }}
"""})
    assert told.messages() == [False]
    messages = [str(event["msg"]) for event in told.of("result") if event["status"] == "failed"]
    assert messages[0] == "there is no 'no-such-program' in /sbin, /bin, /usr/sbin, /usr/bin, /usr/local/sbin"
    assert messages[1].startswith("the reboot command '/bin/false' failed: ")
    assert messages[2].startswith("boot_time_command 'false' failed: ")


def test_a_test_command_that_does_not_succeed_fails_the_step(tmp_path: Path) -> None:
    told = play(tmp_path, options="reboot_timeout: 1, test_command: 'false',")
    assert told.failures()[-1].startswith("the host rebooted, but 'false' did not succeed within 1 s: ")


def test_this_machine_is_not_rebooted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    told = run_files(tmp_path, {"site.yml": HEAD + "    - reboot:\n"})
    assert told.failures() == ["Running reboot with local connection would reboot the control node."]


def test_check_mode_foretells_a_reboot_and_does_not_wait(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": HEAD + """\
    - reboot:
    - wait_for_connection: {delay: 100}
"""}, check=True)
    assert [event["status"] for event in told.of("result")] == ["changed", "skipped"]


def test_an_interrupt_ends_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = refuse(monkeypatch, lambda number: Unreachable("gone") if number > 1 else None)

    def interrupt() -> None:
        while len(tries) < 3:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    monkeypatch.setattr(run, "GRACE_SECONDS", 5.0)
    started = time.monotonic()
    told = play(tmp_path, options="reboot_timeout: 600,")
    assert told.outcome.interrupted
    assert time.monotonic() - started < 60


GONE = HEAD + """\
    - shell: echo before >> DIR/ran; echo 1
      register: before
    - wait_for_connection: {delay: 2, timeout: 20}
      register: waited
    - shell: echo after >> DIR/ran
    - debug: msg="{{ before.stdout }} {{ waited.elapsed >= 2 }}"
"""


def test_a_host_that_something_else_restarts_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = refuse(monkeypatch, lambda number: Unreachable("not yet") if number in (2, 3) else None)
    announced = threading.Event()
    sessions: list[Any] = []
    start = AgentSession.__init__

    def started(self: Any, *arguments: Any) -> None:
        start(self, *arguments)
        sessions.append(self)

    def watched(self: Any, question: Any, answer: Any) -> None:
        reply(self, question, answer)
        if question.get("ask") == "away" and not announced.is_set():
            announced.set()
            threading.Timer(0.2, self._channel.close).start()

    reply = AgentSession._reply
    monkeypatch.setattr(AgentSession, "__init__", started)
    monkeypatch.setattr(AgentSession, "_reply", watched)
    told = run_files(tmp_path, {"site.yml": GONE.replace("DIR", str(tmp_path))})
    assert told.messages() == ["1 True"], told.events
    assert (tmp_path / "ran").read_text().split() == ["before", "after"]
    assert len(tries) == 4 and len(sessions) == 2


def test_a_host_that_is_lost_while_nothing_said_so_is_unreachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = AgentSession.play

    def broken(self: Any, program: Any, host: Any, taken: Any, answer: Any) -> bool:
        def told(events: Any) -> None:
            taken(events)
            if any(event["type"] == "result" for event in events):
                raise Unreachable("a: the connection was lost")

        return take(self, program, host, told, answer)

    monkeypatch.setattr(AgentSession, "play", broken)
    told = run_files(tmp_path, {"site.yml": HEAD + """\
    - shell: "true"
    - shell: sleep 1
    - wait_for_connection: {delay: 1}
"""})
    assert told.count("unreachable") == 1
