"""What a host in other hands can do by what it says: lose its own part of the run, and nothing else."""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from clusterbook.agent import frames
from clusterbook.errors import ClusterbookError, Unreachable
from clusterbook.execute import heard
from clusterbook.execute.answers import Answers
from clusterbook.execute.events import Events
from clusterbook.execute.hosts import Agents
from clusterbook.execute.run import Outcome, Runner
from clusterbook.execute.services import Services
from clusterbook.execute.session import AgentSession
from clusterbook.model import Host
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Become, Options
from tests.unit.execute.conftest import Playbooks, Recorder

GREETING = b"CLUSTERBOOK have 3.11\n"
READY = frames.pack({"ready": True, "held": None})
PLAY = """\
- hosts: all
  strategy: free
  gather_facts: false
  vars: {greeting: hello}
  tasks:
    - name: Say
      ansible.builtin.debug: {msg: "{{ greeting }} from {{ own }}"}
    - name: Ask
      ansible.builtin.copy: {src: given, dest: "{{ place }}/copied-{{ own }}"}
      when: false
"""
INVENTORY = """\
all:
  vars: {ansible_connection: local}
  hosts: {b: {own: of-b, ansible_connection: ssh}, a: {own: of-a}}
"""
LOOKUP = {"ask": "local", "step": 1, "of": "lookup", "options": {}}


class Liar:
    """A connection and its channel: says what it is told to, keeps what it hears."""

    host, user, python = "b", "root", None

    def __init__(self, words: bytes) -> None:
        self._words = words
        self.heard: list[Any] = []

    def start(self, argv: Sequence[str], become: Become | None = None) -> Liar:
        return self

    def read(self, size: int, timeout: float | None = None) -> bytes:
        part, self._words = self._words[:size], self._words[size:]
        return part

    def write(self, data: bytes) -> None:
        rest = data

        def take(count: int) -> bytes:
            nonlocal rest
            part, rest = rest[:count], rest[count:]
            return part

        self.heard.append(frames.read(take))

    def why_ended(self) -> ClusterbookError:
        return Unreachable("it is gone")

    def close(self) -> None:
        """Nothing to close."""

    finish_input = close

    def stderr_tail(self) -> str:
        return ""

    def exit_status(self, timeout: float | None = None) -> int | None:
        return 0

    def answers(self) -> list[Any]:
        """What the local machine answered to questions."""
        return [said for said in self.heard if isinstance(said, bytes) or not said.keys() & {"hello", "play"}]


class Mixed(Agents):
    """Host b lies; the others are real agents on this machine."""

    def __init__(self, liar: Liar) -> None:
        super().__init__(Connector(Options()), "run-1", Services(), lock_hosts=False)
        self._liar = liar

    def session(self, host: Host, root: bool) -> AgentSession:
        if host.name != "b":
            return super().session(host, root)
        session = AgentSession(self._liar, None)
        session.hello({}, False, {})
        return session


def run(
    playbooks: Playbooks, *lies: Any, text: str = PLAY, greeting: bytes = GREETING + READY
) -> tuple[Outcome, list[dict[str, Any]], Liar]:
    """A run in which host b says these messages (bytes go as they are) and then ends."""
    liar = Liar(greeting + b"".join(lie if isinstance(lie, bytes) else frames.pack(lie) for lie in lies))
    plan, found, agents = playbooks.plan(text, INVENTORY), list[dict[str, Any]](), Mixed(liar)
    try:
        services = Services(secret=lambda name: f"value-of-{name}")
        outcome = Runner(plan, agents, services, Events([Recorder(found)], plan.steps)).run()
    finally:
        agents.close()
    return outcome, found, liar


def failure(outcome: Outcome, events: list[dict[str, Any]]) -> str:
    """Why b was given up; a has done its part."""
    assert outcome.counts["a"]["ok"] == 1
    assert outcome.counts["a"]["failed"] == outcome.counts["a"]["unreachable"] == 0
    told = [event for event in events if event["type"] in ("failure", "unreachable")]
    assert [event["host"] for event in told] == ["b"]
    return str(told[0]["msg"])


