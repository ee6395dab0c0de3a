"""Modules that look, and modules that wait: what they return, and what they say when it is not there."""

from __future__ import annotations

import base64
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.modules.contract import Outcome
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed
from tests.unit.modules.conftest import Do, perform


@pytest.fixture
def port() -> Iterator[int]:
    """A port that says a word to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def greet() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(b"hello 7\n")
            except OSError:
                return

        threading.Thread(target=greet, daemon=True).start()
        yield int(server.getsockname()[1])


def test_slurp_gives_bytes_as_they_are(do: Do, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\0\xff\n")
    outcome = do("slurp", src=str(tmp_path / "f"))
    assert base64.b64decode(outcome.values["content"]) == b"\0\xff\n"
    assert outcome.values["encoding"] == "base64" and not outcome.changed


@pytest.mark.parametrize(("name", "message"), [
    ("none", "File not found: {}"), (".", "Source is a directory and must be a file: {}"),
])  # fmt: skip
def test_slurp_says_what_is_wrong(do: Do, tmp_path: Path, name: str, message: str) -> None:
    path = os.path.join(str(tmp_path), name)
    outcome = do("slurp", src=path)
    assert outcome.failed and outcome.message == message.format(path)


UNITS = """a.service loaded active running A
b.service loaded active exited B
● c.service loaded failed failed C
d.service not-found inactive dead D
"""
FILES = (
    "a.service enabled enabled\nb.service static -\nc.service enabled enabled\ne.service masked enabled\n"
    "f@.service static -\n"
)


def units(code: int = 0) -> System:
    """A host whose systemd has these units."""
    system = System()

    def query(argv: Any, **options: Any) -> Completed:
        said = {"list-units": UNITS, "list-unit-files": FILES, "show": "ActiveState=inactive\n"}[argv[1]]
        return Completed(tuple(argv), code, said, "no bus" if code else "", 0.0, 0.0)

    system.query = query  # type: ignore[method-assign]
    return system


def test_service_facts_join_what_runs_and_what_is_installed() -> None:
    services = perform("service_facts", {}, units(), False).values["ansible_facts"]["services"]
    assert {name: (item["state"], item["status"]) for name, item in services.items()} == {
        "a.service": ("running", "enabled"), "b.service": ("stopped", "static"), "c.service": ("stopped", "failed"),
        "d.service": ("stopped", "not-found"), "e.service": ("inactive", "masked"),
        "f@.service": ("unknown", "static"),
    }  # fmt: skip


def test_service_facts_fail_where_systemd_does_not_answer() -> None:
    assert perform("service_facts", {}, units(1), False).message == "systemd does not answer: no bus"


def test_listen_ports_facts_find_a_port_and_its_process(do: Do, port: int) -> None:
    found = [item for item in do("listen_ports_facts").values["ansible_facts"]["tcp_listen"] if item["port"] == port]
    assert [(item["address"], item["protocol"], item["pid"]) for item in found] == [("127.0.0.1", "tcp", os.getpid())]


def waited(do: Do, **arguments: Any) -> Outcome:
    """wait_for with a short patience."""
    return do("wait_for", timeout=arguments.pop("timeout", 5), **arguments)


def test_wait_for_a_port_and_what_it_says(do: Do, port: int) -> None:
    outcome = waited(do, port=port, search_regex=r"hello (?P<number>\d)")
    assert outcome.values["match_groups"] == ["7"] and outcome.values["match_groupdict"] == {"number": "7"}
    assert waited(do, port=port).values["state"] == "started"
    assert waited(do, port=port, state="stopped", timeout=0).message == (
        f"Timeout when waiting for 127.0.0.1:{port} to stop")


def test_wait_for_a_file_that_comes_and_one_that_goes(do: Do, tmp_path: Path) -> None:
    path = tmp_path / "f"

    def later() -> None:
        time.sleep(0.1)
        path.write_text("some text\n")

    threading.Thread(target=later).start()
    assert waited(do, path=str(path), search_regex="^some (.*)$").values["match_groups"] == ["text"]
    assert waited(do, path=str(path), state="absent", timeout=0).message == f"waited 0 s for {path} to be absent"
    path.unlink()
    assert not waited(do, path=str(path), state="absent").failed


def test_wait_for_says_what_did_not_happen(do: Do, tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert waited(do, path=path, timeout=0).message == f"waited 0 s for {path} to be present"
    assert waited(do, path=path, search_regex="x", timeout=0).message == f"waited 0 s for {path} with 'x' to be present"
    assert waited(do, path=path, timeout=0, msg="not there").message == "not there"
