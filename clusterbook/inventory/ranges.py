"""Host names with ranges: web[01:10].example.com, db-[a:c], rack[0:20:2]."""

from __future__ import annotations

import re
import string

from clusterbook.errors import InvalidInput, Position

MAXIMUM_HOSTS = 100_000
_RANGE = re.compile(r"\[([^\[\]:]*):([^\[\]:]*)(?::([^\[\]:]*))?\]")


def expand(name: str, where: Position) -> list[str]:
    """Every name that a pattern stands for; zeros in front set the width. Raises InvalidInput."""
    found = _RANGE.search(name)
    if not found:
        if "[" in name and not re.fullmatch(r"\[[0-9A-Fa-f:]+\](:\d+)?", name):
            raise _wrong(name, "a range is written [1:3]", where)
        return [name]
    start, end, step = found.groups()
    values = _values(name, start, end, step, where)
    rest = expand(name[found.end() :], where)
    if len(values) * len(rest) > MAXIMUM_HOSTS:
        raise _wrong(name, f"it stands for more than {MAXIMUM_HOSTS} hosts", where)
    return [name[: found.start()] + value + tail for value in values for tail in rest]


def _values(name: str, start: str, end: str, step: str | None, where: Position) -> list[str]:
    start = start or "0"
    if (step and not step.isdigit()) or step == "0":
        raise _wrong(name, f"the step {step!r} is not a number above 0", where)
    stride = int(step or 1)
    if start.isdigit() and end.isdigit():
        if int(start) > int(end):
            raise _wrong(name, f"it ends at {end} before it starts at {start}", where)
        width = len(start) if start.startswith("0") and len(start) > 1 else 0
        if width and len(end) != len(start):
            raise _wrong(name, "start and end have a different number of digits", where)
        return [str(number).zfill(width) for number in range(int(start), int(end) + 1, stride)]
    letters = string.ascii_letters
    if (
        len(start) == len(end) == 1
        and start in letters
        and end in letters
        and letters.index(start) <= letters.index(end)
    ):
        return list(letters[letters.index(start) : letters.index(end) + 1 : stride])
    raise _wrong(name, "a range goes from number to number or from letter to letter", where)


def _wrong(name: str, reason: str, where: Position) -> InvalidInput:
    return InvalidInput(f"host name {name!r}: {reason}", where=where, next_step="Correct the range.")


def split_port(name: str) -> tuple[str, int | None]:
    """(host, port) of HOST:PORT or [IPv6]:PORT; other names have no port."""
    found = re.fullmatch(r"\[(.+)\]:(\d+)|([^:]+):(\d+)", name)
    if not found:
        return name.strip("[]") if name.startswith("[") else name, None
    return found.group(1) or found.group(3), int(found.group(2) or found.group(4))
