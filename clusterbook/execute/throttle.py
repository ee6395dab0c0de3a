"""`throttle`: at most so many hosts are at a step at the same time."""

from __future__ import annotations

from threading import Condition


class Throttle:
    """Counts who is at which step. Thread-safe."""

    def __init__(self) -> None:
        """Nobody is anywhere."""
        self._at: dict[int, set[str]] = {}
        # Step -> hosts that go through its gate now, in the order in which they are let to it.
        self._expected: dict[int, list[str]] = {}
        self._changed = Condition()
        self._over = False

    def expect(self, step: int, hosts: list[str]) -> None:
        """These hosts may come to the step, and are to go in this order."""
        with self._changed:
            self._expected = {step: hosts}

    def pass_over(self, host: str) -> None:
        """The host is elsewhere: nobody waits for it."""
        with self._changed:
            for hosts in self._expected.values():
                if host in hosts:
                    hosts.remove(host)
            self._changed.notify_all()

    def enter(self, step: int, host: str, limit: int) -> None:
        """Wait until fewer than `limit` hosts are at the step, or the run ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._may_enter(step, host, limit))
            self._at.setdefault(step, set()).add(host)
            if host in self._expected.get(step, ()):
                self._expected[step].remove(host)
            self._changed.notify_all()

    def _may_enter(self, step: int, host: str, limit: int) -> bool:
        before = self._expected.get(step, [])
        return len(self._at.get(step, ())) < limit and (host not in before or before[0] == host)

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
