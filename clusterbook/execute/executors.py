"""`--executor`: threads of this process, processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from clusterbook.errors import InvalidInput
from clusterbook.execute.here import Here
from clusterbook.execute.hosts import Agents
from clusterbook.execute.segments import Places
from clusterbook.execute.services import Services
from clusterbook.records import dataclass
from clusterbook.transport.protocol import Options

if TYPE_CHECKING:
    from clusterbook.execute.fanout import Office, Say

THREADS, PROCESSES, DASK = "threads", "processes", "dask://"
# So many hosts keep more than one core busy: a handshake costs about 5 ms of processor.
MANY = 100
HELP = "threads, processes or dask://HOST:PORT (default: threads, processes from 100 hosts on)"


@dataclass(frozen=True)
class Chosen:
    """An executor for a number of hosts. key: under which hosts keep what they finished, empty when nobody needs it."""

    name: str
    key: str = ""


def choose(wanted: str, hosts: int, keep: bool = False) -> Chosen:
    """The executor that a person wants, or that suits the number of hosts. Raises InvalidInput.

    keep: hosts keep what they finished in any case, because they may be restarted.
    """
    cores = os.cpu_count() or 1
    name = wanted or (PROCESSES if hosts >= MANY and cores > 1 else THREADS)
    if name not in (THREADS, PROCESSES) and not (name.startswith(DASK) and name.removeprefix(DASK)):
        raise InvalidInput(
            f"--executor is {wanted!r}, expected threads, processes or dask://HOST:PORT",
            next_step="Write one of these; dask://10.0.0.5:8786 names a Dask scheduler.",
        )
    return Chosen(name, new_key(keep or name != THREADS))


def new_key(keep: bool) -> str:
    """Under which hosts keep what they finished; empty when they need not."""
    return secrets.token_hex(32) if keep else ""


def open_places(
    chosen: Chosen, hosts: int, agents: Agents, services: Services, options: Options, lock: bool, say: Say
) -> Places:
    """Where the run's hosts are worked on; closing it closes the agents. agents: made with the chosen key."""
    if chosen.name == THREADS:
        return Here(agents)
    from clusterbook.execute.fanout import FanOut

    welcome = {**_welcome(agents.holder, options, lock, chosen.key), "hosts": hosts}
    return FanOut(_office(chosen.name, hosts, welcome), agents, services, say)


def _office(name: str, hosts: int, welcome: dict[str, Any]) -> Office:
    if name == PROCESSES:
        from clusterbook.execute.processes import Processes

        return Processes(max(1, min(hosts, max(2, os.cpu_count() or 1))), welcome)
    from clusterbook.execute.dask import DaskWorkers

    return DaskWorkers(name.removeprefix(DASK), welcome)


def _welcome(holder: Mapping[str, Any], options: Options, lock: bool, key: str) -> dict[str, Any]:
    return {"holder": dict(holder), "options": asdict(options), "lock": lock, "keep": key}
