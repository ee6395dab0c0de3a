"""Filters that treat lists as sets. The first of equal items stays, in its place, so that runs do not differ."""

from __future__ import annotations

import itertools
from typing import Any, Iterable, Optional

from jinja2.filters import do_max, do_min, do_unique
from jinja2.utils import pass_environment

from clusterbook.language.bounds import bounded
from clusterbook.language.filters.errors import FilterError


@pass_environment
def unique(
    environment: Any, value: Iterable[Any], case_sensitive: Optional[bool] = None, attribute: Any = None
) -> list[Any]:
    """The items without repeats; texts that differ in case alone are equal unless case_sensitive."""
    if not hasattr(value, "__iter__"):
        raise FilterError(f"{type(value).__name__!r} object is not iterable")
    items = list(value)
    try:
        return list(do_unique(environment, items, case_sensitive=bool(case_sensitive), attribute=attribute))
    except TypeError:
        if case_sensitive is not None or attribute:
            raise FilterError("unique cannot fall back to its own comparison with case_sensitive or attribute, which "
                              "need items that are no lists or mappings") from None
        return distinct(items)


def distinct(items: Iterable[Any]) -> list[Any]:
    """The items without repeats, also those that have no hash."""
    kept: list[Any] = []
    seen: set[Any] = set()
    for item in items:
        try:
            new = item not in seen
            seen.add(item)
        except TypeError:
            new = item not in kept
        if new:
            kept.append(item)
    return kept


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise FilterError(f"a list is needed, got {type(value).__name__}")
    return list(value)


def union(low: Iterable[Any], high: Iterable[Any]) -> list[Any]:
    """The items of both lists, without repeats."""
    return distinct([*_listed(low), *_listed(high)])


def intersect(low: Iterable[Any], high: Iterable[Any]) -> list[Any]:
    """The items that both lists have."""
    others = _listed(high)
    return distinct(item for item in _listed(low) if item in others)


def difference(low: Iterable[Any], high: Iterable[Any]) -> list[Any]:
    """What the second list does not have, without repeats."""
    others = _listed(high)
    return distinct(item for item in _listed(low) if item not in others)


def symmetric_difference(low: Iterable[Any], high: Iterable[Any]) -> list[Any]:
    """The items that one list alone has."""
    return [*difference(low, high), *difference(high, low)]


@pass_environment
def smallest(environment: Any, value: Iterable[Any], **options: Any) -> Any:
    """The smallest item. attribute: compare that part of each; case_sensitive."""
    return do_min(environment, value, **options)


@pass_environment
def largest(environment: Any, value: Iterable[Any], **options: Any) -> Any:
    """The largest item. attribute: compare that part of each; case_sensitive."""
    return do_max(environment, value, **options)


def zipped(*lists: Iterable[Any]) -> list[list[Any]]:
    """The first items, the second items, and so on, until one list ends."""
    return [list(items) for items in zip(*lists)]


def zipped_longest(*lists: Iterable[Any], fillvalue: Any = None) -> list[list[Any]]:
    """The first items, the second items, and so on; shorter lists are filled up."""
    return [list(items) for items in itertools.zip_longest(*lists, fillvalue=fillvalue)]


def product(*lists: Iterable[Any], repeat: int = 1) -> list[list[Any]]:
    """Every combination of one item of each list."""
    return [list(items) for items in bounded(itertools.product(*lists, repeat=repeat))]


def permutations(value: Iterable[Any], count: Optional[int] = None) -> list[list[Any]]:
    """Every order of `count` items."""
    return [list(items) for items in bounded(itertools.permutations(value, count))]


def combinations(value: Iterable[Any], count: int) -> list[list[Any]]:
    """Every choice of `count` items."""
    return [list(items) for items in bounded(itertools.combinations(value, count))]
