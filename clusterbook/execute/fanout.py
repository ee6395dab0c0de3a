"""Segments in workers: `Places` over a crew, with this process as the place of last resort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any, Protocol

from clusterbook.execute.here import Here
from clusterbook.execute.hosts import Agents, Way, evaluated, way
from clusterbook.execute.returning import Returning
from clusterbook.execute.segments import Segment, Take
from clusterbook.execute.services import Services
from clusterbook.execute.session import Answer
from clusterbook.execute.shelf import Kept, Shelf
from clusterbook.execute.work import Work
from clusterbook.execute.workers import Crew, Remote, WorkerLost
from clusterbook.model import Host
from clusterbook.records import dataclass

Say = Callable[[str, str], None]


class Office(Protocol):
    """Who brings the workers: starts them on executors, and ends them."""

    executors: Sequence[Executor]
    crew: Crew

    def close(self) -> None:
        """End every worker, and wait for it."""


@dataclass
class _Known:
    """What a host was given so far, in order, and who has it."""

    works: list[Work]
    at: Remote | None = None
    here: bool = False
    begun: bool = False


class FanOut:
    """Segments in workers."""

    def __init__(self, office: Office, agents: Agents, services: Services, say: Say) -> None:
        """agents: of this process, for hosts whose workers are all gone. say(host, text): a host was taken over."""
        self._office, self._agents, self._services, self._say = office, agents, services, say
        self._local, self._returning, self._shelf = Here(agents), Returning(), Shelf()
        self._hosts: dict[Way, _Known] = {}
        self._lock = Lock()

    def run(self, segment: Segment, take: Take, answer: Answer) -> bool:
        """See Places."""
        with self._lock:
            known = self._hosts.setdefault(way(segment.host), _Known([]))
        found = replace(segment, host=evaluated(segment.host, self._services))
        work = Work(found, take, answer, Kept(self._shelf))
        known.works.append(work)
        return self._returning.run(work, lambda host, again: self._somewhere(known, host), partial(self._left, known))

    def stop(self) -> None:
        """See Places."""
        self._returning.stop()
        for remote in self._office.crew.everyone():
            remote.tell(stop=True)
        self._agents.stop()

    def forget(self, host: str) -> None:
        """See Places."""
        with self._lock:
            known = [self._hosts.pop(key) for key in list(self._hosts) if key[0] == host]
        for one in known:
            self._left(one, host)
        self._agents.forget(host)

    def close(self) -> None:
        """See Places."""
        self._office.close()
        self._agents.close()
        self._shelf.close()

    def _left(self, known: _Known, host: str) -> None:
        """The host's agent is gone: another one is to be told everything again."""
        if known.at is not None:
            known.at.tell(forget=host)
        elif known.here:
            self._agents.forget(host)
        known.at, known.here = None, False

    def _somewhere(self, known: _Known, host: Host) -> bool:
        """On the host's worker, or on another one when that is lost."""
        while True:
            remote = self._office.crew.choose(host.name)
            if remote is None:
                return self._here(known, host)
            try:
                return self._there(known, remote, host)
            except WorkerLost as lost:
                self._say(host.name, f"{lost} was lost; the host is taken over")

    def _there(self, known: _Known, remote: Remote, host: Host) -> bool:
        """On a worker: only the newest segment when it has the host already, else all of them again."""
        moved = remote is not known.at
        continues = moved and known.begun
        known.at = remote
        succeeded = False
        for work in known.works if moved else known.works[-1:]:
            try:
                succeeded = remote.run(work, host, continues)
            finally:
                known.begun = known.begun or work.begun
        return succeeded

    def _here(self, known: _Known, host: Host) -> bool:
        """In this process."""
        moved, continues = not known.here, not known.here and known.begun
        known.here = known.begun = True
        return self._local.play(known.works, host, moved, continues)


def shutdown(executors: Sequence[Any]) -> None:
    """Release executors whose tasks have ended."""
    for executor in executors:
        executor.shutdown(wait=True, cancel_futures=True)
