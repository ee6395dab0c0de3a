"""Hosts that went away because their play said so (`reboot`, `wait_for_connection`): connect again until they are back.

The host key is checked anew, and the agent is started anew: everything goes the way of a first connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Event

from clusterbook.errors import Distrusted, Unreachable
from clusterbook.execute import hosts
from clusterbook.execute.work import Absence, Work
from clusterbook.model import Host

# Runs a host's segment; again: on a new agent, which is told everything that came before.
Attempt = Callable[[Host, bool], bool]


class Returning:
    """Waits for such hosts. Used by one thread a host; `stop` by any."""

    def __init__(self) -> None:
        """Nothing is waited for yet."""
        self._stopped = Event()

    def stop(self) -> None:
        """Wait for no host any longer."""
        self._stopped.set()

    def run(self, work: Work, attempt: Attempt, forget: Callable[[str], None]) -> bool:
        """Run a segment to its end, over all absences of its host. Raises ClusterbookError."""
        host, again, last = work.segment.host, False, False
        while True:
            try:
                return attempt(host, again)
            except Unreachable as error:
                absence = work.absence
                if absence is None or self._stopped.is_set() or isinstance(error, Distrusted):
                    raise
                if last:
                    raise gone(host.name, absence, error) from error
                lost = error
            forget(host.name)
            if self._stopped.wait(max(hosts.RETRY_SECONDS, absence.delay - absence.passed)):
                raise lost
            left = absence.limit - absence.passed
            host, again, last = looked_for(work.segment.host, absence, left), True, left <= 0


def looked_for(host: Host, absence: Absence, left: float) -> Host:
    """The host as it is connected to while it may be gone."""
    limit = {"ansible_ssh_timeout": int(absence.connect)} if absence.connect else {}
    return replace(host, variables={**host.variables, **limit}, patience=max(0.0, left))


def gone(host: str, absence: Absence, error: Unreachable) -> Unreachable:
    """It did not come back."""
    return Unreachable(
        f"{host} did not come back within {absence.limit:g} s: {error.message.removeprefix(f'{host}: ')}",
        next_step="Look at its console; once it is back, run the same command again: it goes on where it stopped.",
    )
