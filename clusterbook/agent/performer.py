"""Runs each module in a fork of the warm agent, so no state leaks from one step to the next."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
import traceback
from dataclasses import asdict
from typing import Any, Callable, Optional

from clusterbook.agent.identity import UnknownUser, become, enter_home, login_user
from clusterbook.agent.link import Link
from clusterbook.agent.marks import Marks
from clusterbook.language.runtime import Call, Refused, Stopped
from clusterbook.language.values import encode
from clusterbook.modules.contract import Outcome
from clusterbook.modules.perform import perform
from clusterbook.modules.system import System

CHUNK = 1024 * 1024
ONLY_WAIT = ("ansible.builtin.wait_for",)
SystemFor = Callable[[Callable[..., Any], Call], System]


class Performer:
    """Forks, relays the child's questions, enforces the step's time limit."""

    def __init__(self, link: Link, marks: Marks, live: SystemFor, emit: Callable[[dict[str, Any]], None]) -> None:
        """live(ask, call) makes the System that a child works with; emit sends an event, masked."""
        self._link = link
        self._marks = marks
        self._live = live
        self._emit = emit

    def run(self, call: Call) -> dict[str, Any]:
        """Run one module for real; returns its result. Raises Stopped after a stop was asked and the step ended."""
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            ours.close()
            self._child(call, Link(theirs.fileno(), theirs.fileno()))
        theirs.close()
        try:
            result = self._parent(call, child, Link(ours.fileno(), ours.fileno()))
        finally:
            ours.close()
        if self._link.stopping:
            raise Stopped("the local machine asked to stop")
        return result

    def _child(self, call: Call, link: Link) -> None:
        """Never returns."""
        status = 1
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            link.send({"outcome": _outcome_in_child(call, link, self._live)})
            status = 0
        except Stopped:
            status = 2
        except BaseException:
            link.send({"crash": traceback.format_exc()})
        finally:
            os._exit(status)

    def _parent(self, call: Call, child: int, link: Link) -> dict[str, Any]:
        deadline = time.monotonic() + call.timeout if call.timeout else None
        added: list[str] = []
        try:
            while True:
                if not self._wait(call, link, deadline):
                    if self._link.stopping:
                        os.kill(child, signal.SIGKILL)
                        return {"failed": True, "changed": False, "msg": "the wait was cut off: the run was stopped"}
                    os.killpg(child, signal.SIGKILL)
                    return {"failed": True, "changed": False, "timedout": {"period": call.timeout},
                            "msg": f"the step took longer than its timeout of {call.timeout:g} s and was ended"}
                message = link.receive()
                if "outcome" in message:
                    result: dict[str, Any] = message["outcome"]
                    self._unmark(result, added)
                    return result
                if "crash" in message:
                    return {"failed": True, "changed": False, "msg": "the module crashed; this is a bug",
                            "stderr": message["crash"]}
                self._answer(link, message, call, added)
        except Stopped:
            return {"failed": True, "changed": False, "msg": "the step's process was killed"}
        finally:
            os.waitpid(child, 0)

    def _answer(self, link: Link, message: dict[str, Any], call: Call, added: list[str]) -> None:
        if "output" in message:
            self._emit({"type": "output", "id": call.step, "lines": message["output"], "left_out": message["left_out"]})
            return
        if "mark" in message:
            added.extend(name for name in call.notify if self._marks.add(name))
            link.send({"value": True})
            return
        try:
            answer = self._link.relay(message)
        except (Refused, Stopped) as error:
            link.send({"refused": str(error)})
            return
        if not isinstance(answer, bytes):
            link.send({"value": answer})
            return
        link.send({"bytes": len(answer)})
        for start in range(0, len(answer), CHUNK):
            link.send(answer[start : start + CHUNK])

    def _unmark(self, result: dict[str, Any], added: list[str]) -> None:
        if not result.get("changed") and not result.get("failed"):
            for name in added:
                self._marks.remove(name)

    def _wait(self, call: Call, link: Link, deadline: Optional[float]) -> bool:
        """Until the child says something; notes a stop or the end of the connection meanwhile.

        False when its time is over, or when it only waits and a stop has come: that changes nothing on the host.
        """
        while True:
            watched = [link.input_descriptor] + ([] if self._link.stopping else [self._link.input_descriptor])
            remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select(watched, [], [], remaining)
            if link.input_descriptor in ready:
                return True
            if self._link.input_descriptor in ready:
                self._note_stop()
                if call.module in ONLY_WAIT:
                    return False
            elif deadline is not None and time.monotonic() >= deadline:
                return False

    def _note_stop(self) -> None:
        with contextlib.suppress(Stopped):
            self._link.receive()
        self._link.stopping = True


def _outcome_in_child(call: Call, link: Link, live: SystemFor) -> dict[str, Any]:
    system = live(link.ask, call)
    try:
        become(call.user or login_user())
    except UnknownUser as error:
        return {"failed": True, "changed": False, "msg": str(error)}
    enter_home()
    os.environ.update(call.environment)

    if call.shown:
        system.tell = lambda lines, left_out: link.send({"output": lines, "left_out": left_out})
    if call.notify:
        system.before_change = lambda: link.ask("mark", mark=True)
    try:
        return result_of(perform(call.module, dict(call.arguments), system, False))
    except Refused as refusal:
        return {"failed": True, "changed": False, "msg": str(refusal)}


def result_of(outcome: Outcome) -> dict[str, Any]:
    """A module's outcome -> the value that `register` keeps, with 'changes' for the report."""
    result: dict[str, Any] = {**outcome.values, "changed": outcome.changed}
    if outcome.failed or "failed" not in result:
        result["failed"] = outcome.failed
    if outcome.message:
        result["msg"] = outcome.message
    for name in ("unknown", "skipped"):
        if getattr(outcome, name):
            result[name] = True
    if outcome.next_step:
        result["next_step"] = outcome.next_step
    if outcome.changes:
        result["changes"] = [asdict(change) for change in outcome.changes]
    return dict(encode(result))
