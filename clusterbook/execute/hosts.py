"""The agents of a run, one a host (and one more where other hosts delegate to it), kept until the run ends."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from clusterbook.errors import Interrupted
from clusterbook.execute.answers import Services
from clusterbook.execute.session import AgentSession, Refusal
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.scope import Scope
from clusterbook.model import Host
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Become, Connection
from clusterbook.transport.settings import become_of

CLOSERS = 16


class Agents:
    """Opens connections and agents when they are first needed. Thread-safe."""

    def __init__(
        self, connector: Connector, run: str, services: Services, lock_hosts: bool,
        holder: Mapping[str, Any] | None = None, keep: str = "",
    ) -> None:  # fmt: skip
        """run: the run's name, which hosts show to those who find them locked. holder: when that is another process.

        keep: a key (32 bytes in hexadecimal) under which hosts keep what they finished for another worker of the run.
        """
        self._connector = connector
        self._services = services
        self._lock_hosts = lock_hosts
        self._keep = keep
        self.holder = holder or {
            "run": run, "user": getpass.getuser(), "machine": socket.gethostname(), "pid": os.getpid(),
            "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        self._connections: dict[str, Connection] = {}
        self._sessions: dict[tuple[str, str], AgentSession] = {}
        self._lock = Lock()
        # A host is connected to once, also when several other hosts delegate to it at the same time.
        self._opening: dict[str, Lock] = {}
        self._stops = 0

    def session(self, host: Host, root: bool, purpose: str = "play", continues: bool = False) -> AgentSession:
        """The host's agent. purpose: 'play', or 'delegate' for steps of other hosts. Raises ClusterbookError.

        continues: a worker that is gone has begun a play there.
        """
        key = (host.name, purpose)
        with self._lock:
            if key in self._sessions:
                return self._sessions[key]
            stops = self._stops
        connection = self._connection(host)
        become = self._become(host, connection) if root else None
        session = AgentSession(connection, become)
        keep = {"keep": self._keep, "host": host.name, "continues": continues} if purpose == "play" else {}
        session.hello(self.holder, lock=self._lock_hosts and purpose == "play", **keep)
        with self._lock:
            self._sessions[key] = session
            if self._stops != stops:
                raise Interrupted(f"{host.name}: nothing was started")
        return session

    def connection(self, host: Host) -> Connection:
        """The host's connection."""
        return self._connection(host)

    def forget(self, host: str) -> None:
        """Drop a host whose connection broke."""
        with self._lock:
            sessions = [self._sessions.pop(key) for key in list(self._sessions) if key[0] == host]
            connection = self._connections.pop(host, None)
        for session in sessions:
            session.close()
        if connection is not None:
            connection.close()

    def stop(self) -> None:
        """Ask every agent to stop after its current step; those that are being started start nothing."""
        with self._lock:
            self._stops += 1
            sessions = list(self._sessions.values())
        for session in sessions:
            session.stop_quietly()

    def close(self) -> None:
        """Close everything."""
        with self._lock:
            names = {name for name, _ in self._sessions} | set(self._connections)
        # At the same time: an agent is given a moment to end, and many such moments in a row are long.
        with ThreadPoolExecutor(max_workers=CLOSERS) as pool:
            list(pool.map(self.forget, names))
        self._connector.close()

    def _connection(self, host: Host) -> Connection:
        with self._lock:
            guard = self._opening.setdefault(host.name, Lock())
        with guard:
            if host.name not in self._connections:
                self._connections[host.name] = self._connector.connect(evaluated(host, self._services))
            return self._connections[host.name]

    def _become(self, host: Host, connection: Connection) -> Become | None:
        if connection.user == "root":
            return None
        # The agent itself is root's; its forks become the users that steps name.
        variables = {**evaluated(host, self._services).variables, "ansible_become": True, "ansible_become_user": "root"}
        return become_of(variables, {}, host.name)


def evaluated(host: Host, services: Services) -> Host:
    """The host with the variables that steer its connection evaluated."""
    scope = Scope([host.variables, {"inventory_hostname": host.name}], Expressions({}), services.secret)
    values: dict[str, Any] = {}
    for name, value in host.variables.items():
        if str(name).startswith("ansible_"):
            try:
                values[name] = scope.evaluate(value)
            except (ExpressionError, Refusal):
                continue
    return Host(host.name, host.groups, values, host.position)


