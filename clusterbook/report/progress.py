"""What the live view knows of each host of a play, from the events alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from clusterbook.records import dataclass
from clusterbook.report.lines import title

Clock = Callable[[], float]
SHOWN_OUTPUT = 3


@dataclass
class HostProgress:
    """One host. state: waits, runs, done, failed or lost; note: the try or the item; since: when the step began."""

    name: str
    total: int
    done: int = 0
    changed: int = 0
    state: str = "waits"
    step: str = ""
    note: str = ""
    since: float = 0.0
    started: float = 0.0
    ended: float | None = None
    output: deque[str] = field(default_factory=lambda: deque(maxlen=SHOWN_OUTPUT))


class PlayProgress:
    """The hosts of the play that runs."""

    def __init__(self, name: str, hosts: Sequence[str], steps: int, clock: Clock = time.monotonic) -> None:
        """steps: of the play, counted as compiled; clock: seconds."""
        self.name = name
        self.clock = clock
        self.started = clock()
        self.stopping = False
        self.hosts = {host: HostProgress(host, max(1, steps), started=clock()) for host in hosts}

    def take(self, event: Mapping[str, Any]) -> None:
        """Follow one event of a host, or that the person wants to stop; others are passed over."""
        self.stopping = self.stopping or event["type"] == "interrupt"
        host = self.hosts.get(str(event.get("host", "")))
        method = getattr(self, f"_on_{event['type']}", None)
        if host is not None and method is not None:
            method(host, event)

    def count(self, state: str) -> int:
        """How many hosts are in a state."""
        return sum(1 for host in self.hosts.values() if host.state == state)

    def _on_start(self, host: HostProgress, event: Mapping[str, Any]) -> None:
        host.state, host.step, host.note = "runs", title(event), ""
        host.since = self.clock()
        host.output.clear()

    def _on_output(self, host: HostProgress, event: Mapping[str, Any]) -> None:
        host.output.extend(str(line) for line in event["lines"])

    def _on_progress(self, host: HostProgress, event: Mapping[str, Any]) -> None:
        host.note = f"item {event['item']} of {event['items']}"
        host.output.clear()

    def _on_retry(self, host: HostProgress, event: Mapping[str, Any]) -> None:
        host.note = f"try {event['attempt'] + 1} of {event['tries']}"

    def _on_result(self, host: HostProgress, event: Mapping[str, Any]) -> None:
        host.done = min(host.total, host.done + 1)
        host.changed += event["status"] == "changed"
        host.output.clear()
        host.note = ""

    def _on_unreachable(self, host: HostProgress, event: Mapping[str, Any]) -> None:
        host.state, host.step = "lost", str(event.get("msg", "unreachable"))

    def _on_failure(self, host: HostProgress, event: Mapping[str, Any]) -> None:
        host.state, host.step = "failed", str(event.get("msg", "failed"))

    def _on_host_done(self, host: HostProgress, event: Mapping[str, Any]) -> None:
        host.ended = self.clock()
        host.output.clear()
        host.note = ""
        if event["succeeded"]:
            host.state, host.done = "done", host.total
        elif host.state != "lost":
            host.state = "failed"
