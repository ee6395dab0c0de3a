"""Work in the order of needs; what fails holds back only what needs it."""

from __future__ import annotations

import threading

import pytest

from clusterbook.cloud import graph
from clusterbook.errors import Failed, InvalidInput

NEEDS = {"a": frozenset[str](), "b": frozenset({"a"}), "c": frozenset({"a", "elsewhere"}), "d": frozenset({"b", "c"})}


def test_each_comes_after_all_that_it_needs() -> None:
    order: list[str] = []
    outcome = graph.run(NEEDS, order.append)
    assert order[0] == "a" and order[-1] == "d" and sorted(order) == list("abcd")
    assert sorted(outcome.done) == list("abcd") and not outcome.failed and not outcome.untried


def test_what_does_not_need_a_failed_one_goes_on() -> None:
    def work(key: str) -> None:
        if key == "b":
            raise Failed("no")

    outcome = graph.run(NEEDS, work)
    assert sorted(outcome.done) == ["a", "c"]
    assert list(outcome.failed) == ["b"]
    assert outcome.untried == ["d"]


def test_independent_ones_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)
    graph.run({"a": frozenset(), "b": frozenset()}, lambda key: both.wait() and None)


def test_a_circle_is_refused_before_anything_is_done() -> None:
    with pytest.raises(InvalidInput, match="need each other in a circle: x, y"):
        graph.run({"x": frozenset({"y"}), "y": frozenset({"x"}), "z": frozenset()}, lambda key: pytest.fail("ran"))


def test_a_bug_is_not_taken_for_a_failure() -> None:
    def work(key: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        graph.run({"a": frozenset()}, work)