GARBAGE = {
    "no json": frames._HEAD.pack(7, ord("J")) + b"garbage",
    "no compressed json": frames._HEAD.pack(7, ord("Z")) + b"garbage",
    "nested without end": frames._HEAD.pack(200_000, ord("J")) + b"[" * 200_000,
    "no object": frames.pack(["ask", "secret"]),
    "bytes that nobody asked for": frames.pack(b"raw"),
    "an event without a kind": frames.pack({"events": [{}]}),
    "an event of no kind": frames.pack({"events": [{"type": "summary", "hosts": {"a": {"ok": 9}}}]}),
    "an event that is none": frames.pack({"events": [7]}),
    "a result without status": frames.pack({"events": [{"type": "result", "id": 1, "seconds": 0}]}),
    "a result counted by text": frames.pack(
        {"events": [{"type": "result", "id": 1, "seconds": 0, "status": "ok", "times": "many"}]}
    ),
    "changes without shape": frames.pack(
        {"events": [{"type": "result", "id": 1, "seconds": 0, "status": "changed", "changes": [1]}]}
    ),
    "a value that is none": frames.pack({"events": [{"type": "learnt", "name": "own", "value": {"!evil": 1}}]}),
    "a question of no kind": frames.pack({"ask": ["gate"]}),
    "the name of a method": frames.pack({"ask": "_step"}),
    "a question without its fields": frames.pack({"ask": "content"}),
    "an offset before the beginning": frames.pack({"ask": "content", "step": 1, "name": "given", "offset": -1}),
    "a name with a null byte": frames.pack({"ask": "content", "step": 1, "name": "given\0"}),
    "a name without end": frames.pack({"ask": "hostvar", "host": "a", "name": "x" * 100_000}),
    "a step that is no number": frames.pack({"ask": "source", "step": "1; rm -rf /", "name": "given"}),
    "a gate that is no place": frames.pack({"ask": "gate", "key": [["a"]], "run_once": False}),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_a_host_that_talks_nonsense_is_left_alone_and_the_others_go_on(playbooks: Playbooks, garbage: bytes) -> None:
    assert "b does not behave as an agent does, so it is left alone: " in failure(*run(playbooks, garbage)[:2])


@pytest.mark.parametrize("frame", [frames._HEAD.pack(4_000_000_000, ord("J")), frames._HEAD.pack(1, ord("?")) + b"1"])
def test_a_frame_over_the_limit_or_of_no_kind_is_not_read(playbooks: Playbooks, frame: bytes) -> None:
    assert "the agent's connection ended" in failure(*run(playbooks, frame)[:2])


def test_a_frame_that_unpacks_over_the_limit_is_not_unpacked(playbooks: Playbooks) -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(80)) + packer.flush()
    assert "the agent's connection ended" in failure(*run(playbooks, frames._HEAD.pack(len(bomb), ord("Z")) + bomb)[:2])


def test_words_before_the_greeting_are_bounded(playbooks: Playbooks) -> None:
    outcome, events, _ = run(playbooks, greeting=b"motd " * 500_000)
    assert "it wrote 1 MiB and started no agent" in failure(outcome, events)


@pytest.mark.parametrize("greeting", [{"ready": "yes"}, {"held": 1, "ready": False}, {}])
def test_a_greeting_of_another_shape_is_refused(playbooks: Playbooks, greeting: dict[str, Any]) -> None:
    outcome, events, _ = run(playbooks, greeting=b"CLUSTERBOOK have 3.11\n" + frames.pack(greeting))
    assert "it greets with" in failure(outcome, events)


def test_a_host_cannot_speak_for_another_one(playbooks: Playbooks) -> None:
    lie = {"type": "result", "id": 1, "seconds": 0, "status": "failed", "host": "a", "role": "etcd", "at": "site.yml:1"}
    _, events, _ = run(playbooks, {"events": [lie]}, {"done": True, "succeeded": True})
    told = [event for event in events if event["type"] == "result" and event["status"] == "failed"]
    assert [(event["host"], event["role"]) for event in told] == [("b", "")]
    assert str(told[0]["at"]).endswith("play.yml:6")


