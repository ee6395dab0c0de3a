"""A process beside the agent that runs one piece of work, keeps its time limit and notes its result."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
import traceback
from typing import Any, Callable, Dict

from clusterbook.agent.processes import end_tree

Result = Dict[str, Any]
MOST_DESCRIPTORS = 65536
# Ansible's words for a job that was ended at its limit.
TIMED_OUT = "Timeout exceeded"


def supervise(lock: int, limit: float, work: Callable[[], Result], note: Callable[[Result], None]) -> None:
    """Fork twice and return. lock: the descriptor that only the supervisor keeps; note: called with the result."""
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        _detach(lock)
        note(_watched(lock, limit, work))
    except BaseException:
        with contextlib.suppress(BaseException):
            note({"failed": True, "changed": False, "msg": "the job's supervisor crashed; this is a bug",
                  "stderr": traceback.format_exc()})
    finally:
        os._exit(0)


def _detach(keep: int) -> None:
    """Neither the connection nor the host's lock may live on in here."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.closerange(3, keep)
    os.closerange(keep + 1, MOST_DESCRIPTORS)


def _watched(lock: int, limit: float, work: Callable[[], Result]) -> Result:
    readable, writable = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.close(lock)
        os.close(readable)
        _work(writable, work)
    os.close(writable)
    deadline = time.monotonic() + limit
    parts = []
    while True:
        ready, _, _ = select.select([readable], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            end_tree(worker)
            os.waitpid(worker, 0)
            nothing = {"stdout": "", "stdout_lines": [], "stderr": "", "stderr_lines": []}
            return {"failed": True, "changed": False, "child_pid": worker, "msg": TIMED_OUT, **nothing}
        part = os.read(readable, 262144)
        if not part:
            break
        parts.append(part)
    _, status = os.waitpid(worker, 0)
    if not parts:
        return {"failed": True, "changed": False, "msg": f"the job's process was killed (status {status})"}
    result: Result = json.loads(b"".join(parts).decode("utf-8", "surrogateescape"))
    return result


def _work(output: int, work: Callable[[], Result]) -> None:
    """Never returns."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            result = work()
        except BaseException:
            result = {"failed": True, "changed": False, "msg": "the module crashed; this is a bug",
                      "stderr": traceback.format_exc()}
        data = memoryview(json.dumps(result).encode("utf-8", "surrogateescape"))
        while data:
            data = data[os.write(output, data):]
    finally:
        os._exit(0)
