"""Who listens on which port, as the kernel tells it."""

from __future__ import annotations

import os
import pwd
import socket
import time
from typing import Any

import pytest

from clusterbook.modules.listen_ports_facts import place
from tests.unit.modules.conftest import Do

NAME = "community.general.listen_ports_facts"


def told(do: Do, protocol: str, port: int, **arguments: Any) -> list[dict[str, Any]]:
    """What the facts say of a port of this process."""
    facts = do(NAME, **arguments).values["ansible_facts"]
    return [one for one in facts[f"{protocol}_listen"] if one["port"] == port and one["pid"] == os.getpid()]


@pytest.mark.parametrize(("kind", "protocol"), [(socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")])
def test_a_listener_is_told_with_its_address_and_process(do: Do, kind: socket.SocketKind, protocol: str) -> None:
    with socket.socket(socket.AF_INET, kind) as listener:
        listener.bind(("127.0.0.1", 0))
        if protocol == "tcp":
            listener.listen()
        port = listener.getsockname()[1]
        (found,) = told(do, protocol, port)
    began = time.strptime(found.pop("stime"))
    assert time.mktime(began) <= time.time()
    with open("/proc/self/comm") as name:
        assert found == {
            "address": "127.0.0.1", "port": port, "protocol": protocol, "pid": os.getpid(),
            "name": name.read().strip(), "user": pwd.getpwuid(os.getuid()).pw_name,
        }  # fmt: skip


def test_connections_are_told_when_they_are_asked_for(do: Do) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as one:
        port, server = one.getsockname()[1], listener.getsockname()[1]
        assert told(do, "tcp", port) == []
        (found,) = told(do, "tcp", port, include_non_listening=True)
    assert found["state"] == "ESTABLISHED"
    assert found["foreign_address"] == f"127.0.0.1:{server}"


def test_addresses_of_both_families_are_read_from_the_kernels_words() -> None:
    assert place("0100007F:192B") == ("127.0.0.1", 6443)
    assert place("00000000000000000000000001000000:0016") == ("::1", 22)
