"""Agents that run steps of other hosts: borrowed for one step, given back, used again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from clusterbook.execute.session import AgentSession

# At most so many for one host; further steps wait for one of them.
MOST = 32
Key = tuple[str, ...]


class Helpers:
    """Idle and busy helpers by key (host, way to it, root or not). Thread-safe."""

    def __init__(self) -> None:
        """None yet."""
        self._idle: dict[Key, list[AgentSession]] = {}
        self._count: dict[Key, int] = {}
        self._changed = Condition()

    @contextmanager
    def borrow(self, key: Key, start: Callable[[int], AgentSession]) -> Iterator[AgentSession]:
        """One that nobody else uses. start(number): begins a new one, number counts from 0. A broken one is dropped."""
        session = self._take(key) or self._start(key, start)
        try:
            yield session
        except BaseException:
            self._drop(key)
            session.close()
            raise
        with self._changed:
            self._idle.setdefault(key, []).append(session)
            self._changed.notify()

    def of(self, host: str) -> list[AgentSession]:
        """The idle ones of a host, which are forgotten."""
        with self._changed:
            keys = [key for key in self._idle if key[0] == host]
            found = [session for key in keys for session in self._idle.pop(key)]
            for key in keys:
                self._count[key] = 0
            return found

    def everyone(self) -> list[AgentSession]:
        """All idle ones."""
        with self._changed:
            return [session for sessions in self._idle.values() for session in sessions]

    def hosts(self) -> set[str]:
        """Hosts that have helpers."""
        with self._changed:
            return {key[0] for key in self._idle}

    def _take(self, key: Key) -> AgentSession | None:
        with self._changed:
            while not self._idle.get(key):
                if self._count.get(key, 0) < MOST:
                    self._count[key] = self._count.get(key, 0) + 1
                    return None
                self._changed.wait()
            return self._idle[key].pop()

    def _start(self, key: Key, start: Callable[[int], AgentSession]) -> AgentSession:
        try:
            return start(self._count[key] - 1)
        except BaseException:
            self._drop(key)
            raise

    def _drop(self, key: Key) -> None:
        with self._changed:
            self._count[key] = max(0, self._count.get(key, 0) - 1)
            self._changed.notify()
