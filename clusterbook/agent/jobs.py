"""Steps in the background (`async`): each is a directory of its own (0700) with a supervisor that outlives the agent.

DIRECTORY/JID/ holds `job.json` (what it is), `lock` (a flock that the supervisor holds while it lives) and, in the end,
`result.json`. The supervisor has no descriptor of the connection and none of the host's lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import time
from typing import Any, Callable, Dict, Optional

from clusterbook.agent.supervisor import supervise

_JID = re.compile(r"j[0-9]{1,20}\.[0-9]{1,10}")
# Jobs that ended so long ago and were not cleaned up are removed when the next one starts (seconds).
KEPT = 7 * 24 * 3600
Result = Dict[str, Any]


class Jobs:
    """The jobs of one agent's state directory."""

    def __init__(self, state_directory: str) -> None:
        """state_directory: the agent's own on the host."""
        self._directory = os.path.join(state_directory, "jobs")

    def start(self, identity: str, limit: float, work: Callable[[], Result]) -> Result:
        """Start work() under a supervisor that ends it after `limit` seconds; returns at once, as Ansible does."""
        self._prune()
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        jid = f"j{secrets.randbelow(10 ** 12)}.{os.getpid()}"
        folder = os.path.join(self._directory, jid)
        os.mkdir(folder, 0o700)
        _write(os.path.join(folder, "job.json"), {"jid": jid, "identity": identity, "started": time.time(),
                                                  "limit": limit})
        lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        supervise(lock, limit, work, lambda result: _write(os.path.join(folder, "result.json"), result))
        os.close(lock)
        return {"started": True, "finished": False, "failed": False, "changed": True, "ansible_job_id": jid,
                "results_file": os.path.join(folder, "result.json")}

    def status(self, jid: str) -> Result:
        """What is known of a job: running, or its result."""
        folder = self._folder(jid)
        if folder is None:
            return {"failed": True, "changed": False, "msg": "could not find job", "ansible_job_id": jid,
                    "started": True, "finished": True}
        known: Result = {"started": True, "ansible_job_id": jid, "results_file": os.path.join(folder, "result.json")}
        running = _held(folder)  # before the result is read: it is there when the lock is gone
        result = _read(known["results_file"])
        if result is not None:
            return {**result, **known, "finished": True}
        if running:
            return {**known, "finished": False, "changed": False, "failed": False, "stdout": "", "stderr": ""}
        return {**known, "finished": True, "changed": False, "failed": True,
                "msg": "the job ended without a result: the host went down meanwhile, or its supervisor was killed"}

    def cleanup(self, jid: str) -> Result:
        """Forget a job; a running one runs on."""
        folder = self._folder(jid)
        if folder is None:
            return self.status(jid)
        _remove(folder)
        return {"changed": False, "ansible_job_id": jid, "erased": os.path.join(folder, "result.json")}

    def unfinished(self, identity: str) -> Optional[str]:
        """The job that a run which died has left of the same step: running, or ended well and not asked for."""
        for jid in self._jids():
            about = _read(os.path.join(self._directory, jid, "job.json")) or {}
            if about.get("identity") == identity:
                status = self.status(jid)
                if not status["finished"] or not status.get("failed"):
                    return jid
        return None

    def started(self, jid: str) -> float:
        """When a job began, in seconds since the epoch; 0 when it is not there."""
        return float((_read(os.path.join(self._directory, jid, "job.json")) or {}).get("started", 0))

    def _folder(self, jid: str) -> Optional[str]:
        """The job's directory; a name that is no job's never becomes a path."""
        if not _JID.fullmatch(jid):
            return None
        folder = os.path.join(self._directory, jid)
        return folder if os.path.isdir(folder) else None

    def _jids(self) -> "list[str]":
        try:
            return [name for name in os.listdir(self._directory) if _JID.fullmatch(name)]
        except OSError:
            return []

    def _prune(self) -> None:
        for jid in self._jids():
            folder = os.path.join(self._directory, jid)
            with contextlib.suppress(OSError):
                if os.stat(folder).st_mtime < time.time() - KEPT and not _held(folder):
                    _remove(folder)


def _held(folder: str) -> bool:
    """Whether the job's supervisor lives."""
    try:
        descriptor = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _read(path: str) -> Optional[Result]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: str, value: Result) -> None:
    temporary = path + ".new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        json.dump(value, file, ensure_ascii=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _remove(folder: str) -> None:
    """With all that is in it. What does it is loaded only for that."""
    from shutil import rmtree

    rmtree(folder, ignore_errors=True)
