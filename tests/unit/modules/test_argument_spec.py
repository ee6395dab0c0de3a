"""Argument specifications of roles: what is wrong with values, in Ansible's words."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.modules.argument_spec import spec_errors

PAIR: dict[str, Any] = {"type": "dict", "options": {"a": {}, "b": {}}}
LIST = {"type": "list", "elements": "dict", "options": {"z": {"required": True}, "y": {"type": "int", "choices": [1]}}}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ({"type": "int", "required": True}, "4"), ({"type": "bool"}, "yes"), ({}, None), ({"type": "bytes"}, "2M"),
        ({"choices": ["a"], "default": "a"}, "a"), ({"type": "list", "elements": "int"}, "1,2"), (LIST, [{"z": 1}]),
        ({"type": "raw"}, [1]), (PAIR, {"a": 1}), (PAIR, "a=1"),
    ],
)
def test_a_good_value_is_taken(option: dict[str, Any], value: Any) -> None:
    assert spec_errors({"x": option}, {"x": value}) == []


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ({"type": "int"}, "abc",
         "argument 'x' is of type str and we were unable to convert to int: \"'abc'\" cannot be converted to an int"),
        ({"type": "dict"}, "abc",
         "argument 'x' is of type str and we were unable to convert to dict: "
         "dictionary requested, could not parse JSON or key=value"),
        ({"type": "list", "elements": "int"}, [1, "y"],
         "Elements value for option 'x' is of type str and we were unable to convert to int: "
         "\"'y'\" cannot be converted to an int"),
        ({"choices": ["red", "green"]}, "blue", "value of x must be one of: red, green, got: blue"),
        ({"choices": ["red"], "default": "red"}, None, "value of x must be one of: red, got: "),
        ({"type": "list", "choices": ["a", "b"]}, ["a", "d", "e"],
         "value of x must be one or more of: a, b. Got no match for: d, e"),
        (LIST, [{"y": 1}], "missing required arguments: z found in x"),
        (LIST, [{"z": 1, "y": 3}], "value of y must be one of: 1, got: 3 found in x"),
        (PAIR, {"c": 1}, "x.c. Supported parameters include: a, b."),
        ({**PAIR, "mutually_exclusive": [["a", "b"]]}, {"a": 1, "b": 1},
         "parameters are mutually exclusive: a|b found in x"),
        ({**PAIR, "required_together": [["a", "b"]]}, {"a": 1}, "parameters are required together: a, b found in x"),
        ({**PAIR, "required_one_of": [["a", "b"]]}, {}, "one of the following is required: a, b found in x"),
        ({**PAIR, "required_if": [["a", "1", ["b"]]]}, {"a": 1},
         "a is 1 but all of the following are missing: b found in x"),
        ({**PAIR, "required_by": {"a": "b"}}, {"a": 1}, "missing parameter(s) required by 'a': b found in x"),
    ],
)
def test_a_wrong_value_is_told_in_ansibles_words(option: dict[str, Any], value: Any, error: str) -> None:
    assert spec_errors({"x": option}, {"x": value}) == [error]


def test_every_problem_is_told_missing_names_first_and_unknown_ones_last() -> None:
    options = {"size": {"type": "int"}, "need": {"required": True}, "kind": {"choices": ["a"], "aliases": ["sort"]}}
    found = spec_errors(options, {"size": "x", "sort": "b", "other": 1})
    assert [line.split()[0] for line in found] == ["missing", "argument", "value", "other."]
    assert found[-1] == "other. Supported parameters include: kind (sort), need, size."


@pytest.mark.parametrize("spec", [{"x": 5}, {"x": {"type": "what"}}, {"x": {"options": 5, "aliases": 3}}, {7: None}])
def test_a_specification_that_is_wrong_itself_breaks_nothing(spec: dict[Any, Any]) -> None:
    assert all(isinstance(line, str) for line in spec_errors(spec, {"x": "1", "y": 2}))
