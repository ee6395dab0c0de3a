"""Warm children that look: one a user for a whole play. What only looks needs no process of its own.

A fork of the agent costs several milliseconds of processor once the child touches its memory, and most steps of most
runs find nothing to change. So a module observes and compares in a child that is kept. At the moment in which it would
change the host (`System.before_change`) that child forks: the new process, a session of its own, makes the change and
ends with the step, so nothing that a change leaves in memory reaches a later step. What looking leaves is nothing: a
fresh `System` is made for each step, its programs are processes of their own, and modules have no state. Steps with an
environment of their own, and modules that always act (command …), get a fork of the agent itself.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
from typing import Any, Callable, Dict, Optional

from clusterbook.agent.identity import UnknownUser, become, enter_home, login_user
from clusterbook.agent.link import Link, pair, trace
from clusterbook.agent.processes import end_tree
from clusterbook.language.runtime import Call, Refused, Stopped
from clusterbook.modules import registry
from clusterbook.modules.contract import Outcome
from clusterbook.modules.perform import perform
from clusterbook.modules.system import System
from clusterbook.records import dataclass

SystemFor = Callable[[Callable[..., Any], Call], System]
ResultOf = Callable[[Outcome], Dict[str, Any]]
_FIELDS = ("step", "module", "arguments", "user", "notify", "item", "shown", "diff", "tells_arguments")


class Handed(BaseException):
    """The step goes on in a process of its own. child: its id."""

    def __init__(self, child: int) -> None:
        super().__init__(child)
        self.child = child


@dataclass
class Observer:
    """A child that works on a step, seen from the agent. changing: the process that carries out the change, or 0."""

    pid: int
    link: Link
    changing: int = 0
    dead: bool = False

    def end(self) -> None:
        """Kill it with all that it has started; returns when both of its processes are gone."""
        self.dead = True
        end_tree(self.pid)
        with contextlib.suppress(Stopped):
            while True:  # its end closes with the last process that has it
                self.link.receive()


class Observers:
    """The warm children of a play by user."""

    def __init__(self, live: SystemFor, result_of: ResultOf) -> None:
        """live(ask, call) makes the System of a step, result_of(outcome) its result; both run in the child."""
        self._live = live
        self._result_of = result_of
        self._known: Dict[str, Observer] = {}

    def begin(self, call: Call) -> Optional[Observer]:
        """Give the step to a child of its user; None when it needs a process of its own from the start."""
        if call.environment or not _only_looks_first(call.module):
            return None
        try:
            order = marshal.dumps(tuple(_plain(getattr(call, name)) for name in _FIELDS))
        except ValueError:  # a value of a type that only this process knows
            return None
        user = call.user or ""
        observer = self._known.get(user)
        if observer is None:
            observer = self._known[user] = self._start(user)
        observer.changing = 0
        observer.link.send(order)
        return observer

    def forget(self, observer: Observer) -> None:
        """It died, or was ended: the next step of its user gets a new one."""
        for user, known in list(self._known.items()):
            if known is observer:
                del self._known[user]
        observer.link.close()
        os.waitpid(observer.pid, 0)

    def leave(self) -> None:
        """In a fork of the agent: their connections are not its own, and they must see when the agent has ended."""
        for observer in self._known.values():
            observer.link.close()

    def close(self) -> None:
        """The play is over."""
        for observer in list(self._known.values()):
            self.forget(observer)

    def _start(self, user: str) -> Observer:
        ours, theirs = pair()
        child = os.fork()
        if child == 0:
            ours.close()
            self._serve(user, theirs)
        theirs.close()
        return Observer(child, ours)

    def _serve(self, user: str, link: Link) -> None:
        """Never returns."""
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self.leave()
            refusal = _become(user)
            while True:
                told = marshal.loads(link.receive())  # noqa: S302 - of the agent itself
                call = Call(**dict(zip(_FIELDS, told)))
                if refusal:
                    link.send({"outcome": {"failed": True, "changed": False, "msg": refusal}})
                else:
                    self._look(call, link)
        finally:
            os._exit(0)

    def _look(self, call: Call, link: Link) -> None:
        system = self._live(link.ask, call)
        system.before_change = lambda: _hand_over(call, link)
        if call.shown:
            system.tell = lambda lines, left_out: link.send({"output": lines, "left_out": left_out})
        looker = os.getpid()
        try:
            link.send({"outcome": self._result_of(perform(call.module, dict(call.arguments), system, False))})
        except Handed as handed:
            _, status = os.waitpid(handed.child, 0)
            if status:
                link.send({"killed": True})
        except Refused as refusal:
            link.send({"outcome": {"failed": True, "changed": False, "msg": str(refusal)}})
        except Stopped:
            os._exit(2)
        except BaseException:
            link.send({"crash": trace()})
        if os.getpid() != looker:
            os._exit(0)


def _hand_over(call: Call, link: Link) -> None:
    """Called just before the host is changed: go on in a fork, and wait for its end in this process.

    The agent must know the new process before it changes anything, to be able to end it.
    """
    child = os.fork()
    if child:
        raise Handed(child)
    os.setsid()
    link.ask("change", process=os.getpid(), mark=bool(call.notify))


def _become(user: str) -> str:
    """Turn into the user for good; says why that cannot be."""
    try:
        become(user or login_user())
    except UnknownUser as error:
        return str(error)
    enter_home()
    return ""


def _only_looks_first(module: str) -> bool:
    return registry.kind(module) in ("state", "query")


def _plain(value: Any) -> Any:
    """Mappings of any kind as what marshal knows."""
    return dict(value) if isinstance(value, dict) else value
