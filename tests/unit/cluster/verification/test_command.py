"""Verify files on hosts of which some cannot be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from clusterbook.cli.check import exit_code
from clusterbook.cluster.verification.command import Verified, verify
from clusterbook.errors import EXIT_DONE, EXIT_FAILED, EXIT_UNREACHABLE, Failed, Unreachable
from clusterbook.model import Host
from clusterbook.transport.protocol import Connection

HOSTS = {name: Host(name, ("all",), {}) for name in ("a", "b")}


class Answering:
    """A connection to a host whose every command ends well."""

    python = "/usr/bin/python3"

    def __init__(self, host: Host) -> None:
        self.host = host.name
        self._answer = b""

    def start(self, *_: Any) -> Answering:
        return self

    def write(self, _: bytes) -> None:
        self._answer = bytes(12)

    def read(self, size: int, _: float) -> bytes:
        piece, self._answer = self._answer[:size], self._answer[size:]
        return piece

    def close(self) -> None:
        pass


def connect(host: Host) -> Connection:
    if host.name == "b":
        raise Unreachable("b (192.0.2.2:22): connection refused", next_step="Check that sshd runs there.")
    return cast(Connection, Answering(host))


def test_a_host_that_does_not_answer_is_named_once_and_the_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "web" / "verify").mkdir(parents=True)
    text = "GROUPS = ('all',)\ndef test_one(host): host.check_output('true')\ndef test_two(host): pass\n"
    (tmp_path / "web" / "verify" / "test_web.py").write_text(text)
    found = verify(HOSTS, {"all": ["a", "b"]}, tmp_path, connect)
    assert (found.passed, found.failed, found.text) == (2, 0, "")
    assert {name: error.next_step for name, error in found.unasked.items()} == {"b": "Check that sshd runs there."}
    assert (found.well, exit_code(found)) == (False, EXIT_UNREACHABLE)


def test_a_failed_check_weighs_more_than_a_host_that_was_not_reached() -> None:
    unreached = {"b": Unreachable("b: connection refused")}
    assert exit_code(Verified(5, 0, "")) == EXIT_DONE
    assert exit_code(Verified(4, 1, "", unreached)) == EXIT_FAILED
    assert exit_code(Verified(0, 0, "", {"b": Failed("sudo wants a password")})) == EXIT_FAILED
