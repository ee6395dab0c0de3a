"""Jinja2's filters and ours, made to behave as Ansible's."""

from __future__ import annotations

import functools
from typing import Any, Callable

from jinja2.runtime import Undefined

from clusterbook.language import bounds

# Jinja2's filters that give generators; Ansible gives lists, so that `| length` and types work.
GENERATORS = ("batch", "items", "map", "reject", "rejectattr", "select", "selectattr", "slice")

# Filters that are made for undefined values.
_TAKES_UNDEFINED = ("mandatory", "type_debug")


def strict(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of ours that says "'x' is undefined" instead of failing over an undefined value in its own words."""
    if name in _TAKES_UNDEFINED:
        return function

    @functools.wraps(function)
    def checked(*arguments: Any, **options: Any) -> Any:
        for argument in arguments:
            if isinstance(argument, Undefined):
                argument._fail_with_undefined_error()
        return function(*arguments, **options)

    return checked


def listing(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of Jinja2's that gives a generator, giving a list."""

    @functools.wraps(function)
    def listed(*arguments: Any, **options: Any) -> list[Any]:
        return list(function(*arguments, **options))

    return listed


def narrow(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of Jinja2's whose result is as wide as an argument or a format says."""

    @functools.wraps(function)
    def narrowed(value: Any, *arguments: Any, **options: Any) -> Any:
        if function.__name__ == "do_format":
            bounds.check_format(str(value))
        else:
            width = arguments[0] if arguments else options.get("width")
            bounds.check_width(width, str(value).count("\n") + 1)
        return function(value, *arguments, **options)

    return narrowed


def reverse(value: Any) -> Any:
    """The text or the list the other way round."""
    return value[::-1] if isinstance(value, str) else list(value)[::-1]