@pytest.mark.parametrize("word", ["end_play", "fatal"])
@pytest.mark.parametrize("step", [1, 2, 99])
def test_a_host_cannot_end_the_play_for_others_where_no_step_says_so(
    playbooks: Playbooks, word: str, step: int
) -> None:
    text = PLAY.replace("strategy: free", "serial: 1")
    lies = [{"events": [{"type": word, "id": step}]}, {"done": True, "succeeded": True}]
    outcome, _, _ = run(playbooks, *lies, text=text)
    assert outcome.counts["a"]["ok"] == outcome.counts["a"]["skipped"] == 1


def test_what_the_play_does_not_name_is_refused(playbooks: Playbooks, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("not for you")
    questions = [
        {"ask": "secret", "name": "ca-key"},
        {"ask": "hostvar", "host": "a", "name": "ansible_become_password"},
        {"ask": "content", "step": 2, "name": "/etc/shadow"},
        {"ask": "content", "step": 2, "name": "../../../../etc/shadow"},
        {"ask": "template", "step": 2, "name": "/root/.ssh/id_ed25519"},
        {"ask": "source", "step": 99, "name": "given"},
        {"ask": "fails_all", "step": 2, "key": [0]},
        {**LOOKUP, "word": "env", "arguments": ["CLUSTERBOOK_STORE_PASSPHRASE"]},
        {**LOOKUP, "word": "pipe", "arguments": ["id"]},
        {**LOOKUP, "word": "url", "arguments": ["http://127.0.0.1/"]},
        {**LOOKUP, "word": "file", "arguments": ["/etc/shadow"]},
        {"ask": "sign", "step": 1, "public_key": "ssh-ed25519 AAAA", "now": 0},
        {"ask": "authority", "name": "ca"},
        {"ask": "fetch", "step": 1, "src": "/x", "data": "", "offset": 0, "last": True},
        {"ask": "include", "step": 1, "arguments": {"file": "/etc/passwd"}},
        {"ask": "variables", "step": 1, "arguments": {"file": "/etc/passwd"}},
        {"ask": "delegate", "step": 1, "values": {}},
        {"ask": "ran_once", "key": [0, 1], "result": {"failed": True}},
    ]
    outcome, _, liar = run(playbooks, *questions, {"done": True, "succeeded": True})
    answers = liar.answers()
    assert answers.pop(1) == {"value": None}
    assert [list(answer) for answer in answers] == [["refused"]] * (len(questions) - 1)
    assert "value-of-" not in str(answers) and "not for you" not in str(answers)
    assert outcome.counts["a"]["failed"] == 0


def test_template_text_that_a_host_reports_stays_text_for_the_others(playbooks: Playbooks) -> None:
    text = """\
    - hosts: all
      gather_facts: false
      tasks:
        - ansible.builtin.debug: {msg: "{{ hostvars['b'].said }}"}
          name: Read
          when: inventory_hostname == 'a'
          register: said
    """
    evil = {"!template": ["{{ lookup('pipe', 'id') }}", "play.yml", 1, 1]}
    lies = [{"events": [{"type": "learnt", "name": "said", "value": evil}]}, {"done": True, "succeeded": True}]
    first = "- {hosts: b, gather_facts: false, tasks: [{ansible.builtin.debug: {msg: x}, register: said}]}\n"
    _, events, _ = run(playbooks, *lies, text=first + textwrap.dedent(text).replace("hosts: all", "hosts: a"))
    shown = [event["msg"] for event in events if event["type"] == "result" and event.get("name") == "Read"]
    assert shown == ["{{ lookup('pipe', 'id') }}"]


def test_escapes_that_a_host_prints_do_not_reach_the_terminal(playbooks: Playbooks) -> None:
    said = {"type": "result", "id": 1, "seconds": 0, "status": "failed", "msg": "\x1b]0;owned\x07\x1b[2J\u202eevil"}
    _, events, _ = run(playbooks, {"events": [said]}, {"done": True, "succeeded": False})
    shown = next(event["msg"] for event in events if event["type"] == "result" and event["host"] == "b")
    assert "\x1b" not in shown and "\x07" not in shown and "\u202e" not in shown


def test_every_question_that_agents_ask_has_its_shape_written_down() -> None:
    answered = {name.removeprefix("_answer_") for name in dir(Answers) if name.startswith("_answer_")}
    assert answered == set(heard.QUESTIONS)
