"""A compiled run carried out: its hosts, its journal, its report. Loaded when hosts are already being connected to."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from clusterbook import __version__
from clusterbook.agent.masking import Mask
from clusterbook.cli.boundary import describe
from clusterbook.cli.runs import Order
from clusterbook.cli.screen import console
from clusterbook.cli.site import Site
from clusterbook.compile import Plan
from clusterbook.errors import ClusterbookError
from clusterbook.execute.events import Events
from clusterbook.execute.executors import Chosen, open_places
from clusterbook.execute.hosts import Agents
from clusterbook.execute.run import Outcome, Runner
from clusterbook.execute.services import Services
from clusterbook.journal import Journal
from clusterbook.records import dataclass
from clusterbook.report.choose import sink_for
from clusterbook.transport.protocol import Options


@dataclass(frozen=True)
class Run:
    """What is run, and where its journal is written."""

    site: Site
    order: Order
    plan: Plan
    directory: Path

    def carry_out(
        self, agents: Agents, chosen: Chosen, services: Services, options: Options, mask: Mask
    ) -> Outcome:
        """Run it to its end and close the agents. mask: what is secret, as far as it is known."""
        hosts = len({name for play in self.plan.plays for name in play.hosts})
        journal, report = Journal(self.directory), sink_for(self.order.style, console())
        events = Events([journal, report], self.plan.steps, mask=mask)
        self.site.vault.listen(mask.add)
        lock = not self.order.selection.check
        places = open_places(chosen, hosts, agents, services, options, lock, partial(_taken_over, events))
        try:
            events.emit("run", **self._about())
            with _noted(events):
                order = self.order
                outcome = Runner(self.plan, agents, services, events, order.forks, places, order.asker).run()
            events.summary()
        finally:
            report.close()
            journal.close()
            places.close()
        return outcome

    def _about(self) -> dict[str, object]:
        return {
            "id": self.directory.name, "playbook": str(self.order.playbook), "check": self.order.selection.check,
            "inventory": str(self.site.path), "user": getpass.getuser(), "version": __version__,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }  # fmt: skip


@contextlib.contextmanager
def _noted(events: Events) -> Iterator[None]:
    """An error that ends the run is in the journal, too."""
    try:
        yield
    except ClusterbookError as error:
        events.emit("error", **describe(error))
        raise


def _taken_over(events: Events, host: str, text: str) -> None:
    events.emit("taken_over", host=host, msg=text)
