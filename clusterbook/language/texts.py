"""What a value is within a text."""

from __future__ import annotations

from typing import Any

from clusterbook.language.values import OMIT

# What Python gives for lists; on the wire, in JSON and for people they are lists.
LISTED: Any = (tuple, type({}.keys()), type({}.values()), type({}.items()))


def as_text(value: Any) -> str:
    """The text itself; nothing for None and for what is omitted."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(_as_lists(value))


def _as_lists(value: Any) -> Any:
    """The value as people see it: lists for what Python has beside them, also inside it, and nothing omitted."""
    if type(value) is list or type(value) in LISTED:
        return [_as_lists(item) for item in value if item is not OMIT]
    if type(value) is dict:
        return {key: _as_lists(item) for key, item in value.items() if item is not OMIT}
    return value
