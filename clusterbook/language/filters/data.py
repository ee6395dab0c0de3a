"""Filters of lists and mappings."""

from __future__ import annotations

import random
from typing import Any, Iterable, Optional

from jinja2.runtime import Undefined
from jinja2.utils import pass_environment

from clusterbook.language.filters.errors import FilterError


def combine(*values: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """Merge mappings (lists of mappings are flattened); the later wins."""
    merged: dict[Any, Any] = {}
    for part in flatten(list(values)):
        if not isinstance(part, dict):
            raise FilterError(f"combine needs mappings, got {type(part).__name__}")
        merged = _merge(merged, part, recursive, list_merge)
    return merged


def _merge(low: dict[Any, Any], high: dict[Any, Any], recursive: bool, list_merge: str) -> dict[Any, Any]:
    merged = dict(low)
    for key, value in high.items():
        old = merged.get(key)
        if recursive and isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merge(old, value, recursive, list_merge)
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = _merge_lists(old, value, list_merge)
        else:
            merged[key] = value
    return merged


def _merge_lists(low: list[Any], high: list[Any], how: str) -> list[Any]:
    if how == "append":
        return low + high
    if how == "prepend":
        return high + low
    if how == "append_rp":
        return [item for item in low if item not in high] + high
    if how == "prepend_rp":
        return high + [item for item in low if item not in high]
    return low if how == "keep" else high


def flatten(value: list[Any], levels: Optional[int] = None, skip_nulls: bool = True) -> list[Any]:
    """Nested lists -> one list."""
    flat: list[Any] = []
    for item in value:
        if skip_nulls and item in (None, "None", "null"):
            continue
        if isinstance(item, (list, tuple)) and (levels is None or levels > 0):
            flat.extend(flatten(list(item), None if levels is None else levels - 1, skip_nulls))
        else:
            flat.append(item)
    return flat


def unique(value: Iterable[Any], case_sensitive: Optional[bool] = None, attribute: Optional[str] = None) -> list[Any]:
    """Without repeats, first ones kept."""
    seen: list[Any] = []
    kept = []
    for item in value:
        key = item[attribute] if attribute else item
        key = key.lower() if case_sensitive is False and isinstance(key, str) else key
        if key not in seen:
            seen.append(key)
            kept.append(item)
    return kept


def dict2items(value: dict[Any, Any], key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    """A mapping -> list of {key, value}."""
    if not isinstance(value, dict):
        raise FilterError(f"dict2items needs a mapping, got {type(value).__name__}")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: list[dict[str, Any]], key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    """List of {key, value} -> a mapping."""
    return {item[key_name]: item[value_name] for item in value}


@pass_environment
def extract(environment: Any, key: Any, container: Any, morekeys: Any = None) -> Any:
    """container[key], then each of morekeys."""
    keys = [key] if morekeys is None else [key, *(morekeys if isinstance(morekeys, list) else [morekeys])]
    value = container
    for part in keys:
        value = environment.getitem(value, part)
    return value


def subelements(value: Any, subelement: Any, skip_missing: bool = False) -> list[tuple[Any, Any]]:
    """Pairs of each element and each member of its list `subelement`."""
    elements = list(value.values()) if isinstance(value, dict) else list(value)
    names = subelement.split(".") if isinstance(subelement, str) else list(subelement)
    pairs: list[tuple[Any, Any]] = []
    for element in elements:
        inner: Any = element
        for name in names:
            if name not in inner:
                if not skip_missing:
                    raise FilterError(f"could not find {name!r} in {inner!r}")
                inner = []
                break
            inner = inner[name]
        pairs.extend((element, item) for item in inner)
    return pairs


def mandatory(value: Any, msg: Optional[str] = None) -> Any:
    """The value, or an error when it is undefined."""
    if isinstance(value, Undefined):
        raise FilterError(msg or f"Mandatory variable '{value._undefined_name}' not defined.")
    return value


def ternary(value: Any, true_value: Any, false_value: Any, none_value: Any = None) -> Any:
    """true_value when the value is true, else false_value; none_value for None when given."""
    if value is None and none_value is not None:
        return none_value
    return true_value if bool(value) else false_value


def seeded_random(end: Any, start: Any = None, step: Any = None, seed: Any = None) -> Any:
    """A random member of a list or number below `end`; the same for the same seed."""
    source = random.Random(seed) if seed is not None else random.SystemRandom()  # noqa: S311
    if isinstance(end, int):
        return source.randrange(start or 0, end, step or 1)
    return source.choice(list(end))


def seeded_shuffle(value: Iterable[Any], seed: Any = None) -> list[Any]:
    """The members in another order; the same for the same seed."""
    items = list(value)
    (random.Random(seed) if seed is not None else random.SystemRandom()).shuffle(items)  # noqa: S311
    return items


def without(low: Iterable[Any], high: Iterable[Any]) -> list[Any]:
    """What the second list does not have, without repeats."""
    others = list(high)
    return unique(item for item in low if item not in others)
