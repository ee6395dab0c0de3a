"""`loop` and every `with_*`, and the errors options of lookups."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.language.environment import ExpressionError, Expressions, UndefinedName
from clusterbook.language.lookups import LookupFailed, Lookups
from clusterbook.language.loops import loop_items
from clusterbook.language.program import Loop
from clusterbook.language.scope import Scope
from clusterbook.language.values import Template


class Setting:
    """A scope whose local machine is a table of answers."""

    def __init__(self, answers: dict[str, Any] | None = None, **variables: Any) -> None:
        self.answers = answers or {}
        self.asked: list[tuple[str, list[Any], dict[str, Any]]] = []
        self.warnings: list[str] = []
        self.lookups = Lookups(self.local, lambda: sorted(variables), self.template, self.warnings.append)
        self.scope = Scope([variables], Expressions(self.lookups.functions(), local=self.local), str)

    def local(self, kind: str, name: str, arguments: Any, options: Any) -> Any:
        self.asked.append((name, list(arguments), dict(options)))
        if name not in self.answers:
            raise LookupFailed(f"no {name}")
        return self.answers[name]

    def template(self, name: str, options: Any, resolve: Any) -> str:
        return f"rendered {name}"

    def items(self, value: Any, kind: str = "loop") -> list[Any]:
        return loop_items(Loop(value, kind=kind), self.scope, self.lookups)

    def value(self, text: str) -> Any:
        return self.scope.evaluate(Template(text))


USERS = [{"name": "al", "groups": ["x", "y"]}, {"name": "bo"}]


@pytest.mark.parametrize(
    ("kind", "value", "items"),
    [
        ("loop", [1, [2]], [1, [2]]),
        ("items", [1, [2, [3]], 4], [1, 2, [3], 4]),
        ("items", "one", ["one"]),
        ("list", [1, [2]], [1, [2]]),
        ("dict", {"a": 1}, [{"key": "a", "value": 1}]),
        ("nested", [[1, 2], ["a"]], [[1, "a"], [2, "a"]]),
        ("cartesian", [[1, 2], ["a"]], [[1, "a"], [2, "a"]]),
        ("together", [[1, 2], ["a"]], [[1, "a"], [2, None]]),
        ("subelements", [USERS, "groups", {"skip_missing": True}], [[{"name": "al"}, "x"], [{"name": "al"}, "y"]]),
        ("sequence", "start=2 end=6 stride=2 format=n%02d", ["n02", "n04", "n06"]),
        ("sequence", ["2-3", "1"], ["2", "3", "1"]),
        ("indexed_items", ["a", "b"], [[0, "a"], [1, "b"]]),
        ("flattened", [1, [2, [3, None]]], [1, 2, 3]),
        ("random_choice", ["a"], ["a"]),
        ("vars", ["color"], ["red"]),
        ("varnames", "^col", ["color"]),
        ("template", "x.j2", ["rendered x.j2"]),
    ],
)
def test_a_loop_has_the_items_of_its_lookup(kind: str, value: Any, items: list[Any]) -> None:
    assert Setting(color="red", other=1).items(value, kind) == items


@pytest.mark.parametrize(
    "kind", ["file", "fileglob", "lines", "pipe", "env", "ini", "csvfile", "url", "password", "inventory_hostnames",
             "unvault", "config", "first_found"],
)  # fmt: skip
def test_other_loops_ask_the_local_machine(kind: str) -> None:
    setting = Setting({kind: ["x"]})
    assert setting.items(["a", "b"], kind) == ["x"]
    assert setting.asked == [(kind, ["a", "b"], {})]


def test_a_loop_over_a_mapping_or_text_is_refused() -> None:
    for value in ({"a": 1}, "text"):
        with pytest.raises(ExpressionError, match="loop needs a list, got"):
            Setting().items(value)


def test_names_of_first_found_that_are_undefined_are_passed_over() -> None:
    setting = Setting({"first_found": ["b"]})
    assert setting.items([Template("{{ nope }}.yml"), "b"], "first_found") == ["b"]
    assert setting.asked[0][1] == ["b"]


def test_an_undefined_item_of_another_loop_is_an_error() -> None:
    with pytest.raises(UndefinedName):
        Setting().items([Template("{{ nope }}")], "items")


def test_a_failed_lookup_may_be_ignored_or_be_a_warning() -> None:
    setting = Setting()
    assert setting.value("{{ lookup('file', 'x', errors='ignore') }}") is None
    assert setting.value("{{ query('file', 'x', errors='warn') }}") == []
    assert setting.warnings == ["no file"]
    with pytest.raises(LookupFailed, match="no file"):
        setting.value("{{ lookup('file', 'x') }}")
    with pytest.raises(ExpressionError, match="expected strict, warn or ignore"):
        setting.value("{{ lookup('file', 'x', errors='never') }}")


def test_several_texts_are_joined_by_commas_unless_a_list_is_wanted() -> None:
    setting = Setting({"env": ["a", "b"]})
    assert setting.value("{{ lookup('env', 'A', 'B') }}") == "a,b"
    assert setting.value("{{ lookup('env', 'A', 'B', wantlist=true) }}") == ["a", "b"]
    assert setting.value("{{ query('env', 'A', 'B') }}") == ["a", "b"]


def test_an_undefined_term_is_an_error() -> None:
    with pytest.raises(UndefinedName, match="'nope' is undefined"):
        Setting().value("{{ lookup('items', nope) }}")


def test_a_lookup_of_a_variable_evaluates_it() -> None:
    assert Setting(a=Template("{{ b }}!"), b="x").value("{{ lookup('vars', 'a') }}") == "x!"
