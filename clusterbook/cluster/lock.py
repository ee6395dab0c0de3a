"""One run at a time per cluster: a lock in the store that says who holds it, with a heartbeat.

A holder that died is seen at once on its own machine (the process is gone) and after 90 s without a heartbeat from
anywhere else; the next run then takes over and says so. A live holder is never taken over without being asked to.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from clusterbook.cluster.names import StoreError
from clusterbook.cluster.store import Store
from clusterbook.errors import Failed

HEARTBEAT_SECONDS = 15.0
STALE_SECONDS = 90.0


@dataclass(frozen=True)
class Holder:
    """Who holds a lock. process_started: the kernel's start tick, so that a reused process id is not mistaken."""

    user: str
    machine: str
    process: int
    process_started: str
    purpose: str
    since: float
    heartbeat: float
    token: str

    def __str__(self) -> str:
        """A sentence for people."""
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.since))
        return f"{self.user} on {self.machine} (process {self.process}, {self.purpose}) since {since}"


class StoreLocked(Failed):
    """Another run works on the same cluster."""


@contextmanager
def hold(
    store: Store,
    cluster: str,
    purpose: str,
    *,
    say: Callable[[str], None] = lambda text: None,
    take_over: bool = False,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> Iterator[Holder]:
    """Hold the cluster's lock. say: told when a dead holder is taken over. take_over: take it from a live one too."""
    mine = _acquire(store, cluster, purpose, say, take_over)
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(store, cluster, mine, stop, heartbeat_seconds), daemon=True)
    beat.start()
    try:
        yield mine
    finally:
        stop.set()
        beat.join()
        _release(store, cluster, mine)


def holder(store: Store, cluster: str) -> Holder | None:
    """Who holds the lock now; None when nobody does or nobody can read it."""
    return _parse(store.read(_name(cluster)))


def remove(store: Store, cluster: str, seen: Holder) -> bool:
    """Take the lock away from the holder that was seen; False when it has changed since, even by a heartbeat."""
    return store.swap(_name(cluster), _form(seen), None)


def _acquire(store: Store, cluster: str, purpose: str, say: Callable[[str], None], take_over: bool) -> Holder:
    while True:
        old = store.read(_name(cluster))
        other = _parse(old)
        if other is not None:
            reason = "you asked to" if take_over else _why_dead(other)
            if not reason:
                raise _locked(cluster, other)
            say(f"taking over the lock of {other}: {reason}")
        mine = _me(purpose)
        if store.swap(_name(cluster), old, _form(mine)):
            return mine


def _locked(cluster: str, other: Holder) -> StoreLocked:
    age = max(0, round(time.time() - other.heartbeat))
    return StoreLocked(
        f"cluster {cluster!r} is in use by {other}; last sign of life {age} s ago",
        next_step=f"Wait until that run ends. If it died elsewhere, it is replaced {STALE_SECONDS:.0f} s later. "
        f"One that hangs: invoke force-unlock {cluster}",
    )


def _why_dead(other: Holder) -> str:
    if other.machine == _machine():
        if _process_started(other.process) != other.process_started:
            return "that process is gone"
        return ""
    silent = round(time.time() - other.heartbeat)
    return f"no sign of life for {silent} s" if silent > STALE_SECONDS else ""


def _beat(store: Store, cluster: str, mine: Holder, stop: threading.Event, every: float) -> None:
    """Give signs of life until the lock is another's. A store that cannot be reached is asked again."""
    while not stop.wait(every):
        with suppress(StoreError):
            old = store.read(_name(cluster))
            found = _parse(old)
            if found is None or found.token != mine.token:
                return
            store.swap(_name(cluster), old, _form(replace(found, heartbeat=time.time())))


def _release(store: Store, cluster: str, mine: Holder) -> None:
    old = store.read(_name(cluster))
    found = _parse(old)
    if found is not None and found.token == mine.token:
        store.swap(_name(cluster), old, None)


def _me(purpose: str) -> Holder:
    now = time.time()
    started = _process_started(os.getpid())
    user = getpass.getuser()
    return Holder(user, _machine(), os.getpid(), started, purpose, now, now, secrets.token_hex(8))


def _machine() -> str:
    return socket.gethostname()


def _process_started(process: int) -> str:
    """Field 22 of /proc/PID/stat and the boot's id; empty when there is no such process."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else f"{boot}/{fields[19]}"


def _name(cluster: str) -> str:
    return f"{cluster}/lock"


def _form(value: Holder) -> bytes:
    return json.dumps(asdict(value), sort_keys=True).encode()


def _parse(data: bytes | None) -> Holder | None:
    try:
        return Holder(**json.loads(data)) if data is not None else None
    except (ValueError, TypeError):
        return None
