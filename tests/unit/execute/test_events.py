"""Events of a run."""

from __future__ import annotations

from typing import Any

from clusterbook.compile.plan import StepInfo
from clusterbook.errors import Position
from clusterbook.execute.events import Events


class Kept:
    """Keeps the last event."""

    last: dict[str, Any]

    def event(self, event: dict[str, Any]) -> None:
        self.last = event


def test_output_of_a_host_cannot_steer_the_terminal() -> None:
    kept = Kept()
    Events([kept], {}).emit("failure", host="h", msg="\x1b]0;owned\x07 text \x9b2J\nsecond\tline")
    assert kept.last["msg"] == "\ufffd]0;owned\ufffd text \ufffd2J\nsecond\tline"


def test_an_event_of_a_step_says_where_the_step_is_written() -> None:
    kept = Kept()
    steps = {3: StepInfo(3, "Ensure x", "role", "ansible.builtin.file", Position("/elsewhere/main.yml", 7, 3))}
    Events([kept], steps).emit("result", host="h", step=3, status="ok")
    assert (kept.last["name"], kept.last["role"], kept.last["at"]) == ("Ensure x", "role", "/elsewhere/main.yml:7")


def test_a_step_that_becomes_known_during_the_run_is_named_from_then_on() -> None:
    kept = Kept()
    events = Events([kept], {})
    events.emit("result", host="h", step=3, status="ok")
    assert "name" not in kept.last
    events.know({3: StepInfo(3, "Ensure x", "role", "ansible.builtin.file", Position("/elsewhere/main.yml", 7, 3))})
    for host in ("h", "i"):
        events.emit("result", host=host, step=3, status="ok")
        assert (kept.last["host"], kept.last["name"], kept.last["at"]) == (host, "Ensure x", "/elsewhere/main.yml:7")


def test_secrets_are_masked_before_any_sink_sees_them() -> None:
    kept = Kept()
    events = Events([kept], {})
    events.mask.add("correct-horse")
    events.emit("failure", host="h", msg="said correct-horse")
    assert kept.last["msg"] == "said ********"


def test_an_ignored_failure_of_a_command_that_ran_counts_as_changed() -> None:
    events = Events([], {})
    events.emit("result", host="h", status="failed", ignored=True, changed=True)
    assert {name: count for name, count in events.counts["h"].items() if count} == {"ok": 1, "ignored": 1, "changed": 1}


def test_an_ignored_failure_counts_as_ok_and_ignored() -> None:
    events = Events([], {})
    events.emit("result", host="h", status="failed", ignored=True)
    assert {name: count for name, count in events.counts["h"].items() if count} == {"ok": 1, "ignored": 1}


def test_output_of_a_host_can_neither_turn_text_around_nor_end_the_journal() -> None:
    kept = Kept()
    Events([kept], {}).emit("failure", host="h", msg="a\u202eb\u2028c\udc80d \u200b e", names={"k\x1b": 1})
    assert kept.last["msg"] == "a\ufffdb\ufffdc\ufffdd \u200b e"
    assert list(kept.last["names"]) == ["k\ufffd"]


def test_counts_are_in_the_order_of_the_inventory() -> None:
    events = Events([], {})
    events.emit("play", name="p", hosts=["a", "b"], steps=1)
    events.emit("result", host="b", status="ok")
    assert list(events.counts) == ["a", "b"]


def test_a_host_whose_turn_did_not_come_is_not_in_the_summary() -> None:
    kept = Kept()
    events = Events([kept], {})
    events.emit("play", name="p", hosts=["a", "b"], steps=1)
    events.emit("failure", host="a", msg="no")
    events.summary()
    assert list(kept.last["hosts"]) == ["a"]
