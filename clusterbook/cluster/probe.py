"""A client that asks a cluster all the time, as people's programs do, and tells what failed and for how long.

Reads, writes and a watch go through the API's endpoint, each request on a connection of its own, so that nothing hides
behind one that stays open; a page of a workload is asked for as well when there is one. A request that fails is tried
once more at once, as every client library does; what fails then is a failure. Both numbers are told. Each read, and one
at the end, must see the last write that was acknowledged before it: what it does not see was lost.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import yaml

NAMESPACE = "default"
OBJECT = "clusterbook-probe"
MANAGER = "clusterbook-probe"
SECONDS = 5.0
# How much later than its write an event may come.
_ON_ITS_WAY = 1.0
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


@dataclass
class Record:
    """What became of the requests of one kind. gap: the longest time without a good answer, in seconds.

    lost: writes that were acknowledged and are gone; None when that could not be asked, or for other kinds. last: when
    the last good answer came (monotonic seconds).
    """

    asked: int = 0
    retried: int = 0
    failed: int = 0
    gap: float = 0.0
    lost: int | None = None
    errors: Counter[str] = field(default_factory=Counter)
    last: float = field(default_factory=time.monotonic)

    def good(self) -> None:
        """An answer came."""
        now = time.monotonic()
        self.gap, self.last = max(self.gap, now - self.last), now

    def finish(self, end: float) -> None:
        """The time from the last good answer to the end of asking (monotonic seconds) counts, too."""
        self.gap = max(self.gap, end - self.last)

    def described(self) -> dict[str, Any]:
        """As people and programs read it."""
        lost = {} if self.lost is None else {"lost": self.lost}
        return {"asked": self.asked, "retried": self.retried, "failed": self.failed, **lost,
                "longest_gap_seconds": round(self.gap, 3), "errors": dict(self.errors.most_common(5))}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A server and how to trust it. context: None for plain HTTP."""

    host: str
    port: int
    context: ssl.SSLContext | None = None

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        if self.context is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        return http.client.HTTPSConnection(self.host, self.port, timeout=SECONDS, context=self.context)


def api_of(kubeconfig: Path) -> Target:
    """The API server that a kubeconfig names, with its authorities and its client certificate."""
    document = yaml.safe_load(kubeconfig.read_text())
    server, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
    # ssl reads client keys from files only: a private one that is there while it is read.
    with tempfile.NamedTemporaryFile(prefix="clusterbook-") as file:
        for name in ("client-certificate-data", "client-key-data"):
            file.write(base64.b64decode(user[name]))
        file.flush()
        context.load_cert_chain(file.name)
    parts = urlsplit(server["server"])
    return Target(str(parts.hostname), parts.port or 443, context)


class Renewed:
    """The API server that a kubeconfig names; the file is read again when it was made anew, as people's programs do."""

    def __init__(self, kubeconfig: Path) -> None:
        """kubeconfig: the file."""
        self._file = kubeconfig
        self._known = (self._stamp(), api_of(kubeconfig))

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        stamp, target = self._known
        if self._stamp() != stamp:
            target = api_of(self._file)
            self._known = (self._stamp(), target)
        return target.connect()

    def _stamp(self) -> tuple[int, int]:
        found = self._file.stat()
        return found.st_ino, found.st_mtime_ns


