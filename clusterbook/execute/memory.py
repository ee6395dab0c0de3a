"""Memory of a process with very many threads."""

from __future__ import annotations

import contextlib
from functools import cache

# mallopt(3): so many heaps; glibc's own limit is eight a processor, and what is free in one is of no use to the others.
M_ARENA_MAX, HEAPS = -8, 2
# So many threads do not need it.
FEW = 8


def expect_threads(number: int) -> None:
    """Before so many threads start: they are to share two heaps, which saves a sixth of a wide run's memory.

    Python's threads take turns, so they seldom wait for each other there.
    """
    if number > FEW:
        _share_heaps()


@cache
def _share_heaps() -> None:
    """Other C libraries than glibc have no such call, or ignore it."""
    import ctypes  # takes longer to load than a run on few hosts has to give

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)
