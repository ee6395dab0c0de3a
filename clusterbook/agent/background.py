"""`async` and `poll`: starts a step as a job, and waits for it when the play wants to."""

from __future__ import annotations

import hashlib
import json
import math
import time
from typing import Any, Callable, Dict

from clusterbook.agent.jobs import Jobs
from clusterbook.agent.link import Link
from clusterbook.agent.supervisor import TIMED_OUT
from clusterbook.language.runtime import Call

Result = Dict[str, Any]
# Modules that talk to the local machine while they run, or that end the connection: as in Ansible, none of them.
NOT_ASYNC = frozenset(f"ansible.builtin.{name}" for name in (
    "copy", "template", "script", "fetch", "unarchive", "assemble", "raw", "reboot", "wait_for_connection",
    "async_status",
)) | {"certificate"}
# Ansible looks at a job that nobody waits for so often whether its time is over: `async: 1` has so many seconds, and
# plays rely on it (`sleep 2; reboot`).
GRAIN = 5.0
# The first looks at a job come soon, for it may be short (seconds).
FIRST_LOOK, LONGEST_LOOK = 0.05, 1.0


class Background:
    """Runs calls with run_async."""

    def __init__(self, link: Link, jobs: Jobs, play: str, emit: Callable[[Result], None]) -> None:
        """play: the play's key; emit: tells the local machine what happens."""
        self._link, self._jobs, self._play, self._emit = link, jobs, play, emit

    def run(self, call: Call, work: Callable[[], Result]) -> Result:
        """Start the job, or find the one that a run which died was waiting for; its result when poll is above 0."""
        if call.module in NOT_ASYNC:
            name = call.module.rpartition(".")[2]
            return {"failed": True, "changed": False, "msg": f"This action ({name}) does not support async."}
        waits = call.poll > 0
        identity = _identity(self._play, call) if waits else ""
        found = self._jobs.unfinished(identity) if waits else None
        if found is None:
            result = self._jobs.start(identity, call.run_async if waits else lenient(call.run_async), work)
            found = str(result["ansible_job_id"])
            self._emit({"type": "job", "id": call.step, "jid": found, "results_file": result["results_file"]})
            if not waits:
                return result
        else:
            self._emit({"type": "job", "id": call.step, "jid": found, "found": True})
        return self._wait(call, found)

    def _wait(self, call: Call, jid: str) -> Result:
        began = self._jobs.started(jid)
        look, told = FIRST_LOOK, time.monotonic()
        while True:
            status = self._jobs.status(jid)
            if status["finished"]:
                self._jobs.cleanup(jid)
                return _too_late(status, call.run_async) if status.get("msg") == TIMED_OUT else status
            self._link.pause(min(look, call.poll))  # the job runs on when it is ended; a later run finds it
            look = min(look * 2, LONGEST_LOOK)
            if time.monotonic() - told >= call.poll:
                told = time.monotonic()
                self._emit({"type": "waiting", "id": call.step, "jid": jid, "seconds": round(time.time() - began, 1),
                            "limit": call.run_async})


def lenient(limit: float) -> float:
    """The seconds after which such a job is ended."""
    return math.ceil(limit / GRAIN) * GRAIN


def _too_late(status: Result, limit: float) -> Result:
    """What Ansible tells of a job for which a step waited in vain: how it was found the last time."""
    message = f"async task did not complete within the requested time - {limit:g}s"
    left = {name: status[name] for name in status if name not in ("failed", "changed", "msg", "child_pid")}
    return {"failed": True, "changed": False, "msg": message, "async_result": {**left, "finished": False}}


def _identity(play: str, call: Call) -> str:
    parts = [play, call.module, dict(call.arguments), call.user, dict(call.environment), call.item]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
