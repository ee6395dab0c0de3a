"""A plan from one of its tasks on."""

from __future__ import annotations

import pytest

from clusterbook.compile import Selection
from clusterbook.errors import InvalidInput
from clusterbook.model import Block
from tests.unit.compile.test_plays import PLACE, compiled, names, play, role, task, use

ROLE = role("r", task("one"), task("two"))


def start(name: str) -> Selection:
    return Selection(start_at_task=name)


def test_tasks_before_the_first_are_left_out_but_facts_are_gathered() -> None:
    plan = compiled(
        play(task("early")), play(task("a"), task("b"), task("c"), keywords={}), play(task("later")),
        selection=start("b"),
    )
    assert [names(plan, number) for number in range(3)] == [[], ["Gathering Facts", "b", "c"], ["later"]]


@pytest.mark.parametrize("name", ["r : two", "tw*"])
def test_a_task_of_a_role_is_named_with_or_without_it(name: str) -> None:
    plan = compiled(play(roles=(use("r"),)), roles=(ROLE,), selection=start(name))
    assert names(plan) == ["two"]


def test_a_block_is_entered_in_its_middle() -> None:
    inner = Block("block", {}, (task("a"), task("b")), (task("mend"),), (task("at last"),), PLACE)
    assert names(compiled(play(inner, task("after")), selection=start("b"))) == ["b", "mend", "at last", "after"]
    assert names(compiled(play(inner, task("after")), selection=start("at last"))) == ["at last", "after"]


def test_a_name_that_no_task_has_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no task is called 'nothing'"):
        compiled(play(task("a")), selection=start("nothing"))
    with pytest.raises(InvalidInput, match="no task is called 'Cpoy'; did you mean 'Copy'"):
        compiled(play(task("Copy")), selection=start("Cpoy"))
