"""What of Fabric's own ways is not used, because of what they would let a host do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import fabric
import pytest

import clusterbook
from clusterbook.errors import ClusterbookError
from clusterbook.transport.host_keys import HostKeyPolicy
from clusterbook.transport.identities import Identities
from clusterbook.transport.known_hosts import KnownHosts
from clusterbook.transport.settings import Settings
from clusterbook.transport.ssh import open_ssh

TRANSPORT = Path(clusterbook.__file__).parent / "transport"


def test_fabric_is_told_to_send_no_environment_no_agent_and_to_ask_our_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    policies: list[Any] = []

    class Recorded(fabric.Connection):
        def __init__(self, **options: Any) -> None:
            told.update(options)
            super().__init__(**options)
            monkeypatch.setattr(self.client, "set_missing_host_key_policy", policies.append)

        def open(self) -> None:
            raise EOFError

    monkeypatch.setattr(fabric, "Connection", Recorded)
    monkeypatch.setattr("clusterbook.transport.ssh._open_socket", lambda settings: Closed())
    with pytest.raises(ClusterbookError):
        open_ssh(Settings("h", "192.0.2.1", 22, "admin"), KnownHosts(()), Identities())
    assert told["inline_ssh_env"] is told["forward_agent"] is False
    assert isinstance(policies[0], HostKeyPolicy)


def test_each_connection_has_a_configuration_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fabric writes into it, and it is empty for a moment meanwhile: what another thread reads then is not there."""
    configurations: list[Any] = []

    class Recorded(fabric.Connection):
        def open(self) -> None:
            configurations.append(self.config)
            raise EOFError

    monkeypatch.setattr(fabric, "Connection", Recorded)
    monkeypatch.setattr("clusterbook.transport.ssh._open_socket", lambda settings: Closed())
    for name in ("a", "b"):
        with pytest.raises(ClusterbookError):
            open_ssh(Settings(name, "192.0.2.1", 22, "admin"), KnownHosts(()), Identities())
    assert configurations[0] is not configurations[1]


class Closed:
    """A socket that is there."""

    def close(self) -> None:
        """Nothing to close."""


def test_programs_and_files_go_neither_through_fabrics_run_and_sudo_nor_through_its_put() -> None:
    own = re.compile(r"link\.(run|sudo|put|get|local|shell|sftp|forward_\w+)\(")
    assert [path.name for path in TRANSPORT.glob("*.py") if own.search(path.read_text())] == []
