"""Tests (`is …`), by the names and meaning of Ansible's. Jinja2's own come with the environment.

Tests of the local machine's files are not here: `language/local_words.py` names those.
"""

from __future__ import annotations

import math
import os.path
import re
from typing import Any, Mapping, Optional, Sequence
from urllib.parse import urlparse

from clusterbook.language.versions import KEYS, BadVersion


class ResultExpected(Exception):
    """A test of a step's result was given something else."""


def _result(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ResultExpected(f"the test {name!r} needs a registered result, got {type(value).__name__}")
    return value


def failed(value: Any) -> bool:
    """The step failed."""
    return bool(_result(value, "failed").get("failed", False))


def succeeded(value: Any) -> bool:
    """The step did not fail."""
    return not failed(value)


def changed(value: Any) -> bool:
    """The step changed something, of a loop any of its items."""
    result = _result(value, "changed")
    if "changed" not in result and isinstance(result.get("results"), Sequence):
        return any(bool(item.get("changed", False)) for item in result["results"] if isinstance(item, Mapping))
    return bool(result.get("changed", False))


def skipped(value: Any) -> bool:
    """The step was skipped."""
    return bool(_result(value, "skipped").get("skipped", False))


def started(value: Any) -> bool:
    """A step that runs on its own (async) has begun; any other has, too."""
    return bool(_result(value, "started").get("started", True))


def finished(value: Any) -> bool:
    """A step that runs on its own (async) has ended; one that never did so has, too."""
    return bool(_result(value, "finished").get("finished", True))


def unreachable(value: Any) -> bool:
    """The host of the step could not be reached."""
    return bool(_result(value, "unreachable").get("unreachable", False))


def reachable(value: Any) -> bool:
    """The host of the step could be reached."""
    return not unreachable(value)


def timedout(value: Any) -> bool:
    """The step took longer than its time limit."""
    found = _result(value, "timedout").get("timedout", False)
    return bool(found.get("period", False)) if isinstance(found, Mapping) else bool(found)


def _compiled(pattern: Any, ignorecase: bool, multiline: bool) -> "re.Pattern[str]":
    return re.compile(str(pattern), (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0))


def match(value: Any, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    """The regular expression fits at the start."""
    return bool(_compiled(pattern, ignorecase, multiline).match(str(value)))


def search(value: Any, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    """The regular expression fits somewhere."""
    return bool(_compiled(pattern, ignorecase, multiline).search(str(value)))


def regex(
    value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False, match_type: str = "search"
) -> bool:
    """The regular expression fits as match_type says: search, match or fullmatch."""
    if match_type not in ("search", "match", "fullmatch"):
        raise ResultExpected(f"match_type is {match_type!r}, expected search, match or fullmatch")
    return bool(getattr(_compiled(pattern, ignorecase, multiline), match_type)(str(value)))


_COMPARISONS: Mapping[str, Any] = {
    "==": lambda low, high: low == high, "=": lambda low, high: low == high, "eq": lambda low, high: low == high,
    "!=": lambda low, high: low != high, "<>": lambda low, high: low != high, "ne": lambda low, high: low != high,
    "<": lambda low, high: low < high, "lt": lambda low, high: low < high,
    "<=": lambda low, high: low <= high, "le": lambda low, high: low <= high,
    ">": lambda low, high: low > high, "gt": lambda low, high: low > high,
    ">=": lambda low, high: low >= high, "ge": lambda low, high: low >= high,
}


def version(
    value: Any, other: Any, operator: str = "==", strict: Optional[bool] = None, version_type: Optional[str] = None
) -> bool:
    """The version compares so with another. version_type: loose, strict, semver or pep440."""
    if strict is not None and version_type is not None:
        raise ResultExpected("strict and version_type cannot both be given")
    kind = version_type or ("strict" if strict else "loose")
    if kind not in KEYS:
        raise ResultExpected(f"version_type is {kind!r}, expected one of {', '.join(KEYS)}")
    if operator not in _COMPARISONS:
        raise ResultExpected(f"unknown comparison {operator!r}, expected one of {', '.join(_COMPARISONS)}")
    for text, what in ((value, "version value"), (other, "version to compare against")):
        if text in (None, ""):
            raise ResultExpected(f"the {what} cannot be empty")
    try:
        return bool(_COMPARISONS[operator](KEYS[kind](str(value)), KEYS[kind](str(other))))
    except (BadVersion, TypeError) as error:
        raise ResultExpected(f"the versions {value!r} and {other!r} cannot be compared: {error}") from error


def contains(value: Any, item: Any) -> bool:
    """The container holds the item."""
    return item in value


def any_of(value: Any) -> bool:
    """At least one item is true."""
    return any(value)


def all_of(value: Any) -> bool:
    """Every item is true."""
    return all(value)


def subset(value: Any, other: Any) -> bool:
    """Every item is in the other list."""
    return set(value) <= set(other)


def superset(value: Any, other: Any) -> bool:
    """Every item of the other list is in it."""
    return set(value) >= set(other)


def is_absolute(value: str) -> bool:
    """The path begins at the root."""
    return os.path.isabs(value)


_TRUE, _FALSE = ("yes", "on", "1", "true", "y", "t"), ("no", "off", "0", "false", "n", "f")


def truthy(value: Any, convert_bool: bool = False) -> bool:
    """The value counts as true. convert_bool: 'no', 'off' and the like count as false."""
    if convert_bool:
        text = str(value).strip().lower()
        if text in (*_TRUE, *_FALSE):
            return text in _TRUE
    return bool(value)


def falsy(value: Any, convert_bool: bool = False) -> bool:
    """The value counts as false."""
    return not truthy(value, convert_bool)


def not_a_number(value: Any) -> bool:
    """The value is the number that is none."""
    return isinstance(value, (int, float)) and math.isnan(value)


def vault_encrypted(value: Any) -> bool:
    """The text is one that ansible-vault encrypted."""
    return isinstance(value, str) and value.startswith("$ANSIBLE_VAULT;")


def uri(value: Any, schemes: Optional[Sequence[str]] = None) -> bool:
    """The text can be read as a URI, of one of the schemes when they are given; without them a lone word is one."""
    try:
        found = urlparse(str(value))
    except ValueError:
        return False
    return not schemes or found.scheme in schemes


def url(value: Any, schemes: Optional[Sequence[str]] = None) -> bool:
    """The text is a URL: a URI that says where."""
    return uri(value, schemes) and bool(urlparse(str(value)).netloc or urlparse(str(value)).scheme == "file")


def urn(value: Any) -> bool:
    """The text is a URN."""
    return uri(value, ["urn"]) and bool(urlparse(str(value)).path)


TESTS: dict[str, Any] = {
    "failed": failed, "failure": failed, "succeeded": succeeded, "success": succeeded, "successful": succeeded,
    "changed": changed, "change": changed, "skipped": skipped, "skip": skipped, "started": started,
    "finished": finished, "reachable": reachable, "unreachable": unreachable, "timedout": timedout,
    "match": match, "search": search, "regex": regex, "version": version, "version_compare": version,
    "contains": contains, "any": any_of, "all": all_of, "subset": subset, "issubset": subset, "superset": superset,
    "issuperset": superset, "abs": is_absolute, "is_abs": is_absolute, "truthy": truthy, "falsy": falsy,
    "nan": not_a_number, "isnan": not_a_number, "vault_encrypted": vault_encrypted, "uri": uri, "url": url, "urn": urn,
}
