"""Runs plays: joins the interpreter to the connection, the host and the modules."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Mapping, Optional, Sequence

from clusterbook.agent.absences import REBOOT, WAIT, Absences
from clusterbook.agent.background import Background
from clusterbook.agent.jobs import Jobs
from clusterbook.agent.link import Link, trace
from clusterbook.agent.marks import Marks
from clusterbook.agent.masking import Mask
from clusterbook.agent.performer import Performer, is_action, outcome_of, result_of
from clusterbook.agent.record import Record
from clusterbook.agent.sources import source_of
from clusterbook.agent.supplies import Supplies
from clusterbook.language.interpreter import Interpreter
from clusterbook.language.program import HostPart, Program
from clusterbook.language.runtime import Call, Refused, Stopped
from clusterbook.language.state import HostState
from clusterbook.language.values import decode, encode
from clusterbook.modules.contract import Outcome
from clusterbook.modules.perform import perform
from clusterbook.modules.registry import load
from clusterbook.modules.system import Source, System
from clusterbook.modules.system.predicted import PredictedSystem
from clusterbook.records import replace

# What in Ansible's check mode says "changed" without a look at what it needs.
FORETELLING = ("ansible.builtin.copy", "ansible.builtin.file", "ansible.builtin.template", "ansible.builtin.user",
               "ansible.posix.authorized_key")
# What these look at is the agent's own.
OF_THE_AGENT = ("ansible.builtin.async_status",)
MAY_LEAVE = (REBOOT, WAIT)


class PlayRuntime:
    """language.runtime.Runtime on a host."""

    def __init__(
        self, link: Link, key: str, state_directory: str, predicted: PredictedSystem, record: Record
    ) -> None:
        """key: of the play and its host, for what outlives a run (hosts may share a machine); state_directory: the
        agent's own directory on the host; predicted: what all plays of a check share; record: what is finished.
        """
        self._link = link
        self._marks = Marks(state_directory, key)
        self._mask = Mask()
        self._directory = state_directory
        self._record = record
        self._supplies = Supplies(link)
        self._performer = Performer(
            link, self._marks, self._live, self._tell, record.add, self._supplies.relay, record.kept)
        self._jobs = Jobs(state_directory)
        self._background = Background(link, self._jobs, key, self._tell)
        self._absences = Absences(link, record, lambda call: self._performer.run(call, kept=False))
        self._current: Optional[Call] = None
        self._predicted = predicted
        self.foresight = True

    def emit(self, event: dict[str, Any]) -> None:
        """Send an event, with every known secret masked; at once when the step now waits in this process.

        Raises Stopped when the connection is gone.
        """
        self._tell(event)
        if self._link.lost:
            raise Stopped("the connection is gone")

    def _tell(self, event: dict[str, Any]) -> None:
        waits = event["type"] == "retry" or event.pop("waits", False)
        self._link.post(self._mask.apply(encode(event)))
        if waits:
            self._link.flush()

    def ask(self, kind: str, **question: Any) -> Any:
        """Ask the local machine; secrets that it gives are masked from now on."""
        answer = self._supplies.relay({"ask": kind, "number": self._record.number(), **question})
        if kind == "secret":
            self._mask.add(str(answer))
        elif kind == "local" and answer.get("secret"):
            for value in answer["value"]:
                self._mask.add(str(value))
        return answer

    def expect(self, kind: str, step: int, names: Sequence[str]) -> None:
        """A loop will ask for these files; what is replayed asks for none."""
        if not self._record.replaying:
            self._supplies.expect(kind, step, names)

    def perform(self, call: Call) -> dict[str, Any]:
        """Run a module: in a fork, or in check mode here, where it can only read."""
        if call.item is None:
            self._supplies.begin(call.step)
        if self._link.stopping or self._link.lost:
            raise Stopped("the run is over here")
        if call.module in MAY_LEAVE and not call.run_async:
            return self._away(call)
        if not call.check and (known := self._record.known()) is not None:
            return known
        if not call.check and call.module not in OF_THE_AGENT and not call.run_async:
            return self._performer.run(call)
        result = self._in_background(call) if not call.check and call.run_async else self._in_agent(call)
        if not call.check:
            self._record.add(result)
        return result

    def _away(self, call: Call) -> dict[str, Any]:
        if not call.check:
            return self._absences.carry_out(call)
        if call.module == WAIT:
            return {"changed": False, "skipped": True, "msg": "check mode does not wait"}
        return self._in_agent(call)

    def _in_agent(self, call: Call) -> dict[str, Any]:
        self._current = call
        self._link.flush()
        try:
            return result_of(self._outcome(call))
        except Refused as refusal:
            return {"failed": True, "changed": False, "msg": str(refusal)}
        except Exception:
            return {"failed": True, "changed": False, "msg": "the module crashed; this is a bug",
                    "stderr": trace()}

    def _outcome(self, call: Call) -> Outcome:
        """What a step does on the host as the steps so far would have made it.

        Without foresight, as it is; but of a file in a directory that the play makes, or a user in its group, Ansible
        foretells a change, so the steps so far count where a step cannot be done without them. Only then those that
        would change something are done a second time, on the prediction.
        """
        source = self._remembered()
        if self.foresight or not call.check:
            return self._on(self._predicted, call, source)
        found = self._on(PredictedSystem(state_directory=self._directory), call, source)
        if is_action(call.module):
            return found
        if found.failed and call.module in FORETELLING:
            for foretell in self._predicted.owed:
                foretell()
            self._predicted.owed.clear()
            return self._on(self._predicted, call, source)
        if found.changed or found.failed:
            self._predicted.owed.append(lambda: self._foretell(call, source))
        return found

    def _foretell(self, call: Call, source: Callable[[str], Source]) -> None:
        """A step that was left out of the prediction so far, perhaps of an earlier play."""
        with contextlib.suppress(Refused):
            self._on(self._predicted, call, source)

    def _remembered(self) -> Callable[[str], Source]:
        """The files of the local machine that the present step asks for, each asked for once."""
        given: dict[str, Source] = {}

        def source(name: str) -> Source:
            if name not in given:
                given[name] = self._source(name)
            return given[name]

        return source

    def _on(self, system: PredictedSystem, call: Call, source: Callable[[str], Source]) -> Outcome:
        system.source, system.job = source, self._job
        system.tells_difference, system.tells_arguments = call.diff, call.tells_arguments
        return perform(call.module, dict(call.arguments), system, call.check)

    def close(self) -> None:
        """The play is over: its processes end."""
        self._performer.close()

    def pause(self, seconds: float) -> None:
        """Wait; a stop, or the end of the connection, ends it. What is replayed has waited."""
        if not self._record.replaying:
            self._link.pause(seconds)

    def once(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do what may come out otherwise when it is done again; a replay is given the first result."""
        known = self._record.known()
        if known is not None:
            self._record.asked = int(known["asked"])
            return dict(decode(known["result"]))
        result = work()
        self._record.add({"result": encode(result), "asked": self._record.asked})
        return result

    def _in_background(self, call: Call) -> dict[str, Any]:
        marked = self._mark(call.notify)
        result = self._background.run(call, lambda: outcome_of(replace(call, notify=()), _nobody, self._live))
        if not result.get("changed") and not result.get("failed"):
            self._unmark(marked)
        return result

    def _mark(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if self._marks.add(name)]

    def _unmark(self, names: Sequence[str]) -> None:
        for name in names:
            self._marks.remove(name)

    def _job(self, jid: str, forget: bool) -> dict[str, Any]:
        if forget and self._current is not None and self._current.check:
            return {"changed": False, "ansible_job_id": jid}
        return self._jobs.cleanup(jid) if forget else self._jobs.status(jid)

    def delegate(self, question: dict[str, Any], notify: Sequence[str]) -> dict[str, Any]:
        """Have a step run elsewhere; marks of handlers are written before it can change anything."""
        added = self._mark(notify) if question["values"] is not None and not self._record.replaying else []
        answer: dict[str, Any] = self.ask("delegate", **question)
        if "needs" in answer or not (answer.get("changed") or answer.get("failed")):
            self._unmark(added)
        return answer

    def pending(self) -> set[str]:
        """Handlers that an unfinished run left."""
        known = self._record.known()
        if known is None:
            known = {"pending": sorted(self._marks.names())}
            self._record.add(known)
        return set(known["pending"])

    def settle(self, handler: str) -> None:
        """The handler ran."""
        if not self._record.replaying:
            self._marks.remove(handler)

    def _live(self, ask: Callable[..., Any], call: Call) -> System:
        system = System(
            source=lambda name: source_of(ask, call, name),
            sign=lambda key: str(ask("sign", step=call.step, item=call.item, public_key=key, now=time.time())),
            state_directory=self._directory,
            deliver=lambda what: dict(ask("fetch", step=call.step, item=call.item, **self._handed_over(call, what))),
        )
        system.job, system.tells_difference, system.tells_arguments = self._job, call.diff, call.tells_arguments
        return system

    def _handed_over(self, call: Call, what: Mapping[str, Any]) -> dict[str, Any]:
        """Of a file that another user reads, or this machine's own, Ansible brings the content without its mode."""
        return {name: value for name, value in what.items() if name != "mode" or not (call.user or self._link.here)}

    def _source(self, name: str) -> Source:
        assert self._current is not None
        return source_of(self._ask, self._current, name)

    def _ask(self, kind: str, **question: Any) -> Any:
        """A question of a module that works in this process."""
        return self._supplies.relay({"ask": kind, **question})


def _nobody(kind: str, **question: Any) -> Any:
    """A step in the background has nobody to ask."""
    raise Refused(f"this step asks the local machine for {kind}, which a step in the background cannot")


def run_play(link: Link, program: Program, host: HostPart, state: HostState, predicted: PredictedSystem,
             record: Record) -> bool:
    """Run one play; True when no step failed. state and predicted outlive it: later plays see what it did."""
    for name in program.modules:
        load(name)
    runtime = PlayRuntime(link, f"{program.key}@{host.name}", predicted.state_directory, predicted, record)
    runtime.foresight = program.foresight
    try:
        return Interpreter(program, host, state, runtime).run()
    finally:
        runtime.close()
