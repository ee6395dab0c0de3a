"""The local machine's side of a run's workers: who works on which host, and what happens when a worker is lost.

A host stays with its worker. When that is lost, another takes the host over: the plays of the run so far are replayed
there. The host itself knows what it has finished (`agent.record`), the answers that it had are given again by their
number, and events that have already been seen are dropped; so nothing is done twice and nothing is told twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from typing import Any

from clusterbook.errors import ClusterbookError, Failed, Unreachable
from clusterbook.execute.segments import Segment
from clusterbook.execute.session import Refusal
from clusterbook.execute.streams import Gone, Stream
from clusterbook.execute.work import Work
from clusterbook.model import Host

LOST: Mapping[str, Any] = {"lost": True}


class WorkerLost(Exception):
    """The worker is gone."""


class Remote:
    """One worker."""

    def __init__(self, name: str, stream: Stream, lost: Callable[[Remote], None]) -> None:
        """lost(remote) is called once when its connection has ended."""
        self.name = name
        self.alive = True
        self.hosts: set[str] = set()
        self._stream = stream
        self._lost = lost
        self._sent: dict[int, Any] = {}
        self._sending = Lock()
        self._work: dict[str, tuple[Work, SimpleQueue[Mapping[str, Any]]]] = {}
        Thread(target=self._read, daemon=True, name=name).start()

    def run(self, work: Work, host: Host, continues: bool) -> bool:
        """Have a segment run. host: as it is connected to. Raises WorkerLost, ClusterbookError of the host."""
        name, messages = host.name, SimpleQueue[Mapping[str, Any]]()
        work.restart()
        self._work[name] = (work, messages)
        try:
            self._order(replace(work.segment, host=host), continues)
            if not self.alive:
                raise WorkerLost(self.name)
            while True:
                message = messages.get()
                if "ask" in message:
                    self._answer(name, work, message["ask"])
                elif "begun" in message:
                    work.begun = True
                elif "done" in message:
                    return bool(message["done"])
                else:
                    raise _error(message, self.name)
        except Gone as error:
            raise WorkerLost(self.name) from error

    def tell(self, **message: Any) -> None:
        """Send an order; one that is gone need not hear it."""
        with contextlib.suppress(Gone):
            self._stream.send(message)

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def _order(self, segment: Segment, continues: bool) -> None:
        with self._sending:
            number = id(segment.program)
            if number not in self._sent:
                self._sent[number] = segment.program  # kept, so that the number stays its own
                self._stream.send({"number": number, "program": segment.program})
        host = {name: getattr(segment.host, name) for name in ("name", "groups", "variables", "patience")}
        self._stream.send({"segment": {
            "host": host, "root": segment.root, "program": number, "part": segment.part, "continues": continues,
        }})  # fmt: skip

    def _answer(self, host: str, work: Work, question: dict[str, Any]) -> None:
        try:
            value = work.reply(question)
        except Refusal as refusal:
            self._stream.send({"host": host, "refused": str(refusal)})
            return
        if isinstance(value, bytes):
            self._stream.send({"host": host}, value)
        else:
            self._stream.send({"host": host, "value": value})

    def _read(self) -> None:
        try:
            while True:
                message = self._stream.receive()
                work, messages = self._work[str(message["host"])]
                if "events" in message:
                    work.new(message["events"])
                else:
                    messages.put(message)
        except Gone:
            pass
        finally:
            self.alive = False
            for _, messages in list(self._work.values()):
                messages.put(LOST)
            self._lost(self)


class Crew:
    """The workers of a run by host. Those that are expected are waited for before the first host is given away."""

    def __init__(self, expected: int) -> None:
        """expected: so many will join(), or be missed()."""
        self._remotes: list[Remote] = []
        self._expected = expected
        self._missed: list[str] = []
        self._changed = Condition()

    def join(self, name: str, stream: Stream) -> None:
        """A worker is there."""
        remote = Remote(name, stream, self._gone)
        with self._changed:
            self._remotes.append(remote)
            self._changed.notify_all()

    def missed(self, why: str) -> None:
        """A worker will not come."""
        with self._changed:
            self._missed.append(why)
            self._changed.notify_all()

    def choose(self, host: str) -> Remote | None:
        """The host's worker: the one that has it, else the one with the fewest; None when nobody is left."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._remotes) + len(self._missed) >= self._expected)
            alive = [remote for remote in self._remotes if remote.alive]
            found = next((remote for remote in alive if host in remote.hosts), None)
            if found is None and alive:
                found = min(alive, key=lambda remote: len(remote.hosts))
                found.hosts.add(host)
            return found

    def everyone(self) -> list[Remote]:
        """All that have joined."""
        with self._changed:
            return list(self._remotes)

    @property
    def reasons(self) -> list[str]:
        """Why workers did not come."""
        return self._missed

    def _gone(self, remote: Remote) -> None:
        with self._changed:
            self._changed.notify_all()


def _error(message: Mapping[str, Any], worker: str) -> Exception:
    step = str(message.get("next_step", ""))
    if "lost" in message:
        return WorkerLost(worker)
    if "unreachable" in message:
        return Unreachable(str(message["unreachable"]), next_step=step)
    error: ClusterbookError = Failed(str(message.get("failed", message)), next_step=step)
    return error
