"""`throttle`: at most so many hosts are at a step at the same time."""

from __future__ import annotations

from threading import Condition


class Throttle:
    """Counts who is at which step. Thread-safe."""

    def __init__(self) -> None:
        """Nobody is anywhere."""
        self._at: dict[int, set[str]] = {}
        self._changed = Condition()
        self._over = False

    def enter(self, step: int, host: str, limit: int) -> None:
        """Wait until fewer than `limit` hosts are at the step, or the run ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or len(self._at.get(step, ())) < limit)
            self._at.setdefault(step, set()).add(host)

    def leave(self, host: str, step: int | None = None) -> None:
        """The host is through with a step, or with all of them."""
        with self._changed:
            for number, hosts in self._at.items():
                if step in (None, number):
                    hosts.discard(host)
            self._changed.notify_all()

    def end(self) -> None:
        """Nobody waits any longer."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
