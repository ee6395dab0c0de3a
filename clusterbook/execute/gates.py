"""Keeps the hosts of a batch in step where they must meet: lockstep plays and `run_once`."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Condition
from typing import Any

from clusterbook.execute.throttle import Throttle

Key = tuple[int, ...]
FAILED = {"failed": "the play fails on all hosts when it fails on one (any_errors_fatal)"}


class Gates:
    """Hosts wait at a gate until no host of the batch is behind it. A gate's key is its place in the play.

    Called by one thread a host. A host that ends or fails leaves; nobody waits for it.
    """

    def __init__(self, hosts: Sequence[str], forks: int = 0, play: Sequence[str] = ()) -> None:
        """hosts: of the batch, in inventory order; forks: at most so many of them work at a time, 0 for all.

        play: the hosts of all batches that have not failed before.
        """
        self._play = list(play or hosts)
        self._failed: set[str] = set()
        # A host said that the play is over (meta: end_play), that its failure ends the play (any_errors_fatal).
        self.over = False
        self.fatal = False
        self.throttle = Throttle()
        # Hosts that want one of the slots, and how many are free: they are given in the order of the inventory.
        self._wanting = list(hosts)
        self._free = forks or len(hosts) or 1
        self._order = list(hosts)
        self._running = set(hosts)
        self._waiting: dict[str, Key] = {}
        self._open: dict[str, dict[str, Any] | None] = {}
        self._once: dict[Key, str] = {}
        self._once_waiting: dict[Key, list[str]] = {}
        self._changed = Condition()
        self._abort = ""
        # Places of steps whose failure was everybody's, and the hosts that are yet to fail because of one.
        self._fatal: set[Key] = set()
        self._condemned: set[str] = set()

    def enter(self, host: str) -> None:
        """Wait for one of the slots; a host that waits at a gate gives its slot away."""
        with self._changed:
            if host not in self._wanting:
                self._wanting.append(host)
            self._changed.wait_for(lambda: host in self._wanting[: self._free])
            self._wanting.remove(host)
            self._free -= 1

    def _give_back(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify_all()

    def wait(self, host: str, key: Sequence[int], run_once: bool) -> dict[str, Any] | None:
        """None: go on (and for run_once: you are the one). Else {"result": another host's}, or {"abort": why}."""
        self._give_back()
        self.throttle.pass_over(host)
        try:
            return self._wait(host, tuple(key), run_once)
        finally:
            self.enter(host)

    def _wait(self, host: str, place: Key, run_once: bool) -> dict[str, Any] | None:
        with self._changed:
            if host in self._condemned:
                self._condemned.discard(host)
                return dict(FAILED)
            self._running.discard(host)
            self._waiting[host] = place
            if run_once:
                self._once_waiting.setdefault(place, []).append(host)
            self._release()
            self._changed.wait_for(lambda: host in self._open or bool(self._abort))
            self._waiting.pop(host, None)
            self._running.add(host)
            if self._abort:
                return {"abort": self._abort}
            return self._open.pop(host)

    def ran_once(self, host: str, key: Sequence[int], result: dict[str, Any]) -> bool:
        """The chosen host ran its run_once step: the others take its result. False for any other host."""
        place = tuple(key)
        with self._changed:
            if self._once.get(place) != host:
                return False
            self._once.pop(place, None)
            for other in self._once_waiting.pop(place, []):
                if self._waiting.get(other) == place:
                    self._open[other] = {"result": result}
            self._changed.notify_all()
            return True

    def fails_all(self, host: str, key: Sequence[int]) -> None:
        """A step failed on this host whose failure is everybody's: each other one fails where it next waits."""
        place = tuple(key)
        with self._changed:
            if place in self._fatal:
                self._condemned.discard(host)
                return
            self._fatal.add(place)
            at_work = {*self._running, *self._open}
            self._condemned = at_work - {host}
            self._open.update({other: dict(FAILED) for other in self._waiting if other not in at_work})
            self._changed.notify_all()

    def company(self) -> dict[str, list[str]]:
        """The hosts that have not failed: of the batch and of the play."""
        with self._changed:
            return {
                name: [host for host in hosts if host not in self._failed]
                for name, hosts in (("batch", self._order), ("play", self._play))
            }

    def leave(self, host: str, failed: bool = False) -> None:
        """The host is through with the play, one way or another; its slot is free."""
        self._give_back()
        self.throttle.pass_over(host)
        self.throttle.leave(host)
        with self._changed:
            if failed:
                self._failed.add(host)
            self._running.discard(host)
            self._waiting.pop(host, None)
            for place, chosen in list(self._once.items()):
                if chosen == host:
                    self._choose(place)
            self._release()
            self._changed.notify_all()

    def abort(self, why: str) -> None:
        """Nobody goes through any further gate."""
        with self._changed:
            self._abort = self._abort or why
            self._changed.notify_all()
        self.throttle.end()

    @property
    def aborted(self) -> str:
        """Why nobody may go on; empty while all may."""
        return self._abort

    def _release(self) -> None:
        """Open the lowest gate when every host of the batch waits or has left."""
        held = {host: place for host, place in self._waiting.items() if host not in self._open}
        if self._running or not held or len(held) != len(self._waiting):
            return
        lowest = min(held.values())
        if lowest in self._once_waiting:
            if lowest not in self._once:
                self._choose(lowest)
            return
        opened = [host for host in self._order if held.get(host) == lowest]
        self.throttle.expect(lowest[-1], list(opened))
        self._wanting.extend(opened)
        self._open.update(dict.fromkeys(opened))
        self._changed.notify_all()

    def _choose(self, place: Key) -> None:
        """The first host that waits at a run_once gate runs the step."""
        self._once.pop(place, None)
        waiting = [host for host in self._order if self._waiting.get(host) == place]
        if not waiting:
            self._once_waiting.pop(place, None)
            return
        self._once[place] = waiting[0]
        self._once_waiting[place] = [host for host in self._once_waiting.get(place, []) if host != waiting[0]]
        self._open[waiting[0]] = None
        self._changed.notify_all()
