"""Runs plays: joins the interpreter to the connection, the host and the modules."""

from __future__ import annotations

import select
from dataclasses import replace
from typing import Any, Callable, Optional

from clusterbook.agent.link import Link, trace
from clusterbook.agent.marks import Marks
from clusterbook.agent.masking import Mask
from clusterbook.agent.performer import Performer, result_of
from clusterbook.agent.record import Record
from clusterbook.language.interpreter import Interpreter
from clusterbook.language.program import HostPart, Program
from clusterbook.language.runtime import Call, Refused, Stopped
from clusterbook.language.state import HostState
from clusterbook.language.values import encode
from clusterbook.modules.perform import perform
from clusterbook.modules.registry import load
from clusterbook.modules.system import Source, System
from clusterbook.modules.system.predicted import PredictedSystem


class PlayRuntime:
    """language.runtime.Runtime on a host."""

    def __init__(
        self, link: Link, program: Program, state_directory: str, predicted: PredictedSystem, record: Record
    ) -> None:
        """state_directory: the agent's own directory on the host; predicted: what all plays of a check share."""
        self._link = link
        self._marks = Marks(state_directory, program.key)
        self._mask = Mask()
        self._directory = state_directory
        self._record = record
        self._performer = Performer(link, self._marks, self._live, self._tell, record.add)
        self._current: Optional[Call] = None
        self._predicted = predicted
        predicted.source = self._source

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
        answer = self._link.ask(kind, number=self._record.number(), **question)
        if kind == "secret":
            self._mask.add(str(answer))
        return answer

    def perform(self, call: Call) -> dict[str, Any]:
        """Run a module: in a fork, or in check mode here, where it can only read."""
        if self._link.stopping or self._link.lost:
            raise Stopped("the run is over here")
        if not call.check:
            return self._record.known() or self._performer.run(call)
        self._current = call
        self._link.flush()
        try:
            return result_of(perform(call.module, dict(call.arguments), self._predicted, True))
        except Refused as refusal:
            return {"failed": True, "changed": False, "msg": str(refusal)}
        except Exception:
            return {"failed": True, "changed": False, "msg": "the module crashed; this is a bug",
                    "stderr": trace()}

    def close(self) -> None:
        """The play is over: its processes end."""
        self._performer.close()

    def pause(self, seconds: float) -> None:
        """Wait; a stop, or the end of the connection, ends it."""
        if select.select([self._link.input_descriptor], [], [], max(0.0, seconds))[0]:
            self._link.receive()
            raise Stopped("the local machine asked to stop")

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
        return System(
            source=lambda name: _source(ask, call, name),
            sign=lambda key: str(ask("sign", step=call.step, item=call.item, public_key=key)),
            state_directory=self._directory,
            deliver=lambda what: dict(ask("fetch", step=call.step, item=call.item, **what)),
        )

    def _source(self, name: str) -> Source:
        assert self._current is not None
        return _source(self._link.ask, self._current, name)


def _source(ask: Callable[..., Any], call: Call, name: str) -> Source:
    about = ask("source", step=call.step, name=name)
    return Source(
        name=name,
        kind=about["kind"],
        mode=about["mode"],
        size=about["size"],
        sha256=about["sha256"],
        entries=tuple(about["entries"]),
        read=lambda: bytes(ask("content", step=call.step, name=name)),
        sha1=about.get("sha1", ""),
    )


def run_play(link: Link, program: Program, host: HostPart, state: HostState, predicted: PredictedSystem,
             record: Record) -> bool:
    """Run one play; True when no step failed. state and predicted outlive it: later plays see what it did."""
    for name in program.modules:
        load(name)
    own = replace(program, key=f"{program.key}@{host.name}")  # several hosts of an inventory may be one machine
    runtime = PlayRuntime(link, own, predicted.state_directory, predicted, record)
    try:
        return Interpreter(program, host, state, runtime).run()
    finally:
        runtime.close()
