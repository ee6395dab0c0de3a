"""Where the agent starts: takes over the standard descriptors, says hello, runs what it is sent, one by one."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from clusterbook.agent.identity import login_user
from clusterbook.agent.link import Link, trace
from clusterbook.agent.lock import HostLock
from clusterbook.agent.plays import PlayRuntime, run_play
from clusterbook.agent.record import Record
from clusterbook.language.program import Program, from_wire
from clusterbook.language.runtime import Call, Refused, Stopped
from clusterbook.language.state import HostState
from clusterbook.language.values import decode
from clusterbook.modules.perform import operating_system_step, operating_system_words
from clusterbook.modules.system.predicted import PredictedSystem


def state_directory() -> str:
    """Root's in /var/lib, everybody else's in their home."""
    if os.geteuid() == 0:
        return "/var/lib/clusterbook/agent"
    return os.path.join(os.path.expanduser("~"), ".local", "state", "clusterbook", "agent")


def main() -> None:
    """Serve one connection until it ends."""
    link = _take_descriptors()
    lock = HostLock(state_directory())
    state = HostState()
    predicted = PredictedSystem(state_directory=state_directory())
    record = Record()
    signal.signal(signal.SIGTERM, lambda number, frame: link.cut())
    try:
        while True:
            message = link.receive()
            if "hello" in message:
                _hello(link, lock, message["hello"], record)
            elif "play" in message:
                _guarded(link, lambda message=message: _play(link, message, state, predicted, record))
            elif "call" in message:
                _guarded(link, lambda message=message: _call(link, message, predicted))
            else:
                break
            if link.stopping:
                break
    except Stopped:
        pass
    if link.lost:
        record.save()
    else:
        record.drop()


def _take_descriptors() -> Link:
    """Commands must neither read the connection nor write into it."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return Link(incoming, outgoing)


def _hello(link: Link, lock: HostLock, greeting: dict[str, Any], record: Record) -> None:
    known, link.here = True, bool(greeting.get("here"))
    if greeting.get("keep"):
        about = (str(greeting.get("run")), str(greeting.get("host")), bool(greeting.get("continues")))
        known = record.open(state_directory(), bytes.fromhex(greeting["keep"]), *about)
    try:
        holder = lock.take(greeting) if greeting.get("lock") else None
    except OSError as error:
        link.send({"crash": operating_system_words(error), "next_step": operating_system_step(error)})
        return
    link.send({
        "ready": holder is None,
        "held": holder,
        "known": known,
        "user": login_user(),
        "uid": os.geteuid(),
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
    })


def _play(
    link: Link, message: dict[str, Any], state: HostState, predicted: PredictedSystem, record: Record
) -> None:
    program: Program = from_wire(message["play"])
    # Steps on the local machine itself may change its files: they ask for each when they need it.
    link.ahead = message.get("ahead", {}) if not link.here else {}
    record.begin()
    succeeded = run_play(link, program, from_wire(message["host"]), state, predicted, record)
    link.send({"done": True, "succeeded": succeeded})


def _call(link: Link, message: dict[str, Any], predicted: PredictedSystem) -> None:
    """One module for another host (delegate_to)."""
    runtime = PlayRuntime(link, str(message.get("key", "")), predicted.state_directory, predicted, Record())
    call = {**message["call"], "arguments": decode(message["call"]["arguments"])}
    try:
        link.send({"value": runtime.perform(Call(**call))})
    finally:
        runtime.close()


def _guarded(link: Link, run: Any) -> None:
    try:
        run()
    except Stopped:
        raise
    except Refused as refusal:
        link.send({"crash": str(refusal), "refused": True})
    except Exception:
        link.send({"crash": trace()})
