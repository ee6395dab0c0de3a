"""Dates and times as values: inside expressions they are Python's, elsewhere text; of a difference there is no text."""

from __future__ import annotations

import datetime
from typing import Any

from clusterbook.language.environment import ExpressionError

# As a file's content a time is text as people write it, with a space.
_CONTENT = ("ansible.builtin.copy",)


def refuse_differences(value: Any) -> None:
    """Raise ExpressionError where a value that is to be kept holds a difference of times, as Ansible does."""
    if isinstance(value, datetime.timedelta):
        raise ExpressionError(
            f"a difference of times ({value}) cannot be kept in a variable or be a parameter; "
            "use its total_seconds(), its days, or the filter string"
        )
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        refuse_differences(part)


def as_parameters(module: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with their times as text. Raises ExpressionError for differences of times."""
    refuse_differences(arguments)
    return arguments if module in _CONTENT else {name: _in_text(value) for name, value in arguments.items()}


def _in_text(value: Any) -> Any:
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, list):
        return [_in_text(part) for part in value]
    return {name: _in_text(part) for name, part in value.items()} if isinstance(value, dict) else value
