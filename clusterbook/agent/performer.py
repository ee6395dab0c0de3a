"""Runs each step in a child of the warm agent, so no state leaks from one step to the next."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Any, Callable, Optional

from clusterbook.agent.identity import UnknownUser, become, becomes, enter_home, login_user
from clusterbook.agent.late import load_all
from clusterbook.agent.link import Link, pair, trace
from clusterbook.agent.marks import Marks
from clusterbook.agent.observers import Observer, Observers, SystemFor
from clusterbook.language.results import OF_PARAMETER
from clusterbook.language.runtime import Call, Refused, Stopped
from clusterbook.language.values import encode
from clusterbook.modules import registry
from clusterbook.modules.contract import Outcome
from clusterbook.modules.perform import perform
from clusterbook.records import asdict

CHUNK = 1024 * 1024
KILLED = {"failed": True, "changed": False, "msg": "the step's process was killed"}
ONLY_WAIT = ("ansible.builtin.wait_for",)
# Seconds that a step at work may go on once the connection has ended. A command may never end by itself, and what only
# looks has nothing to lose. A change of the host is better whole, as an upgrade of all packages: it is let finish, as
# long as its own program and the step's `timeout` let it; the last limit is for what hangs, and would keep the host.
COMMAND_SECONDS = 10.0
CHANGE_SECONDS = 3600.0
# A change that is made each time, by a program that ends by itself.
CHANGING = ("ansible.builtin.pip",)
Ask = Callable[..., Any]


class Performer:
    """Gives each step to a process, relays its questions, enforces the step's time limit."""

    def __init__(self, link: Link, marks: Marks, live: SystemFor, emit: Callable[[dict[str, Any]], None],
                 finished: Callable[[dict[str, Any]], None] = lambda result: None,
                 relay: Optional[Callable[[dict[str, Any]], Any]] = None,
                 awaited: Callable[[], bool] = lambda: False) -> None:
        """live(ask, call) makes the System that a child works with; emit sends an event, masked.

        finished(result) is told of every step that ended by itself, also of one after which Stopped is raised.
        relay(question) answers what a child asks, the local machine alone when there is none. awaited(): another agent
        of the run goes on here when the connection is lost, with what the step at work then will have done.
        """
        self._awaited = awaited
        # The local machine asked to stop; when the connection was found to have ended.
        self._told = False
        self._lost_at: Optional[float] = None
        self._relay = relay or link.relay
        self._finished = finished
        self._cut = False
        self._link = link
        self._marks = marks
        self._live = live
        self._emit = emit
        self._observers = Observers(live, result_of)

    def run(self, call: Call, kept: bool = True) -> dict[str, Any]:
        """Run one module for real; returns its result. Raises Stopped after a stop was asked and the step ended.

        kept: it is a step by itself, not a part of one.
        """
        self._cut = False
        if becomes(call.user or login_user()):
            load_all()  # once, and not in each child that becomes the user
        observer = self._observers.begin(call)
        result = self._forked(call) if observer is None else self._observed(call, observer)
        if kept and not self._cut:
            self._finished(result)
        if self._link.stopping:
            raise Stopped("the local machine asked to stop")
        return result

    def close(self) -> None:
        """The play is over."""
        self._observers.close()

    def _observed(self, call: Call, observer: Observer) -> dict[str, Any]:
        try:
            return self._follow(call, observer)
        except Stopped:
            observer.dead = True
            return dict(KILLED)
        finally:
            if observer.dead:
                self._observers.forget(observer)

    def _forked(self, call: Call) -> dict[str, Any]:
        self._link.flush()  # such a step may take the host down
        ours, theirs = pair()
        child = os.fork()
        if child == 0:
            ours.close()
            self._child(call, theirs)
        theirs.close()
        watched = Observer(child, ours)
        try:
            return self._follow(call, watched)
        except Stopped:
            return dict(KILLED)
        finally:
            os.waitpid(child, 0)
            ours.close()

    def _child(self, call: Call, link: Link) -> None:
        """Never returns."""
        status = 1
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._observers.leave()
            told = link.send if call.shown else None
            link.send({"outcome": outcome_of(call, link.ask, self._live, told)})
            status = 0
        except Stopped:
            status = 2
        except BaseException:
            link.send({"crash": trace()})
        finally:
            os._exit(status)

    def _follow(self, call: Call, child: Observer) -> dict[str, Any]:
        """Until the step has a result. Raises Stopped when the child died."""
        deadline = time.monotonic() + call.timeout if call.timeout else None
        added: list[str] = []
        while True:
            if not self._wait(call, child.link, deadline):
                child.end()
                if self._link.stopping:
                    self._cut = True
                    return {"failed": True, "changed": False, "msg": "the wait was cut off: the run was stopped"}
                return {"failed": True, "changed": False, "timedout": {"period": call.timeout},
                        "msg": f"Timed out after {call.timeout:g} second(s); the step was ended."}
            message = child.link.receive()
            if "outcome" in message:
                result: dict[str, Any] = message["outcome"]
                self._unmark(result, added)
                return result
            if "crash" in message:
                return {"failed": True, "changed": False, "msg": "the module crashed; this is a bug",
                        "stderr": message["crash"]}
            if "killed" in message:
                return dict(KILLED)
            child.changing = int(message.get("process", child.changing))
            self._answer(child.link, message, call, added)

    def _answer(self, link: Link, message: dict[str, Any], call: Call, added: list[str]) -> None:
        if "output" in message:
            self._emit({"type": "output", "id": call.step, "lines": message["output"], "left_out": message["left_out"]})
            return
        if "mark" in message:
            try:
                if message["mark"]:
                    added.extend(name for name in call.notify if self._marks.add(name))
                link.send({"value": True})
            except Refused as refusal:
                link.send({"refused": str(refusal)})
            return
        try:
            answer = self._relay(message)
        except (Refused, Stopped) as error:
            self._cut = self._cut or isinstance(error, Stopped)
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

        False when its time is over: its own, that of a step without a connection, or, when it only waits, at a stop:
        that changes nothing on the host.
        """
        while True:
            watched = [link.input_descriptor] + ([] if self._link.lost else [self._link.input_descriptor])
            patience = self._link.patience()
            ends = [end for end in (deadline, self._end_alone(call)) if end is not None]
            remaining = max(0.0, min(ends) - time.monotonic()) if ends else None
            if remaining == 0.0:
                return False
            limits = [limit for limit in (remaining, patience) if limit is not None]
            ready, _, _ = select.select(watched, [], [], min(limits, default=None))
            if not ready and patience is not None:
                self._link.flush()
            if link.input_descriptor in ready:
                return True
            if self._link.input_descriptor in ready:
                self._note_stop()
                if call.module in ONLY_WAIT:
                    return False

    def _end_alone(self, call: Call) -> Optional[float]:
        """When a step is ended because nobody is connected; None while somebody is, or will be."""
        if not self._link.lost or (self._awaited() and not self._told):
            return None
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        return self._lost_at + (CHANGE_SECONDS if changes_host(call.module) else COMMAND_SECONDS)

    def _note_stop(self) -> None:
        with contextlib.suppress(Stopped):
            self._link.receive()
            self._told = True
        self._link.stopping = True


def changes_host(module: str) -> bool:
    """Whether a step of it, once begun, is better whole."""
    return registry.kind(module) == "state" or module in CHANGING


def is_action(module: str) -> bool:
    """Whether the module always acts, as commands do."""
    return registry.kind(module) == "action"


def outcome_of(
    call: Call, ask: Ask, live: SystemFor, told: Optional[Callable[[dict[str, Any]], None]] = None
) -> dict[str, Any]:
    """In a fork: become the step's user and run the module.

    ask: puts its questions to the agent; told: takes what long programs say.
    """
    system = live(ask, call)
    try:
        become(call.user or login_user())
    except UnknownUser as error:
        return {"failed": True, "changed": False, "msg": str(error)}
    enter_home()
    os.environ.update(call.environment)

    if told is not None:
        send = told
        system.tell = lambda lines, left_out: send({"output": lines, "left_out": left_out})
    if call.notify:
        system.before_change = lambda: ask("mark", mark=True)
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
    if outcome.parameter:
        result[OF_PARAMETER] = outcome.parameter
    if outcome.changes:
        result["changes"] = [asdict(change) for change in outcome.changes]
    return dict(encode(result))
