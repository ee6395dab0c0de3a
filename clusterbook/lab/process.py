"""Programs that outlive their caller: started in a session of their own, ended by pid and start time only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from clusterbook.errors import Failed
from clusterbook.records import dataclass


@dataclass(frozen=True)
class Process:
    """A process of ours. started: clock ticks since boot, which tell it from a later one with the same pid."""

    pid: int
    started: int


def start_time(pid: int) -> int | None:
    """Start time of a living process in clock ticks since boot; None when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def alive(process: Process | None) -> bool:
    """Whether it still runs, and is the one that was started."""
    return process is not None and start_time(process.pid) == process.started


def start(argv: Sequence[str], log: Path, record: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Start a program that survives the caller, with its output in `log` and its identity in `record`."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/",
            start_new_session=True, env=dict(environment) if environment is not None else None,
        )  # fmt: skip
    started = start_time(child.pid)
    if started is None:
        raise Failed(f"{argv[0]} ended at once: {tail(log)}")
    process = Process(child.pid, started)
    write_record(record, process)
    # Nobody waits for it here; the next poll or our own end reaps it. Silences the warning of an unreaped child.
    child.returncode = 0
    return process


def write_record(record: Path, process: Process) -> None:
    """Keep a process's identity, atomically."""
    partial = record.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(process)))
    partial.replace(record)


def read_record(record: Path) -> Process | None:
    """The process that was recorded; None when there is no readable record."""
    try:
        return Process(**json.loads(record.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def stop(process: Process | None, grace: float = 5.0) -> None:
    """Ask it to end, then end it. Does nothing when it is gone or another program has its pid by now."""
    if process is None:
        return
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if not alive(process):
            return
        if seconds > 0:
            _send(process.pid, number)
            wait(process, seconds)


def wait(process: Process, seconds: float) -> bool:
    """Wait until it has ended; whether it has."""
    deadline = time.monotonic() + seconds
    while alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def tail(log: Path, size: int = 1500) -> str:
    """The last part of a log, for messages."""
    try:
        return log.read_bytes()[-size:].decode(errors="replace").strip()
    except OSError:
        return "(no log)"


def _send(pid: int, number: int) -> None:
    """Send a signal to a process that may just have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
