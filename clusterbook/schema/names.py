"""The nearest right name to a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name that a person most likely meant, None when none is like it."""
    found = difflib.get_close_matches(str(name), sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def suggestion(name: object, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?", or nothing."""
    found = nearest(name, known)
    return f"; did you mean {found!r}?" if found else ""
