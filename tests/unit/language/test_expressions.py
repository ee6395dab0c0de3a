"""Every expression of the table gives what ansible-core gives (tests/differential/expressions asks it again)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.errors import Position
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.scope import Scope
from clusterbook.language.values import Template
from clusterbook.lookups import LocalMachine, Surroundings
from clusterbook.lookups.expressions import local_expressions
from clusterbook.source.values import text_value

TABLE = Path(__file__).parents[2] / "differential" / "expressions"
GROUPS = yaml.safe_load((TABLE / "cases.yml").read_text())["groups"]
CASES = [(group["vars"], case) for group in GROUPS for case in group["cases"]]


def written(value: Any) -> Any:
    """As a person writes it in a file of variables."""
    if isinstance(value, str):
        return text_value(value, Position("cases.yml"))
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    return [written(item) for item in value] if isinstance(value, list) else value


def evaluated(variables: dict[str, Any], text: str) -> Any:
    machine = LocalMachine(Surroundings(bases=(str(TABLE),), environment={}))
    expressions = local_expressions(machine, sorted(variables))
    template = Template(text if "{{" in text or "{%" in text else "{{ " + text + " }}")
    return Scope([written(variables)], expressions, str).evaluate(template)


@pytest.mark.parametrize(("variables", "case"), CASES, ids=[case["of"] for _, case in CASES])
def test_an_expression_gives_what_ansible_gives(variables: dict[str, Any], case: dict[str, Any]) -> None:
    if case.get("fails"):
        with pytest.raises(ExpressionError):
            evaluated(variables, case["of"])
        return
    assert json.loads(json.dumps(evaluated(variables, case["of"]))) == case["gives"]


def test_a_text_in_a_condition_may_hold_an_expression_of_its_own() -> None:
    scope = Scope([{"name": "x", "told": "{{ name }}"}], Expressions({}), str)
    assert scope.condition("'{{ name }}/y' == 'x/y'")
    assert scope.condition("'{{ name }}' in ['x']")
    assert not scope.condition("told == 'x'")  # a value is not looked into


def test_macros_and_blocks_that_are_set_give_texts_of_what_is_in_them() -> None:
    scope = Scope([], Expressions({}), str)
    text = "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{% set held %}{{ 1 }}{{ 2 }}{% endset %}"
    text += "{{ twice(3) }} {{ held }}"
    assert scope.evaluate(Template(text)) == "33 12"


@pytest.mark.parametrize(("text", "gives"), [
    ("{% for n in numbers %}\nitem {{ n }}\n{% endfor %}\nend\n", "item 1\nitem 2\nend\n"),
    ("{% for n in numbers %}\n{{ n }}\n{% endfor %}", "1\n2\n"),
    ("  {% if true %}\n  x\n  {% endif %}\n", "    x\n  \n"),
    ("a\n{# nobody reads this #}\nb {{ 1 }}\n", "a\nb 1\n"),
    ("{% set found = [] %}\n{% if found.append(1) %}{% endif %}\n{{ found }}\n", [1]),
])  # fmt: skip
def test_the_line_end_after_a_block_of_a_text_goes_as_in_template_files(text: str, gives: Any) -> None:
    """Measured with ansible-core 2.19.14."""
    assert evaluated({"numbers": [1, 2]}, text) == gives
