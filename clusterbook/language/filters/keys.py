"""Filters of the keys of mappings in a list: which are kept, which go, which are called otherwise."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping

from clusterbook.language.filters.errors import FilterError

Rows = List[Dict[str, Any]]
_MATCHES: Mapping[str, Callable[[str, str], bool]] = {
    "equal": lambda key, wanted: key == wanted,
    "starts_with": lambda key, wanted: key.startswith(wanted),
    "ends_with": lambda key, wanted: key.endswith(wanted),
    "regex": lambda key, wanted: re.match(wanted, key) is not None,
}


def keep_keys(value: Any, target: Any = None, matching_parameter: str = "equal") -> Rows:
    """The mappings of a list with those keys alone. matching_parameter: equal, starts_with, ends_with or regex."""
    named = _named(target, matching_parameter)
    return [{key: item for key, item in row.items() if named(key)} for row in _rows(value)]


def remove_keys(value: Any, target: Any = None, matching_parameter: str = "equal") -> Rows:
    """The mappings of a list without those keys. matching_parameter: equal, starts_with, ends_with or regex."""
    named = _named(target, matching_parameter)
    return [{key: item for key, item in row.items() if not named(key)} for row in _rows(value)]


def replace_keys(value: Any, target: Any = None, matching_parameter: str = "equal") -> Rows:
    """The mappings of a list with keys called otherwise. target: a list of {before, after}; the first match counts."""
    matches = _matches(matching_parameter)
    if not isinstance(target, (list, tuple)) or not target:
        raise FilterError("the target is a list of mappings with 'before' and 'after', and not empty")
    for pair in target:
        if not isinstance(pair, Mapping) or not all(isinstance(pair.get(name), str) for name in ("before", "after")):
            raise FilterError(f"each target is a mapping with texts in 'before' and 'after', not {pair!r}")
    pairs = [(_wanted(pair["before"], matching_parameter), pair["after"]) for pair in target]

    def called(key: str) -> str:
        return next((after for before, after in pairs if matches(key, before)), key)

    return [{called(key): item for key, item in row.items()} for row in _rows(value)]


def _rows(value: Any) -> Rows:
    if not isinstance(value, (list, tuple)):
        raise FilterError(f"a list of mappings is needed, got {type(value).__name__}")
    for row in value:
        if not isinstance(row, Mapping):
            raise FilterError(f"the items must be mappings, one is {type(row).__name__}")
        if not all(isinstance(key, str) for key in row):
            raise FilterError(f"the keys of the mappings must be texts: {', '.join(map(str, row))}")
    return list(value)


def _named(target: Any, how: str) -> Callable[[str], bool]:
    matches = _matches(how)
    if not isinstance(target, (str, list, tuple)):
        raise FilterError(f"the target must be a text or a list of texts, got {type(target).__name__}")
    names = [target] if isinstance(target, str) else list(target)
    if not names:
        raise FilterError("the target is empty")
    if not all(isinstance(name, str) for name in names):
        raise FilterError("the items of the target must be texts")
    if how == "regex" and len(names) > 1:
        raise FilterError("with matching_parameter=regex there is one expression in the target")
    wanted = [_wanted(name, how) for name in names]
    return lambda key: any(matches(key, name) for name in wanted)


def _matches(how: str) -> Callable[[str, str], bool]:
    if how not in _MATCHES:
        raise FilterError(f"matching_parameter is {how!r}, expected one of {', '.join(_MATCHES)}")
    return _MATCHES[how]


def _wanted(name: str, how: str) -> str:
    if how == "regex":
        try:
            re.compile(name)
        except re.error as error:
            raise FilterError(f"{name!r} is not a regular expression: {error}") from error
    return name
