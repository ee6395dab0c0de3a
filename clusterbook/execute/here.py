"""Segments in this process: the threads of the runner drive the connections themselves."""

from __future__ import annotations

from collections.abc import Sequence

from clusterbook.execute.hosts import Agents, Way, way
from clusterbook.execute.returning import Returning
from clusterbook.execute.segments import Segment, Take
from clusterbook.execute.session import Answer
from clusterbook.execute.shelf import Kept, Shelf
from clusterbook.execute.work import Work
from clusterbook.model import Host


class Here:
    """Places in this process."""

    def __init__(self, agents: Agents) -> None:
        """agents: closed with this."""
        self._agents = agents
        self._returning, self._shelf = Returning(), Shelf()
        # What a host was given so far, by the way to it: the next agent after a restart is told it again.
        self._given: dict[Way, list[Work]] = {}

    def run(self, segment: Segment, take: Take, answer: Answer) -> bool:
        """See Places."""
        if not self._agents.keeps:
            session = self._agents.session(segment.host, segment.root)
            return session.play(segment.program, segment.part, take, answer)
        work = Work(segment, take, answer, Kept(self._shelf))
        works = self._given.setdefault(way(segment.host), [])
        works.append(work)
        return self._returning.run(work, lambda host, again: self.play(works, host, again, again), self._agents.forget)

    def play(self, works: Sequence[Work], host: Host, replayed: bool, continues: bool) -> bool:
        """The newest segment of a host; replayed: all of them. continues: the host has begun them, see Agents."""
        session = self._agents.session(host, works[-1].segment.root, continues)
        succeeded = False
        for work in works if replayed else works[-1:]:
            work.restart()
            succeeded = session.play(work.segment.program, work.segment.part, work.new, work.reply)
        return succeeded

    def stop(self) -> None:
        """See Places."""
        self._returning.stop()
        self._agents.stop()

    def forget(self, host: str) -> None:
        """See Places."""
        for key in [key for key in self._given if key[0] == host]:
            del self._given[key]
        self._agents.forget(host)

    def close(self) -> None:
        """See Places."""
        self._agents.close()
        self._shelf.close()
