"""Playbooks written to files and run whole, each host an agent on this machine."""

from __future__ import annotations

import textwrap
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusterbook import project
from clusterbook.compile import Selection, compile_plan
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

DEBUG = "ansible.builtin.debug"
# A play's beginning, for tasks that are indented by four.
HEAD = """\
- name: Work
  hosts: all
  gather_facts: false
  tasks:
"""


@dataclass(frozen=True)
class Told:
    """What a run said. outcome: its counts by host."""

    outcome: Outcome
    events: list[dict[str, Any]]

    def of(self, kind: str, host: str = "") -> list[dict[str, Any]]:
        """The events of a kind, in order."""
        return [event for event in self.events if event["type"] == kind and host in ("", event.get("host"))]

    def messages(self, host: str = "a") -> list[Any]:
        """What debug showed on a host, in order; of loops each item."""
        shown = [event for event in self.of("result", host) if event["module"] == DEBUG]
        items = [item for event in shown for item in event.get("items") or [event]]
        return [item.get("msg") for item in items if item["status"] != "skipped"]

    def failures(self, host: str = "a") -> list[str]:
        """The messages of the steps that failed."""
        return [str(event.get("msg")) for event in self.of("result", host) if event["status"] == "failed"]

    def count(self, name: str, host: str = "a") -> int:
        """One number of the recap."""
        return self.outcome.counts[host][name]


class _Keeper:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def event(self, event: dict[str, Any]) -> None:
        self.events.append(event)


def write(directory: Path, files: Mapping[str, str]) -> None:
    """Files by their path below the directory."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


def run_files(
    directory: Path, files: Mapping[str, str], hosts: str = "a", services: Services | None = None,
    variables: Mapping[str, Any] | None = None, **chosen: Any,
) -> Told:
    """Run site.yml of these files. hosts: their names, a letter each; files may bring an inventory of their own.

    variables: those of a cluster, the lowest level; chosen: see Selection.
    """
    inventory = "[all:vars]\nansible_connection=local\n[every]\n" + "\n".join(hosts) + "\n"
    write(directory, {"inventory.ini": inventory, **files})
    loaded = project.load(directory / "site.yml", directory)
    found = load_inventory(directory / "inventory.ini", cluster=variables)
    selection = Selection(**chosen)
    plan = compile_plan(loaded, found, selection, matcher(found, selection.limit))
    services, keeper = services or Services(), _Keeper()
    run, keep = f"run-{uuid.uuid4()}", new_key(loses_hosts(plan))  # tests beside each other are runs of their own
    agents = Agents(Connector(Options()), run, services, lock_hosts=False, keep=keep)
    try:
        return Told(Runner(plan, agents, services, Events([keeper], plan.steps)).run(), keeper.events)
    finally:
        agents.close()
