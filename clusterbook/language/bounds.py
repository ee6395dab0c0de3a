"""How much an expression may make: a text or list of a size that no host could use ends in an error, not in the memory.

Jinja2's sandbox bounds `range` alone. Here every operator and method that makes something large of something small is
looked at before it runs.
"""

from __future__ import annotations

import itertools
import re
from typing import Any, Iterable, Mapping, Sequence

from jinja2.exceptions import TemplateRuntimeError

# Characters of a text, items of a list, digits of a number.
LARGEST = 16 * 1024 * 1024
LONGEST_NUMBER = 100_000
_PERCENT = r"%(?:\([^)]*\))?[#0\- +]*(\d+)?(?:\.(\d+))?"
_BRACES = r"\{[^{}:]*:[^{}\d]*(\d+)?(?:\.(\d+))?"
# Methods of text whose first argument is a width.
_WIDTHS = ("center", "ljust", "rjust", "zfill", "expandtabs")
# Combinations and the like: at most so many.
MOST_COMBINATIONS = 100_000
OPERATORS = frozenset(("*", "**", "%"))


class TooLarge(TemplateRuntimeError):
    """The expression would make something larger than LARGEST."""

    def __init__(self) -> None:
        """The text is for people."""
        super().__init__(f"the expression makes something larger than {LARGEST >> 20} Mi characters or items")


def check_operator(operator: str, left: Any, right: Any) -> None:
    """Raises TooLarge when the result of the operator would be too large."""
    if operator == "**":
        _check_power(left, right)
    elif operator == "%" and isinstance(left, str):
        check_format(left)
    elif operator == "*":
        for many, count in ((left, right), (right, left)):
            if isinstance(many, (str, bytes, list, tuple)) and isinstance(count, int) and len(many) * count > LARGEST:
                raise TooLarge()
        if isinstance(left, int) and isinstance(right, int) and _digits(left) + _digits(right) > LONGEST_NUMBER:
            raise TooLarge()


def check_call(function: Any, arguments: Sequence[Any], options: Mapping[str, Any]) -> None:
    """Raises TooLarge when a method of text would make a larger one."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if not isinstance(owner, (str, bytes)):
        return
    if name in _WIDTHS:
        tabs = len(owner) if name == "expandtabs" else 1
        check_width(arguments[0] if arguments else options.get("tabsize"), tabs)
    elif name == "replace" and len(arguments) > 1 and isinstance(arguments[1], (str, bytes)):
        check_width(owner.count(arguments[0]) * len(arguments[1]))
    elif name == "join" and arguments and isinstance(arguments[0], (list, tuple)):
        check_width(len(owner) * len(arguments[0]))


def check_width(width: Any, times: int = 1) -> None:
    """Raises TooLarge."""
    if isinstance(width, int) and width * times > LARGEST:
        raise TooLarge()


def check_format(text: str) -> None:
    """A width inside a format text (`%999999999s`, `{:>999999999}`). Raises TooLarge."""
    for found in (*re.finditer(_PERCENT, text), *re.finditer(_BRACES, text)):
        for number in found.groups():
            check_width(int(number or 0))


def bounded(items: Iterable[Any]) -> "list[Any]":
    """The items as a list. Raises TooLarge."""
    found = list(itertools.islice(items, MOST_COMBINATIONS + 1))
    if len(found) > MOST_COMBINATIONS:
        raise TooLarge()
    return found


def power(base: Any, exponent: Any) -> Any:
    """base ** exponent. Raises TooLarge."""
    check_operator("**", base, exponent)
    return base**exponent


def _check_power(base: Any, exponent: Any) -> None:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and abs(base) > 1 and _digits(base) * exponent > LONGEST_NUMBER:
        raise TooLarge()


def _digits(number: int) -> int:
    return number.bit_length() * 3 // 10 + 1
