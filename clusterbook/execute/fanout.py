"""Segments in workers: `Places` over a crew, with this process as the place of last resort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Protocol

from clusterbook.execute.hosts import Agents, evaluated
from clusterbook.execute.segments import Segment, Take
from clusterbook.execute.services import Services
from clusterbook.execute.session import Answer
from clusterbook.execute.workers import Crew, Remote, Work, WorkerLost

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
        self._hosts: dict[str, _Known] = {}
        self._lock = Lock()

    def run(self, segment: Segment, take: Take, answer: Answer) -> bool:
        """See Places."""
        name = segment.host.name
        with self._lock:
            known = self._hosts.setdefault(name, _Known([]))
        work = Work(replace(segment, host=evaluated(segment.host, self._services)), take, answer)
        known.works.append(work)
        while True:
            remote = self._office.crew.choose(name)
            if remote is None:
                return self._here(known)
            try:
                return self._there(known, remote)
            except WorkerLost as lost:
                self._say(name, f"{lost} was lost; the host is taken over")

    def stop(self) -> None:
        """See Places."""
        for remote in self._office.crew.everyone():
            remote.tell(stop=True)
        self._agents.stop()

    def forget(self, host: str) -> None:
        """See Places."""
        with self._lock:
            known = self._hosts.pop(host, None)
        if known is not None and known.at is not None:
            known.at.tell(forget=host)
        self._agents.forget(host)

    def close(self) -> None:
        """See Places."""
        self._office.close()
        self._agents.close()

    def _there(self, known: _Known, remote: Remote) -> bool:
        """On a worker: only the newest segment when it has the host already, else all of them again."""
        moved = remote is not known.at
        continues = moved and known.begun
        known.at = remote
        succeeded = False
        for work in known.works if moved else known.works[-1:]:
            try:
                succeeded = remote.run(work, continues)
            finally:
                known.begun = known.begun or work.begun
        return succeeded

    def _here(self, known: _Known) -> bool:
        """In this process."""
        segment, moved = known.works[-1].segment, not known.here
        session = self._agents.session(segment.host, segment.root, continues=moved and known.begun)
        known.here = known.begun = True
        succeeded = False
        for work in known.works if moved else known.works[-1:]:
            work.restart()
            succeeded = session.play(work.segment.program, work.segment.part, work.new, work.reply)
        return succeeded


def shutdown(executors: Sequence[Any]) -> None:
    """Release executors whose tasks have ended."""
    for executor in executors:
        executor.shutdown(wait=True, cancel_futures=True)
