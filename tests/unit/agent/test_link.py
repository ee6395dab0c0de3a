"""Events of steps that take no time travel together, and none waits for long."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from clusterbook.agent import link as links
from clusterbook.agent.link import Link, pair
from clusterbook.language.runtime import Stopped


@pytest.fixture
def ends() -> Iterator[tuple[Link, Link]]:
    ours, theirs = pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_events_go_together_before_the_next_message(ends: tuple[Link, Link]) -> None:
    ours, theirs = ends
    ours.post({"id": 1})
    ours.post({"id": 2})
    ours.send({"done": True})
    assert theirs.receive() == {"events": [{"id": 1}, {"id": 2}]}
    assert theirs.receive() == {"done": True}


def test_an_event_that_has_waited_long_enough_goes_with_the_next_one(
    ends: tuple[Link, Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = ends
    clock = [10.0]
    monkeypatch.setattr(links.time, "monotonic", lambda: clock[0])
    ours.post({"id": 1})
    clock[0] += links.PATIENCE * 2
    assert ours.patience() == 0
    ours.post({"id": 2})
    assert theirs.receive() == {"events": [{"id": 1}, {"id": 2}]}
    assert ours.patience() is None


def test_many_events_do_not_wait(ends: tuple[Link, Link]) -> None:
    ours, theirs = ends
    for number in range(links.MOST_EVENTS):
        ours.post({"id": number})
    assert len(theirs.receive()["events"]) == links.MOST_EVENTS


def test_a_closed_pair_is_seen_by_the_other_end() -> None:
    ours, theirs = pair()
    ours.close()
    with pytest.raises(links.Stopped):
        theirs.receive()
    theirs.close()
    with pytest.raises(OSError):
        os.fstat(theirs.input_descriptor)


def test_a_step_that_tells_something_when_the_connection_is_gone_goes_on() -> None:
    ours, theirs = pair()
    theirs.close()
    ours.post({"type": "output"})
    ours.flush()
    ours.post({"type": "output"})
    ours.flush()
    assert ours.lost
    ours.close()


def test_a_connection_that_is_cut_looks_as_if_it_had_ended() -> None:
    ours, theirs = pair()
    ours.cut()
    with pytest.raises(Stopped):
        ours.receive()
    assert ours.lost
    for link in (ours, theirs):
        link.close()
