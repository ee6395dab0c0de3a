"""Filters that turn a text such as `1d 2h -5m` into a number of units of time."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Mapping

from clusterbook.language.filters.errors import FilterError

_DAY = 86_400_000
# Milliseconds of each unit but months and years, whose days may be said, and the names of all.
_LENGTHS = {
    "millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": _DAY, "week": 7 * _DAY,
}  # fmt: skip
_NAMES = {
    "ms": "millisecond", "msec": "millisecond", "msecond": "millisecond", "millisecond": "millisecond",
    "s": "second", "sec": "second", "second": "second",
    "m": "minute", "min": "minute", "minute": "minute",
    "h": "hour", "hour": "hour", "d": "day", "day": "day", "w": "week", "week": "week",
    "mo": "month", "month": "month", "y": "year", "year": "year",
}  # fmt: skip
_PART = re.compile(r"(-?[0-9]+)([a-z]+)")
_DIGITS = 12


def to_time_unit(value: Any, unit: str = "ms", *, year: float = 365, month: float = 30) -> float:
    """The time that a text tells, in a unit. year, month: how many days they have."""
    if not isinstance(value, str):
        raise FilterError(f"a text such as '1d 2h' is needed, got {type(value).__name__}")
    lengths = _lengths(year, month)
    target = _unit(unit)
    if target is None:
        raise FilterError(f"there is no unit of time {unit!r}; units are {', '.join(_NAMES)}, and each with an s")
    total = sum(_told(part, value, lengths) for part in value.split())
    return float(round(total / lengths[target], _DIGITS))


def _lengths(year: Any, month: Any) -> Mapping[str, float]:
    try:
        return {**_LENGTHS, "month": float(month) * _DAY, "year": float(year) * _DAY}
    except (TypeError, ValueError) as error:
        raise FilterError(f"the days of a year or a month are a number: {error}") from error


def _unit(name: Any) -> Any:
    return _NAMES.get(name) or _NAMES.get(str(name).removesuffix("s"))


def _told(part: str, whole: str, lengths: Mapping[str, float]) -> float:
    found = _PART.fullmatch(part)
    unit = _unit(found.group(2)) if found else None
    if found is None or unit is None:
        raise FilterError(f"{whole!r} is no time such as '1d 2h -5m': {part!r} is not a whole number with its unit")
    return int(found.group(1)) * lengths[unit]


def _in(unit: str) -> Callable[..., float]:
    def convert(value: Any, *, year: float = 365, month: float = 30) -> float:
        return to_time_unit(value, unit, year=year, month=month)

    convert.__doc__ = f"The number of {unit}s in a time such as 1d 2h."
    return convert


DURATIONS: Dict[str, Callable[..., float]] = {
    "to_time_unit": to_time_unit,
    **{f"to_{unit}s": _in(unit) for unit in (*_LENGTHS, "month", "year")},
}
