"""The agents of a run, one a host (and helpers where other hosts delegate to it), kept until the run ends."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Any

from clusterbook.compile.plan import Plan
from clusterbook.errors import Distrusted, Failed, Interrupted, Unreachable
from clusterbook.execute.bundle import agent_bundle
from clusterbook.execute.helpers import Helpers
from clusterbook.execute.memory import expect_threads
from clusterbook.execute.services import Services
from clusterbook.execute.session import AgentSession, NoPython, Refusal
from clusterbook.language.environment import ExpressionError
from clusterbook.language.scope import Scope
from clusterbook.model import Host
from clusterbook.transport.connect import Connector
from clusterbook.transport.local import LocalConnection
from clusterbook.transport.protocol import Become, Connection
from clusterbook.transport.settings import become_of

CLOSERS = 16
# Between two tries to reach a host that a play waits for.
RETRY_SECONDS = 1.0
# Variables that plays and steps may set to reach a host in another way.
WAY = ("ansible_connection", "ansible_user", "ansible_port")
# Programs at a time over one connection; sshd allows 10 unless told otherwise (MaxSessions).
CHANNELS = 8
Way = tuple[str, ...]


class Agents:
    """Opens connections and agents when they are first needed. Thread-safe."""

    def __init__(
        self, connector: Connector, run: str, services: Services, lock_hosts: bool,
        holder: Mapping[str, Any] | None = None, keep: str = "",
    ) -> None:  # fmt: skip
        """run: the run's name, which hosts show to those who find them locked. holder: when that is another process.

        keep: a key (32 bytes in hexadecimal) under which hosts keep what they finished for the next agent of the run.
        """
        self._connector = connector
        self._services = services
        self._lock_hosts = lock_hosts
        self._keep = keep
        self.holder = holder or {
            "run": run, "user": getpass.getuser(), "machine": socket.gethostname(), "pid": os.getpid(),
            "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        self._connections: dict[Way, Connection] = {}
        self._sessions: dict[Way, AgentSession] = {}
        self._helpers = Helpers()
        self._lock = Lock()
        # A host is connected to once, also when several other hosts delegate to it at the same time.
        self._opening: dict[Way, Lock] = {}
        self._stops = 0
        # Agents that were started before anything asked for them.
        self._expected: dict[Way, Future[AgentSession]] = {}

    @property
    def keeps(self) -> bool:
        """Whether hosts keep what they finished for the next agent."""
        return bool(self._keep)

    def session(self, host: Host, root: bool, continues: bool = False) -> AgentSession:
        """The host's agent, which runs its plays. Raises ClusterbookError.

        continues: an agent that is gone has begun a play there.
        """
        with self._lock:
            expected = self._expected.pop(way(host), None)
        return expected.result() if expected is not None else self._session(host, root, continues)

    def expect(self, hosts: Sequence[Host], root: Callable[[str], bool]) -> None:
        """Start the agents of hosts that will surely be worked on, while this thread does something else.

        What goes wrong is raised when the host's agent is asked for. root: whether it has to be root's.
        """
        expect_threads(len(hosts))
        for host in hosts:
            started: Future[AgentSession] = Future()
            self._expected[way(host)] = started
            Thread(target=self._begin, args=(host, root(host.name), started), daemon=True).start()
        agent_bundle()  # it is there when the first host is ready for it

    def _begin(self, host: Host, root: bool, started: Future[AgentSession]) -> None:
        try:
            started.set_result(self._session(host, root, continues=False))
        except BaseException as error:
            started.set_exception(error)

    def _session(self, host: Host, root: bool, continues: bool) -> AgentSession:
        key = way(host)
        with self._lock:
            if key in self._sessions:
                return self._sessions[key]
            stops = self._stops
        keep = {"keep": self._keep, "host": "\n".join(key), "continues": continues}
        session = self._patiently(host, lambda: self._start(host, root, key, self._lock_hosts, keep))
        with self._lock:
            self._sessions[key] = session
            if self._stops != stops:
                raise Interrupted(f"{host.name}: nothing was started")
        return session

    def _patiently(self, host: Host, start: Callable[[], AgentSession]) -> AgentSession:
        """Start it, again and again where the play waits for the host. Raises what the last try raised."""
        deadline = time.monotonic() + host.patience
        while True:
            try:
                return start()
            except Distrusted:
                raise
            except Unreachable:
                if time.monotonic() >= deadline or self._stops:  # a run that was stopped waits for nobody
                    raise
            self.forget(host.name)
            time.sleep(RETRY_SECONDS)

    @contextmanager
    def helper(self, host: Host, user: str) -> Iterator[AgentSession]:
        """An agent that runs one step for another host. user: whom the step becomes, empty for nobody."""
        own = way(host)
        key = (*own, "root" if user else "")

        def start(number: int) -> AgentSession:
            extra = () if number < CHANNELS else (str(number // CHANNELS),)
            return self._patiently(host, lambda: self._start(host, bool(user), (*own, *extra), lock=False))

        with self._helpers.borrow(key, start) as session:
            yield session

    def _start(
        self, host: Host, root: bool, key: Way, lock: bool, keep: Mapping[str, Any] | None = None
    ) -> AgentSession:
        connection = self._connection(host, key)
        become = self._become(host, connection) if root else None
        more = keep or {}
        try:
            session = AgentSession(connection, become)
        except Failed as error:
            if isinstance(error, NoPython) or not (host.patience or more.get("continues")):
                raise
            raise Unreachable(error.message, next_step=error.next_step) from error  # it goes down, or comes up
        session.hello(self.holder, lock, {**more, "here": isinstance(connection, LocalConnection)})
        return session

    def connection(self, host: Host) -> Connection:
        """The host's connection."""
        return self._connection(host, way(host))

    def forget(self, host: str) -> None:
        """Drop a host whose connection broke."""
        with self._lock:
            sessions = [self._sessions.pop(key) for key in list(self._sessions) if key[0] == host]
            connections = [self._connections.pop(key) for key in list(self._connections) if key[0] == host]
        sessions.extend(self._helpers.of(host))
        for session in sessions:
            session.close()
        for connection in connections:
            connection.close()

    def stop(self) -> None:
        """Ask every agent to stop after its current step; those that are being started start nothing."""
        with self._lock:
            self._stops += 1
            sessions = [*self._sessions.values(), *self._helpers.everyone()]
        for session in sessions:
            session.stop_quietly()

    def close(self) -> None:
        """Close everything."""
        with self._lock:
            names = {key[0] for key in (*self._sessions, *self._connections)} | self._helpers.hosts()
        # At the same time: an agent is given a moment to end, and many such moments in a row are long.
        with ThreadPoolExecutor(max_workers=CLOSERS) as pool:
            list(pool.map(self.forget, names))
        self._connector.close()

    def _connection(self, host: Host, key: Way) -> Connection:
        with self._lock:
            guard = self._opening.setdefault(key, Lock())
        with guard:
            if key not in self._connections:
                self._connections[key] = self._connector.connect(evaluated(host, self._services))
            return self._connections[key]

    def _become(self, host: Host, connection: Connection) -> Become | None:
        if connection.user == "root":
            return None
        # The agent itself is root's; its forks become the users that steps name.
        variables = {**evaluated(host, self._services).variables, "ansible_become": True, "ansible_become_user": "root"}
        return become_of(variables, {}, host.name)


def evaluated(host: Host, services: Services) -> Host:
    """The host with the variables that steer its connection evaluated."""
    scope = Scope([host.variables, {"inventory_hostname": host.name}], services.expressions, services.secret)
    values: dict[str, Any] = {}
    for name, value in host.variables.items():
        if str(name).startswith("ansible_"):
            try:
                values[name] = scope.evaluate(value)
            except (ExpressionError, Refusal):
                continue
    return Host(host.name, host.groups, values, host.position)


def way(host: Host) -> Way:
    """The host and the way to it: a play or a step may go another one (`connection`, `remote_user`, `port`)."""
    return (host.name, *(str(host.variables.get(name, "")) for name in WAY))


def needs_root(plan: Plan) -> Callable[[str], bool]:
    """Whether a host's agent must be root's. While hosts may join, it is not known which plays a host is in."""
    if plan.growing is not None:
        anywhere = any(play.needs_root for play in plan.plays)
        return lambda host: anywhere
    hosts = {name for play in plan.plays if play.needs_root for name in play.hosts}
    return lambda host: host in hosts
