"""Expressions that would fill the memory, or reach out of the sandbox, end in one clear error."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from jinja2.utils import missing

from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.scope import guarded
from clusterbook.language.values import Template


def evaluate(text: str, **names: Any) -> Any:
    """The value of an expression, as a step sees it."""
    expressions = Expressions({})
    return guarded(Template(text), lambda: expressions.native(text, lambda name: names.get(name, missing)))


@pytest.mark.parametrize("text", [
    "{{ 'a' * 10**10 }}",
    "{{ 10**10 * 'a' }}",
    "{{ [0] * 10**9 }}",
    "{{ 10 ** (10 ** 10) }}",
    "{{ (10 ** 90000) * (10 ** 90000) }}",
    "{{ '%9999999999s' % 'a' }}",
    "{{ '%.9999999999f' % 1 }}",
    "{{ '%9999999999s' | format('a') }}",
    "{{ '{:>9999999999}'.format('a') }}",
    "{{ 'a' | center(10**10) }}",
    "{{ 'a' | indent(10**10, true) }}",
    "{{ 'a'.center(10**10) }}",
    "{{ 'a'.ljust(10**10) }}",
    "{{ 'a'.zfill(10**10) }}",
    "{{ ('\\t' * 1000).expandtabs(10**8) }}",
    "{{ ('a' * 10000).replace('a', 'b' * 10000) }}",
    "{{ ('a' * 100000).join(['b'] * 1000) }}",
    "{{ 10 | pow(10**10) }}",
    "{{ [0, 1] | product(repeat=40) }}",
    "{{ [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14] | permutations }}",
    "{{ ([0] * 60) | combinations(30) }}",
])  # fmt: skip
def test_what_would_fill_the_memory_is_refused_before_it_does(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ExpressionError) as refused:
            evaluate(text)
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()
    assert refused.value.message == "the expression makes something larger than 16 Mi characters or items"


def test_a_range_without_end_is_refused() -> None:
    with pytest.raises(ExpressionError, match="Range too big"):
        evaluate("{% for i in range(10**9) %}x{% endfor %}")


@pytest.mark.parametrize(("text", "value"), [
    ("{{ 'ab' * 3 }}", "ababab"), ("{{ 2 ** 10 }}", 1024), ("{{ 2 ** -1 }}", 0.5), ("{{ 7 % 4 }}", 3),
    ("{{ 'id 99999999999 %s' % 'x' }}", "id 99999999999 x"), ("{{ '%05d' | format(42) }}", "00042"),
    ("{{ '{:>4}'.format(1) }}", "   1"), ("{{ 'a' | center(3) }}", " a "), ("{{ 'a,b'.replace(',', '-') }}", "a-b"),
    ("{{ '-'.join(['a', 'b']) }}", "a-b"), ("{{ [0, 1] | product([2]) }}", [[0, 2], [1, 2]]), ("{{ 3 | pow(2) }}", 9),
])  # fmt: skip
def test_ordinary_sizes_are_as_before(text: str, value: Any) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize("text", [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ().__class__.__bases__[0] }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].system('id') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ '{0.__class__.__mro__}'.format('') }}",
    "{{ '%s' | map('attr', '__class__') | list }}",
    "{{ {}.update.__self__ }}",
    "{{ (range.__call__).__self__.__class__ }}",
    "{% set x = joiner.__init__.__globals__ %}{{ x }}",
    "{{ [1].append.__objclass__ }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% extends '/etc/passwd' %}",
])  # fmt: skip
def test_an_expression_cannot_leave_the_sandbox(text: str) -> None:
    with pytest.raises(ExpressionError):
        print(evaluate(text))


def test_text_inside_a_value_is_never_evaluated() -> None:
    assert evaluate("{{ said }}", said="{{ 7 * 7 }}") == "{{ 7 * 7 }}"
    assert evaluate("say {{ said }}", said="{{ 7 * 7 }}") == "say {{ 7 * 7 }}"
