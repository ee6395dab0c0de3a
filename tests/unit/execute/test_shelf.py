"""What is kept of a run for another agent fills neither the memory nor the disk."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from clusterbook.execute import shelf
from clusterbook.execute.calls import MOST_REMEMBERED, LocalCalls
from clusterbook.execute.segments import Segment
from clusterbook.execute.session import Refusal
from clusterbook.execute.shelf import Kept, Shelf, Slot
from clusterbook.execute.work import Work
from clusterbook.model import Host
from tests.unit.execute.test_executors import run
from tests.unit.execute.test_run import COMMAND, Recorder, play, step

LONG = {"text": "a long answer \udcff\N{SNOWMAN} " * 400}


def work(answer: Any, kept: Kept) -> Work:
    return Work(Segment(Host("a", (), {}), False, {}, None), lambda events: None, answer, kept)


@pytest.mark.parametrize("value", [None, True, "short", {"a": [1, 2.5, None]}, LONG, ["x" * 5000]])
def test_the_same_question_has_the_same_answer(value: Any) -> None:
    given = [value]
    one = work(lambda question: given.pop(), Kept(Shelf()))
    asked = {"ask": "hostvar", "number": 7}
    assert one.reply(asked) == value == one.reply(asked)


def test_a_long_answer_lies_sealed_in_a_file_without_a_name_and_once_for_all_hosts() -> None:
    kept = Shelf()
    slots = [kept.put(dict(LONG)) for _ in range(3)]
    assert isinstance(slots[0], Slot) and slots[0] == slots[1] == slots[2]
    found = os.fstat(kept._descriptor)
    assert found.st_nlink == 0 and found.st_mode & 0o077 == 0 and found.st_size == slots[0].size
    plain = os.pread(kept._descriptor, found.st_size, 0)
    assert b"a long answer" not in plain and kept.get(slots[0]) == LONG
    kept.close()


def test_a_host_that_asks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST_BYTES", 20_000)
    one = work(lambda question: {"noise": os.urandom(5000).hex()}, Kept(Shelf()))
    with pytest.raises(Refusal, match="asked for more in one play than is kept"):
        for number in range(1000):
            one.reply({"ask": "local", "number": number})
    monkeypatch.setattr(shelf, "MOST_ANSWERS", 10)
    other = work(lambda question: None, Kept(Shelf()))
    with pytest.raises(Refusal, match="or 10 answers"):
        for number in range(11):
            other.reply({"ask": "gate", "number": number})


def test_of_the_calls_that_hosts_had_made_only_the_newest_are_remembered() -> None:
    calls = LocalCalls(tuple, lambda *about: None)  # type: ignore[arg-type, return-value]
    for number in range(3 * MOST_REMEMBERED):
        calls.remember(("filter", "hash", str(number)), "x")
    assert len(calls._answered) == MOST_REMEMBERED


def test_batches_with_an_equal_program_share_it() -> None:
    sent: list[int] = []

    def watch(recorder: Recorder, places: Any) -> None:
        remotes = places._office.crew.everyone
        while len(recorder.of("host_done")) < 6:
            sent.append(max((len(remote._sent) for remote in remotes()), default=0))

    steps = (step(1, COMMAND, {"argv": ["true"]}),)
    outcome, recorder = run(replace(play("abcdef", steps), batches=tuple((name,) for name in "abcdef")), watch=watch)
    assert outcome.exit_code(check=False) == 0 and len(recorder.of("host_done")) == 6
    assert max(sent) == 1
