"""What a host in other hands can say that has the right shape: it harms nobody else, and costs this machine little."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from clusterbook.agent import frames
from clusterbook.errors import Failed, Unreachable
from clusterbook.execute import session
from clusterbook.execute.session import AgentSession
from tests.unit.execute.conftest import Playbooks
from tests.unit.execute.test_hostile_agents import GREETING, LOOKUP, PLAY, READY, Liar, failure, run

DONE = {"done": True, "succeeded": True}


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = "evil"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [101, 450, 900])
@pytest.mark.parametrize("kind", ["result", "learnt", "question"])
def test_values_inside_of_values_break_nobody_else(playbooks: Playbooks, depth: int, kind: str) -> None:
    said = {
        "result": {"events": [{"type": "result", "id": 1, "status": "ok", "seconds": 0, "more": nested(depth)}]},
        "learnt": {"events": [{"type": "learnt", "name": "own", "value": nested(depth)}]},
        "question": {"ask": "delegate", "step": 1, "values": {"own": nested(depth)}},
    }[kind]
    assert "deeper than 100" in failure(*run(playbooks, said, DONE)[:2])


def test_a_frame_of_too_many_values_is_not_read(playbooks: Playbooks) -> None:
    """Three bytes of each would take sixty of memory."""
    many = b"[" + b"[]," * 2_500_000 + b"[]]"
    frame = frames._HEAD.pack(len(many), ord("J")) + many
    assert "the agent's connection ended" in failure(*run(playbooks, frame)[:2])


def test_a_long_text_full_of_commas_is_read() -> None:
    said = frames.pack({"stdout": ',[{"\\' * 2_000_000})
    assert len(session_reads(said)["stdout"]) == 10_000_000


def session_reads(frame: bytes) -> Any:
    """A frame as the local machine reads it."""
    return frames.read(Liar(frame).read)


def test_a_gate_without_a_place_stops_no_other_host(playbooks: Playbooks) -> None:
    text = PLAY.replace("strategy: free", "strategy: linear")
    outcome, events, _ = run(playbooks, {"ask": "gate", "key": [], "run_once": False}, text=text)
    assert "has a wrong 'key'" in failure(outcome, events)


def test_what_nobody_foresaw_is_the_failure_of_its_host_alone(
    playbooks: Playbooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("nobody thought of this")

    monkeypatch.setattr("clusterbook.execute.answers.Answers._answer_company", broken)
    outcome, events, _ = run(playbooks, {"ask": "company"}, DONE)
    assert "could not be dealt with: KeyError" in failure(outcome, events)


READS = """\
- hosts: all
  strategy: free
  gather_facts: false
  tasks:
    - name: Read
      ansible.builtin.include_vars: {dir: vars, files_matching: "^(a|b)+[.]yml"}
      when: inventory_hostname == 'nobody'
    - name: Say
      ansible.builtin.debug: {msg: x}
      when: inventory_hostname == 'a'
    - name: Be there
      ansible.builtin.ping:
