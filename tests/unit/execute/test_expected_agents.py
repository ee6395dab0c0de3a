"""Agents that are started before anything asks for them: once each, and what went wrong is told to who asks."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from clusterbook.errors import Interrupted, Unreachable
from clusterbook.execute.hosts import Agents
from clusterbook.execute.services import Services
from clusterbook.model import Host
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Options

HERE = Host("a", ("all",), {"ansible_connection": "local"})


@pytest.fixture
def agents() -> Iterator[Agents]:
    made = Agents(Connector(Options()), "run-1", Services(), lock_hosts=False)
    yield made
    made.close()


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts that were connected to, in order."""
    found: list[str] = []
    connect = Connector.connect

    def noting(self: Connector, host: Any, options: Any = None) -> Any:
        found.append(host.name)
        return connect(self, host, options)

    monkeypatch.setattr(Connector, "connect", noting)
    return found


def no_root(name: str) -> bool:
    return False


def test_an_expected_agent_is_started_once(agents: Agents, connected: list[str]) -> None:
    agents.expect([HERE], no_root)
    first = agents.session(HERE, root=False)
    assert agents.session(HERE, root=False) is first
    assert connected == ["a"]


def test_what_went_wrong_is_raised_where_the_agent_is_asked_for(
    agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Connector, host: Any, options: Any = None) -> Any:
        raise Unreachable("it is not there")

    monkeypatch.setattr(Connector, "connect", gone)
    agents.expect([HERE], no_root)
    with pytest.raises(Unreachable, match="it is not there"):
        agents.session(HERE, root=False)


def test_a_run_that_is_stopped_meanwhile_gets_none(agents: Agents, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, stopped = Connector.connect, Event()

    def slow(self: Connector, host: Any, options: Any = None) -> Any:
        stopped.wait(10)
        return connect(self, host, options)

    monkeypatch.setattr(Connector, "connect", slow)
    agents.expect([HERE], no_root)
    agents.stop()
    stopped.set()
    with pytest.raises(Interrupted):
        agents.session(HERE, root=False)
