"""A run's journal says where its time went."""

from __future__ import annotations

from bench import timeline

EVENTS = [
    {"type": "play", "time": 1.0, "name": "first"},
    {"type": "result", "time": 3.0, "host": "a", "role": "base", "name": "install", "status": "changed"},
    {"type": "result", "time": 2.0, "host": "b", "role": "base", "name": "install", "status": "ok"},
    {"type": "result", "time": 6.5, "host": "b", "role": "etcd", "name": "start", "status": "ok"},
    {"type": "play", "time": 7.0, "name": "second"},
    {"type": "result", "time": 7.5, "host": "a", "role": "", "name": "wait", "status": "ok"},
]


def test_a_step_lasts_from_the_step_before_or_from_the_begin_of_its_play() -> None:
    assert [(one.host, one.name, one.seconds) for one in timeline.spans(EVENTS)] == [
        ("a", "install", 2.0), ("b", "install", 1.0), ("b", "start", 4.5), ("a", "wait", 0.5),
    ]  # fmt: skip


def test_roles_are_summed_for_the_slowest_host_and_on_average() -> None:
    assert timeline.by_role(timeline.spans(EVENTS)) == [
        ("first", "base", 2.0, 1.5), ("first", "etcd", 4.5, 2.25), ("second", "-", 0.5, 0.25),
    ]  # fmt: skip


def test_the_slowest_steps_come_first_each_once() -> None:
    found = timeline.slowest(timeline.spans(EVENTS), 2)
    assert [(one.name, one.host) for one in found] == [("start", "b"), ("install", "a")]


def test_results_are_counted_by_status() -> None:
    assert timeline.counts(EVENTS) == {"changed": 1, "ok": 3}
