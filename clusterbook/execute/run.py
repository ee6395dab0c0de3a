"""Runs a plan: plays in order, the hosts of a batch together, one thread a host."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Any

from clusterbook.compile.plan import Plan, PlayPlan
from clusterbook.errors import (
    EXIT_CHANGES,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_UNREACHABLE,
    ClusterbookError,
    Failed,
    Unreachable,
)
from clusterbook.execute.ahead import ahead_of
from clusterbook.execute.answers import Answers
from clusterbook.execute.asking import TaskAsker
from clusterbook.execute.delegates import Delegates
from clusterbook.execute.events import Events
from clusterbook.execute.gates import Gates
from clusterbook.execute.here import Here
from clusterbook.execute.hosts import Agents, needs_root
from clusterbook.execute.local_files import concealed
from clusterbook.execute.memory import expect_threads
from clusterbook.execute.segments import Places, Segment
from clusterbook.execute.services import Services
from clusterbook.execute.together import Together
from clusterbook.language.program import to_wire
from clusterbook.records import dataclass

GRACE_SECONDS = 30.0
TOO_MANY = "more hosts failed than max_fail_percentage allows"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. counts: by host, as in the recap; forgiven: those of failures that the play forgave."""

    counts: dict[str, dict[str, int]]
    interrupted: bool = False
    forgiven: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def exit_code(self, check: bool) -> int:
        """0 done, 2 changes pending (check), 1 failed, 4 only unreachable, 130 interrupted."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        total = {
            name: sum(counts[name] - self.forgiven.get(host, {}).get(name, 0) for host, counts in self.counts.items())
            for name in ("failed", "unreachable")
        }
        if total["failed"]:
            return EXIT_FAILED
        if total["unreachable"]:
            return EXIT_UNREACHABLE
        pending = any(host["changed"] or host["unknown"] for host in self.counts.values())
        return EXIT_CHANGES if check and pending else EXIT_DONE


class Runner:
    """One run of one plan."""

    def __init__(
        self, plan: Plan, agents: Agents, services: Services, events: Events, forks: int = 0,
        places: Places | None = None, asker: TaskAsker | None = None,
    ) -> None:  # fmt: skip
        """agents are closed by the caller, after run(). forks: so many hosts work at a time, 0 for all of a batch.

        places: where hosts are worked on; with the agents, in this process, unless said. Closed by the caller.
        asker: asks before each task whether it shall run (`--step`).
        """
        self._forks = forks
        self._asker = asker
        self._plan = plan
        self._agents = agents
        self._places = places or Here(agents)
        self._services = services
        self._events = events
        self._lost: set[str] = set()
        self._interrupted = False
        # Hosts that failed in the batch that runs; counts when `clear_host_errors` forgave all failures before.
        self._failed: set[str] = set()
        self._forgiven: dict[str, dict[str, int]] = {}
        self._root = needs_root(plan)
        # host -> name -> value on the wire: what hosts registered that plays read of other hosts.
        self._learnt: dict[str, dict[str, Any]] = {}
        self._program: dict[str, Any] = {}
        self._delegates = Delegates(plan, agents, services, self._learnt)

    def run(self) -> Outcome:
        """Run every play. Ctrl-C lets each host end its step, then stops."""
        try:
            plays = list(self._plan.plays)
            for place in range(len(plays)):
                if not self._play(plays[place], last=place + 1 == len(plays)):
                    break
                plays[place + 1:] = self._grown(place + 1) or plays[place + 1:]
        except KeyboardInterrupt:
            return Outcome(self._events.counts, interrupted=True)
        return Outcome(self._events.counts, forgiven=self._forgiven)

    def _grown(self, first: int) -> Sequence[PlayPlan]:
        """The plays from this one on, when hosts or groups joined meanwhile; empty when none did."""
        plays = self._plan.growing.later(first) if self._plan.growing is not None else None
        for play in plays or ():
            self._events.know(play.steps)
        return plays or ()

    def _play(self, play: PlayPlan, last: bool) -> bool:
        """False when a whole batch is lost: as in Ansible, no play after it runs, on no host."""
        alive = [name for batch in play.batches for name in batch if name not in self._lost]
        self._events.emit("play", name=play.name, hosts=alive, steps=len(play.steps))
        for number, batch in enumerate(play.batches):
            hosts = tuple(name for name in batch if name not in self._lost)
            if not hosts:
                continue
            if number:
                self._events.emit("batch", name=play.name)
            gates = Gates(hosts, self._forks, [name for name in play.hosts if name not in self._lost])
            if not self._batch(play, hosts, gates):
                if number + 1 < len(play.batches):
                    rest = "the batches after this one" if last else "the batches and plays after this one"
                    reason = f"too many hosts failed, so {rest} did not start"
                    self._events.emit("stopped", play=play.name, reason=reason)
                self._lost.update(name for rest in play.batches for name in rest)
                if self._lost.issuperset(hosts):
                    self._events.emit("nobody_left", last=last, too_many=gates.aborted == TOO_MANY)
                return False
            if gates.over:
                break
        return True

    def _batch(self, play: PlayPlan, hosts: tuple[str, ...], gates: Gates) -> bool:
        """Run one batch; False when so many hosts failed that the play must not go on."""
        alone = len(hosts) == 1  # it has nobody to wait for
        if self._asker is not None:
            self._asker.begin()
        lockstep = self._asker is not None or (play.program.lockstep and not alone)
        wire = to_wire(replace(play.program, lockstep=lockstep))
        program = self._same({"play": wire, "ahead": ahead_of(play, self._services)})
        failed = self._failed
        failed.clear()

        def on_failure(name: str) -> None:
            failed.add(name)
            # As in Ansible, of hosts whose handlers run all the same not too many can fail.
            most = 100 if play.program.force_handlers else play.max_fail_percentage
            too_many = 100.0 * len(failed) / len(hosts) > most
            if too_many or play.any_errors_fatal or gates.fatal:
                gates.abort(TOO_MANY if too_many else f"{name} failed and the play stops on errors")
                if not play.program.lockstep:  # else each host ends its step and stops at the next gate
                    self._places.stop()

        expect_threads(len(hosts))
        with ThreadPoolExecutor(max_workers=len(hosts), thread_name_prefix="host") as pool:
            jobs = [partial(self._host, play, name, program, gates, on_failure) for name in hosts]
            self._wait(pool, jobs, gates)
        self._lost.update(failed)
        return not gates.aborted and len(failed) < len(hosts)

    def _same(self, program: dict[str, Any]) -> dict[str, Any]:
        """The program of the batch before when this one is equal: workers and replays keep each that they are given."""
        if program != self._program:
            self._program = program
        return self._program

    def _wait(self, pool: Executor, jobs: Sequence[Callable[[], None]], gates: Gates) -> None:
        together = Together(pool, jobs)
        try:
            together.wait()
        except KeyboardInterrupt:
            self._interrupted = True
            gates.abort("interrupted")
            message = "each host ends its current step; press Ctrl-C again not to wait for that"
            try:  # the second Ctrl-C may come at once
                self._events.emit("interrupt", message=message)
                self._places.stop()
                together.wait(GRACE_SECONDS)
            finally:
                self._places.close()
            raise
        together.check()

    def _host(
        self, play: PlayPlan, name: str, program: Any, gates: Gates, on_failure: Callable[[str], None]
    ) -> None:
        gates.enter(name)
        succeeded: bool | None = None
        try:
            succeeded = self._worked(play, name, program, gates)
            if succeeded is not None:
                self._events.emit("host_done", host=name, succeeded=succeeded)
            if succeeded is False:
                on_failure(name)
        finally:
            gates.leave(name, failed=succeeded is False)

    def _worked(self, play: PlayPlan, name: str, program: Any, gates: Gates) -> bool | None:
        """Whether no step failed; None when the play was stopped before the host could say."""
        try:
            return self._segment(play, name, program, gates)
        except Unreachable as error:
            self._places.forget(name)
            if self._interrupted or (gates.aborted and not play.program.lockstep):  # its agent was asked to stop
                return None
            self._events.emit("unreachable", host=name, **_described(error))
        except ClusterbookError as error:
            if gates.aborted:
                return None
            self._events.emit("failure", host=name, **_described(error))
        except Exception as error:  # whatever it is that one host's words do here, the others go on
            self._places.forget(name)
            self._events.emit("failure", host=name, **_described(_unforeseen(name, error)))
        return False

    def _segment(self, play: PlayPlan, name: str, program: Any, gates: Gates) -> bool:
        part = replace(play.parts[name], given=self._delegates.given(name))
        segment = Segment(play.hosts[name], self._root(name), program, to_wire(part))
        answers = Answers(
            play, name, gates, self._services, self._delegates.of, self._learnt, self._events.know, self._asker,
            self._delegates.given, lambda text: self._events.emit("warning", host=name, msg=text))

        def take(messages: Sequence[dict[str, Any]]) -> None:
            for message in messages:
                emit(dict(message))

        def emit(message: dict[str, Any]) -> None:
            kind = str(message.pop("type"))
            if kind == "learnt":
                self._learnt.setdefault(name, {})[str(message["name"])] = message["value"]
                return
            if kind in ("end_play", "fatal", "clear_host_errors"):
                if answers.speaks_for_all(kind, int(message["id"])):
                    self._steer(kind, gates)
                return
            step = message.get("id")
            if step in answers.files.secretive:
                if kind == "output":
                    return
                message = concealed(message) if kind == "result" else message
            message.pop("id", None)
            details = {} if step is None else {"step": step}
            self._events.emit(kind, host=name, **details, **message)

        return self._places.run(segment, take, answers)

    def _steer(self, kind: str, gates: Gates) -> None:
        """What a host says for the whole play, because its steps say so."""
        if kind == "end_play":
            gates.over = True
        elif kind == "fatal":
            gates.fatal = True
        else:
            self._lost.clear()
            self._failed.clear()
            self._forgiven = {host: dict(counts) for host, counts in self._events.counts.items()}


def _unforeseen(host: str, error: Exception) -> Failed:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return Failed(
        f"{host}: what it said could not be dealt with: {type(error).__name__}: {str(error)[:500]} "
        f"({Path(where.filename).name}:{where.lineno})",
        next_step="this is a bug in clusterbook, or the host is in other hands: report it, and look at the host",
    )


def _described(error: ClusterbookError) -> dict[str, Any]:
    return {"msg": error.message, "next_step": error.next_step}
