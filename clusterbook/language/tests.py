"""Tests (`is …`), by the names and meaning of Ansible's. Jinja2's own come with the environment."""

from __future__ import annotations

import os.path
import re
from typing import Any


class ResultExpected(Exception):
    """A test of a step's result was given something else."""


def _result(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ResultExpected(f"this test needs a registered result, got {type(value).__name__}")
    return value


def failed(value: Any) -> bool:
    """The step failed."""
    return bool(_result(value).get("failed", False))


def succeeded(value: Any) -> bool:
    """The step did not fail."""
    return not failed(value)


def changed(value: Any) -> bool:
    """The step changed something, for loops any of its items."""
    result = _result(value)
    if "changed" in result:
        return bool(result["changed"])
    return any(bool(item.get("changed")) for item in result.get("results", []))


def skipped(value: Any) -> bool:
    """The step was skipped."""
    return bool(_result(value).get("skipped", False))


def _compile(pattern: str, ignorecase: bool, multiline: bool) -> re.Pattern[str]:
    return re.compile(pattern, (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0))


def match(value: Any, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    """The pattern fits at the start."""
    return bool(_compile(pattern, ignorecase, multiline).match(str(value)))


def search(value: Any, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    """The pattern fits somewhere."""
    return bool(_compile(pattern, ignorecase, multiline).search(str(value)))


def regex(value: Any, pattern: str, ignorecase: bool = False, multiline: bool = False,
          match_type: str = "search") -> bool:
    """The pattern fits as match_type says: search, match or fullmatch."""
    return bool(getattr(_compile(pattern, ignorecase, multiline), match_type)(str(value)))


def _version_key(text: str, strict: bool) -> list[Any]:
    parts = re.findall(r"\d+|[a-zA-Z]+", str(text))
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


def version(value: Any, other: Any, operator: str = "==", strict: Any = None, version_type: Any = None) -> bool:
    """Compare versions part by part, numbers as numbers; a pre-release is lower than its release."""
    low, high = _padded(str(value), str(other))
    comparisons = {
        "==": low == high, "=": low == high, "eq": low == high, "!=": low != high, "<>": low != high, "ne": low != high,
        "<": low < high, "lt": low < high, "<=": low <= high, "le": low <= high,
        ">": low > high, "gt": low > high, ">=": low >= high, "ge": low >= high,
    }
    if operator not in comparisons:
        raise ResultExpected(f"unknown comparison {operator!r}")
    return comparisons[operator]


def _padded(low: str, high: str) -> tuple[list[Any], list[Any]]:
    first, second = _version_key(low.lstrip("v"), False), _version_key(high.lstrip("v"), False)
    length = max(len(first), len(second))
    filler = (1, 0, "")
    return first + [filler] * (length - len(first)), second + [filler] * (length - len(second))


def contains(value: Any, item: Any) -> bool:
    """The container holds the item."""
    return item in value


TESTS: dict[str, Any] = {
    "failed": failed, "failure": failed, "succeeded": succeeded, "success": succeeded, "successful": succeeded,
    "changed": changed, "change": changed, "skipped": skipped, "skip": skipped,
    "started": lambda value: bool(_result(value).get("started", 0)),
    "finished": lambda value: bool(_result(value).get("finished", 0)),
    "reachable": lambda value: not _result(value).get("unreachable", False),
    "unreachable": lambda value: bool(_result(value).get("unreachable", False)),
    "match": match, "search": search, "regex": regex,
    "version": version, "version_compare": version, "contains": contains,
    "any": lambda value: any(value), "all": lambda value: all(value),
    "subset": lambda value, other: set(value) <= set(other), "superset": lambda value, other: set(value) >= set(other),
    "issubset": lambda value, other: set(value) <= set(other),
    "issuperset": lambda value, other: set(value) >= set(other),
    "exists": os.path.exists, "file": os.path.isfile, "directory": os.path.isdir, "link": os.path.islink,
    "abs": os.path.isabs, "mount": os.path.ismount, "link_exists": os.path.lexists,
    "truthy": lambda value, convert_bool=False: bool(value), "falsy": lambda value, convert_bool=False: not value,
}