class Probe:
    """Asks until it is stopped; `records` tell what happened so far."""

    def __init__(self, api: Target | Renewed, every: float, page: str = "") -> None:
        """every: seconds between two requests of a kind; page: the address of a workload, empty for none."""
        self._api, self._every, self._page = api, every, page
        self._stop, self._acknowledged, self._lost = Event(), 0, 0
        kinds: dict[str, Callable[[Record], None]] = {
            "read": self._reads, "write": self._writes, "watch": self._watches,
            **({"page": self._pages} if page else {}),
        }  # fmt: skip
        self.records = {kind: Record() for kind in kinds}
        self._threads = [Thread(target=self._run, args=(work, self.records[kind]), daemon=True, name=kind)
                         for kind, work in kinds.items()]  # fmt: skip

    @contextlib.contextmanager
    def running(self) -> Iterator[Probe]:
        """Ask while the block runs; what was written is removed at the end."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            end = time.monotonic()
            for thread in self._threads:
                thread.join(3 * SECONDS)
            for record in self.records.values():
                record.finish(end)
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
                self._look()
                self.records["write"].lost = self._lost
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                _ask(self._api, "DELETE", f"{CONFIG_MAPS}/{OBJECT}")

    @property
    def failed(self) -> int:
        """Requests of all kinds that failed twice, and writes that were lost."""
        return sum(record.failed + (record.lost or 0) for record in self.records.values())

    def _run(self, work: Callable[[Record], None], record: Record) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            record.asked += 1
            try:
                self._twice(work, record)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if self._stop.is_set():
                    return
                record.failed += 1
                record.errors[_words(error)] += 1
            else:
                if not self._stop.is_set():  # what comes later says nothing of the time before
                    record.good()
            now = time.monotonic()
            due = max(due + self._every, now)  # what took longer is not made up for
            self._stop.wait(due - now)

    def _twice(self, work: Callable[[Record], None], record: Record) -> None:
        """Ask, and once more at once when that fails. A watch that told of something since begins anew."""
        again, told = False, record.last
        while True:
            try:
                return work(record)
            except (OSError, http.client.HTTPException, ValueError):
                if self._stop.is_set():  # a watch in which nothing happens any more
                    return None
                if again and record.last == told:
                    raise
            again, told = True, record.last
            record.retried += 1

    def _reads(self, record: Record) -> None:
        self._look()

    def _look(self) -> None:
        """Read what was written last; it may be newer than what was acknowledged when the read began, but not older."""
        acknowledged = self._acknowledged
        try:
            held = int(json.loads(_ask(self._api, "GET", f"{CONFIG_MAPS}/{OBJECT}"))["data"]["written"])
        except _AbsentError:
            held = 0
        self._lost = max(self._lost, acknowledged - held)

    def _writes(self, record: Record) -> None:
        changed = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": OBJECT},
                   "data": {"written": str(record.asked)}}  # fmt: skip
        _ask(self._api, "PATCH", f"{CONFIG_MAPS}/{OBJECT}?fieldManager={MANAGER}&force=true", changed)
        self._acknowledged = record.asked

    def _pages(self, record: Record) -> None:
        parts = urlsplit(self._page)
        _ask(Target(str(parts.hostname), parts.port or 80), "GET", parts.path or "/")

    def _watches(self, record: Record) -> None:
        """One watch until its server ends it, which is no failure; each event counts as a good answer."""
        connection = self._api.connect()
        try:
            connection.request("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=300"
                                      f"&fieldSelector=metadata.name%3D{OBJECT}")  # fmt: skip
            answer = _checked(connection.getresponse())
            while not self._stop.is_set() and self._event(answer, record):
                record.good()
        finally:
            connection.close()

    def _event(self, answer: http.client.HTTPResponse, record: Record) -> bytes:
        """The next event; empty when the watch has ended, or when nothing was written that it could have told."""
        try:
            return answer.readline()
        except TimeoutError:
            if self.records["write"].last - record.last > _ON_ITS_WAY:
                raise
            return b""


def _ask(target: Target | Renewed, method: str, path: str, content: Mapping[str, Any] | None = None) -> bytes:
    connection = target.connect()
    headers = {"Content-Type": "application/apply-patch+yaml"} if content else {}
    try:
        connection.request(method, path, json.dumps(content) if content else None, headers)
        return _checked(connection.getresponse()).read()
    finally:
        connection.close()


class _AbsentError(ValueError):
    """The API answered that there is no such object."""


def _checked(answer: http.client.HTTPResponse) -> http.client.HTTPResponse:
    if answer.status == 404:
        raise _AbsentError("404 Not Found")
    if answer.status >= 400:
        raise ValueError(f"{answer.status} {answer.reason}")
    return answer


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
