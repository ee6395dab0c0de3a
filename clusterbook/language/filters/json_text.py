"""Filters between data and JSON."""

from __future__ import annotations

import datetime
import json
from typing import Any

from clusterbook.language.filters.errors import FilterError

_NOT_JSON = ("vault_to_text", "preprocess_unsafe")


def to_json(value: Any, **options: Any) -> str:
    """JSON on one line. options: indent, sort_keys, ensure_ascii, separators."""
    wanted = {name: option for name, option in options.items() if name not in _NOT_JSON}
    if "separators" in wanted:
        wanted["separators"] = tuple(wanted["separators"])
    return json.dumps(value, default=_json_value, **wanted)


def to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    """JSON for people: indented, keys in order."""
    options.setdefault("separators", (",", ": "))
    return to_json(value, indent=indent, sort_keys=sort_keys, **options)


def _json_value(value: Any) -> Any:
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        raise FilterError(f"a difference of times ({value}) has no form in JSON; use its total_seconds()")
    if hasattr(value, "keys"):
        return {key: value[key] for key in value}
    if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)):
        return list(value)
    return str(value)


def from_json(value: Any) -> Any:
    """The data of JSON."""
    if not isinstance(value, (str, bytes)):
        raise FilterError(f"from_json needs text, got {type(value).__name__}")
    try:
        return json.loads(value)
    except ValueError as error:
        raise FilterError(f"this is not JSON: {error}") from error
