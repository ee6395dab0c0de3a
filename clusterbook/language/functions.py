"""Functions of expressions that need nothing from outside."""

from __future__ import annotations

import datetime
from typing import Any, Optional

from jinja2.runtime import StrictUndefined


def now(utc: bool = False, fmt: Optional[str] = None) -> Any:
    """The time, or a text of it in a format of the C library."""
    moment = datetime.datetime.now(datetime.timezone.utc if utc else None)
    return moment.strftime(fmt) if fmt else moment.replace(tzinfo=None)


def undef(hint: Optional[str] = None) -> StrictUndefined:
    """A value that is undefined; the hint is the error of who uses it."""
    return StrictUndefined(hint=hint)


FUNCTIONS = {"now": now, "undef": undef}
