"""Jobs at the same time, and a wait for all of them that Ctrl-C may end at any instant."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from queue import Empty, SimpleQueue


class Together:
    """Jobs that were given to an executor.

    concurrent.futures.wait takes locks that ending jobs need: KeyboardInterrupt within it can leave some of them held
    for ever. Here nothing is locked by Python: a SimpleQueue's get is one C function, and a list's append another.
    """

    def __init__(self, pool: Executor, jobs: Sequence[Callable[[], None]]) -> None:
        """Start them."""
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._done: list[None] = []
        self._futures = [pool.submit(self._run, job) for job in jobs]

    def wait(self, seconds: float | None = None) -> None:
        """Until all have ended, or for so many seconds; again after an interrupt, for those that are left."""
        end = None if seconds is None else time.monotonic() + seconds
        while len(self._done) < len(self._futures):
            try:
                self._ended.get(timeout=None if end is None else max(0.0, end - time.monotonic()))
            except Empty:
                return

    def check(self) -> None:
        """Raise what a job raised."""
        for future in self._futures:
            future.result()

    def _run(self, job: Callable[[], None]) -> None:
        try:
            job()
        finally:
            self._done.append(None)
            self._ended.put(None)
