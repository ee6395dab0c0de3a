"""What a loop will ask for is told before its first item, as far as that is sure and no secret."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.language.interpreter import Interpreter
from clusterbook.language.program import HostPart, Loop, Program, Step
from clusterbook.language.state import HostState
from clusterbook.language.values import Secret, Template
from tests.unit.language.test_interpreter import Recorder

COPY, TEMPLATE = "ansible.builtin.copy", "ansible.builtin.template"


class Templates(Recorder):
    """Every template is empty."""

    def ask(self, kind: str, **question: Any) -> Any:
        return {"text": "", "file": "f"} if kind == "template" else None

    def delegate(self, question: dict[str, Any], notify: Any) -> dict[str, Any]:
        return {"changed": False}


def expected(module: str, items: Any = ("a", "b"), source: str = "{{ item }}.txt", **keywords: Any) -> list[Any]:
    arguments = {"src": Template(source), "dest": "/there", **keywords.pop("arguments", {})}
    one = Step(1, "many", module, arguments, loop=Loop(list(items)), **keywords)
    recorder = Templates()
    host = HostPart("h", (), {"password": Secret("password")})
    Interpreter(Program("play", "play", (one,)), host, HostState(), recorder).run()
    return recorder.expected


@pytest.mark.parametrize(("module", "kind"), [(COPY, "source"), (TEMPLATE, "template")])
def test_all_items_of_a_loop_are_asked_for_at_once(module: str, kind: str) -> None:
    assert expected(module) == [(kind, 1, ("a.txt", "b.txt"))]


def test_an_item_that_cannot_be_told_yet_is_left_out() -> None:
    assert expected(COPY, [{"name": "a"}, {}], "{{ item.name }}") == [("source", 1, ("a",))]


@pytest.mark.parametrize("keywords", [
    {"items": ["a"]}, {"source": "{{ lookup('env', item) }}"},
    {"arguments": {"remote_src": True}}, {"delegate_to": "other"},
], ids=["one item", "lookup", "on the host", "elsewhere"])  # fmt: skip
def test_nothing_is_asked_for_that_may_not_be_needed(keywords: dict[str, Any]) -> None:
    assert expected(COPY, **keywords) == []


def test_a_name_that_holds_a_secret_is_not_told_ahead() -> None:
    assert expected(COPY, source="{{ password }}{{ item }}") == [("source", 1, ())]
