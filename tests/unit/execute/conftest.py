"""Playbooks as a person writes them, run by real agents on this machine."""

from __future__ import annotations

import textwrap
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clusterbook import project
from clusterbook.compile import Plan, Selection, compile_plan
from clusterbook.compile.patience import loses_hosts
from clusterbook.execute.events import Events
from clusterbook.execute.executors import new_key
from clusterbook.execute.hosts import Agents
from clusterbook.execute.run import Outcome, Runner
from clusterbook.execute.services import Services
from clusterbook.inventory import load as load_inventory
from clusterbook.inventory import matcher
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Options

INVENTORY = """\
all:
  vars: {ansible_connection: local}
  hosts: {a: {own: of-a}, b: {own: of-b}, c: {own: of-c}}
"""


@dataclass
class Ran:
    """What a run did."""

    outcome: Outcome
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The exit code of the command line."""
        return self.outcome.exit_code(check=False)

    def of(self, kind: str, host: str = "", name: str = "") -> list[dict[str, Any]]:
        """The events of a kind."""
        return [
            event for event in self.events
            if event["type"] == kind and (not host or event.get("host") == host)
            and (not name or event.get("name") == name)
        ]  # fmt: skip

    def messages(self, name: str) -> list[str]:
        """The messages of a step, sorted."""
        return sorted(str(event.get("msg")) for event in self.of("result", name=name))


class Recorder:
    """Keeps the events."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self._events = events

    def event(self, event: dict[str, Any]) -> None:
        """Keep one."""
        self._events.append(event)


@dataclass(frozen=True)
class Playbooks:
    """Runs playbooks in a folder."""

    folder: Path

    def plan(self, text: str, inventory: str = INVENTORY, **selection: Any) -> Plan:
        """Compile."""
        (self.folder / "hosts.yml").write_text(textwrap.dedent(inventory))
        (self.folder / "play.yml").write_text(textwrap.dedent(text))
        hosts = load_inventory(self.folder / "hosts.yml", self.folder / "play.yml")
        chosen = Selection(**selection)
        return compile_plan(project.load(self.folder / "play.yml"), hosts, chosen, matcher(hosts, chosen.limit))

    def run(self, text: str, inventory: str = INVENTORY, services: Services | None = None, **selection: Any) -> Ran:
        """Compile and run."""
        plan, found = self.plan(text, inventory, **selection), list[dict[str, Any]]()
        services = services or Services()
        events = Events([Recorder(found)], plan.steps)
        run, keep = f"run-{uuid.uuid4()}", new_key(loses_hosts(plan))  # tests beside each other are runs of their own
        agents = Agents(Connector(Options()), run, services, lock_hosts=False, keep=keep)
        try:
            return Ran(Runner(plan, agents, services, events).run(), found)
        finally:
            agents.close()


@pytest.fixture
def playbooks(tmp_path: Path) -> Playbooks:
    """A folder for playbooks."""
    return Playbooks(tmp_path)