"""


def test_a_host_cannot_keep_this_machine_busy_with_a_pattern_or_a_hash(playbooks: Playbooks) -> None:
    folder = playbooks.folder / "vars"
    folder.mkdir()
    (folder / f"{'a' * 40}.yml").write_text("x: 1\n")
    (folder / f"{'c' * 40}.yml").write_text("y: 1\n")
    slow = {"dir": "vars", "files_matching": "(.|.)*!"}
    questions = [
        {"ask": "variables", "step": 1, "arguments": slow},
        {"ask": "variables", "step": 1, "arguments": {"dir": "vars", "ignore_files": ["(.|.)*!"]}},
        {"ask": "variables", "step": 1, "arguments": {"dir": "vars", "files_matching": "\\"}},
        {"ask": "variables", "step": 1, "arguments": {"dir": "vars", "depth": "deep"}},
        {**LOOKUP, "word": "inventory_hostnames", "arguments": ["~(.|.)*!"]},
        {**LOOKUP, "of": "filter", "word": "password_hash", "arguments": ["x", "bcrypt"], "options": {"rounds": 31}},
        {"ask": "variables", "step": 1, "arguments": {"dir": "vars", "files_matching": "^(a|b)+[.]yml"}},
        {"ask": "variables", "step": 1, "arguments": {"dir": "vars", "files_matching": "^c.*"}},
    ]
    started = time.monotonic()
    _, _, liar = run(playbooks, *questions, DONE, text=READS)
    *refused, first, second = liar.answers()
    hashed = refused.pop()
    assert "takes minutes" in hashed["value"]["failed"]
    assert [list(answer) for answer in refused] == [["refused"]] * 5
    assert (first["value"]["values"], second["value"]["values"]) == ({"x": 1}, {"y": 1})
    assert time.monotonic() - started < 60  # each of the four would take days or years


FETCHES = """\
- hosts: all
  strategy: free
  gather_facts: false
  tasks:
    - name: Fetch
      ansible.builtin.fetch: {src: /etc/hostname, dest: "{{ place }}/", flat: true}
      when: inventory_hostname == 'b'
    - name: Say
      ansible.builtin.debug: {msg: x}
      when: inventory_hostname == 'a'
"""


def test_a_fetched_file_has_a_plain_name_and_its_parts_in_order(playbooks: Playbooks) -> None:
    def part(src: str, data: str, offset: int, last: bool) -> dict[str, Any]:
        return {"ask": "fetch", "step": 1, "src": src, "data": data, "offset": offset, "last": last, "sha1": ""}

    text = base64.b64encode(b"text").decode()
    lies = [
        part("/etc/\x1b]0;owned\x07", text, 0, True), part("/etc/bad", "abc", 0, True),
        part("/etc/late", text, 4, True), part("/etc/again", text, 0, False),
        part("/etc/again", text, 0, False), part("/etc/again", text, 4, True),
    ]  # fmt: skip
    place = playbooks.folder / "fetched"
    _, _, liar = run(playbooks, *lies, DONE, text=FETCHES.replace("{{ place }}", str(place)))
    assert [list(answer) for answer in liar.answers()] == [["refused"]] * 3 + [["value"]] * 3
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {"again": b"texttext"}


class Slow(Liar):
    """Says a byte now and then, and never what is waited for."""

    def read(self, size: int, timeout: float | None = None) -> bytes:
        time.sleep(0.01)
        return super().read(size, timeout)[:1] or b"."


def test_a_host_that_says_a_little_now_and_then_is_given_up_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "START_SECONDS", 0.1)
    with pytest.raises(Unreachable, match="answer"):
        AgentSession(Slow(b"motd"), None)


def test_an_agent_that_starts_and_says_no_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "HELLO_SECONDS", 0.1)
    started = AgentSession(Liar(GREETING), None)
    started._channel = Slow(frames._HEAD.pack(1000, ord("J")))
    with pytest.raises(Unreachable, match="answer"):
        started.hello({}, False, {})


def test_events_without_end_are_not_kept(playbooks: Playbooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MOST_EVENTS", 10_000)
    endless = [{"events": [{"type": "output", "id": 1, "lines": [str(number) * 100]}]} for number in range(200)]
    assert "its events are more than" in failure(*run(playbooks, *endless, DONE)[:2])


def test_the_words_of_a_host_in_an_error_are_bounded() -> None:
    long = "x" * 100_000
    for answer in ({"ready": False, "held": {"run": long}}, {"crash": long, "next_step": long}):
        started = AgentSession(Liar(GREETING + frames.pack(answer)), None)
        with pytest.raises(Failed) as caught:
            started.hello({}, False, {})
        assert len(caught.value.message) < 10_000 and len(caught.value.next_step or "") < 10_000


def test_an_agent_that_is_ready_may_work_as_long_as_it_takes() -> None:
    started = AgentSession(Liar(GREETING + READY), None)
    started.hello({}, False, {})
    assert started._end is None
