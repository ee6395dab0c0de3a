"""Filters of numbers, sizes and chance."""

from __future__ import annotations

import math
import random
import re
from typing import Any, Iterable, Optional

from clusterbook.language.bounds import check_operator
from clusterbook.language.filters.errors import FilterError

_UNITS = ("B", "K", "M", "G", "T", "P", "E", "Z", "Y")
_NAMES = {"B": "byte", "K": "kilobyte", "M": "megabyte", "G": "gigabyte", "T": "terabyte", "P": "petabyte",
          "E": "exabyte", "Z": "zettabyte", "Y": "yottabyte"}


def human_to_bytes(value: Any, default_unit: Optional[str] = None, isbits: bool = False) -> int:
    """A size such as '10 MB' as a number of bytes (isbits: bits, '10 Mb')."""
    match = re.search(r"^\s*([\d.]*\d)(?:\s*([A-Za-z]+))?", str(value), re.ASCII)
    if match is None:
        raise FilterError(f"{value!r} is not a size")
    unit = match.group(2) or default_unit
    if not unit:
        return round(float(match.group(1)))
    key = unit[0].upper()
    if key not in _UNITS:
        raise FilterError(f"unknown unit {unit!r} in {value!r}, expected one of {', '.join(_UNITS)}")
    if len(unit) > 1:
        _check_unit(unit, key, isbits, value)
    factor: int = 1024 ** _UNITS.index(key)
    return round(float(match.group(1)) * factor)


def _check_unit(unit: str, key: str, isbits: bool, value: Any) -> None:
    long_name = _NAMES[key].replace("byte", "bit" if isbits else "byte")
    if unit.lower() == long_name:
        return
    wanted = key if key == "B" else key + ("b" if isbits else "B")
    if len(unit) == 2 and unit[1] == ("b" if isbits else "B"):
        return
    raise FilterError(f"unknown unit {unit!r} in {value!r}, expected {wanted}")


def human_readable(size: Any, isbits: bool = False, unit: Optional[str] = None) -> str:
    """A number of bytes as people write it: 10485760 is '10.00 MB'."""
    if isinstance(size, str):
        raise FilterError("human_readable() failed on bad input: it needs a number")
    number = float(size)
    chosen = "B"
    for name in reversed(_UNITS):
        if (unit is None and number >= 1024 ** _UNITS.index(name)) or (unit and unit.upper() == name):
            chosen = name
            break
    if chosen != "B":
        return f"{number / 1024 ** _UNITS.index(chosen):.2f} {chosen}{'b' if isbits else 'B'}"
    return f"{number:.2f} {'bits' if isbits else 'Bytes'}"


def logarithm(value: Any, base: float = math.e) -> float:
    """The logarithm; without a base the natural one."""
    try:
        return math.log10(value) if base == 10 else math.log(value, base)
    except TypeError as error:
        raise FilterError(f"log() can only be used on numbers: {error}") from error


def power(value: Any, exponent: Any) -> Any:
    """value to the power of exponent."""
    check_operator("**", value, exponent)
    try:
        return math.pow(value, exponent)
    except TypeError as error:
        raise FilterError(f"pow() can only be used on numbers: {error}") from error


def root(value: Any, base: int = 2) -> float:
    """The root; without a base the square root."""
    try:
        return math.sqrt(value) if base == 2 else math.pow(value, 1.0 / float(base))
    except (ValueError, TypeError) as error:
        raise FilterError(f"root() can only be used on numbers: {error}") from error


def seeded_random(end: Any, start: Any = None, step: Any = None, seed: Any = None) -> Any:
    """An item of a list, or a number below `end`, by chance; the same for the same seed."""
    source = random.Random(seed) if seed is not None else random.SystemRandom()  # noqa: S311
    if isinstance(end, int):
        return source.randrange(start or 0, end, step or 1)
    if hasattr(end, "__iter__"):
        if start or step:
            raise FilterError("start and step go with a number, not with a list")
        return source.choice(list(end))
    raise FilterError("random needs a number or a list")


def seeded_shuffle(value: Iterable[Any], seed: Any = None) -> list[Any]:
    """The items in another order; the same for the same seed."""
    items = list(value)
    (random.Random(seed) if seed is not None else random.SystemRandom()).shuffle(items)  # noqa: S311
    return items
