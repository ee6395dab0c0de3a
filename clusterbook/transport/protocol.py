"""What every transport offers: connections to hosts, and channels (one program with its input and output) over them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import field
from threading import Thread
from typing import Protocol

from clusterbook.errors import ClusterbookError
from clusterbook.records import dataclass

STDERR_KEPT = 16 * 1024


@dataclass(frozen=True)
class Options:
    """What holds for a whole run. Variables of a host (`ansible_user` …) beat the values that have the same meaning.

    accept_new: a host whose key is in no known_hosts file is added to the first of them instead of being refused.
    connect_timeout: seconds for TCP; each later part (greeting, key exchange, login, opening a channel) has 3 times as
    many, because a busy host answers late there.
    keepalive: seconds of silence after which the connection is tested; a host that does not answer for three
    times as long is lost.
    interpreter: the Python of hosts that name none; on the local machine only where there is such a file.
    """

    connection: str = "ssh"
    user: str | None = None
    port: int | None = None
    private_key_file: str | None = None
    password: str | None = field(default=None, repr=False)
    accept_new: bool = False
    known_hosts_files: tuple[str, ...] = ()
    ssh_config_files: tuple[str, ...] = ("~/.ssh/config", "/etc/ssh/ssh_config")
    connect_timeout: float = 10.0
    keepalive: float = 15.0
    interpreter: str | None = None


@dataclass(frozen=True)
class Become:
    """Another user on the host. password: of the user who logs in; None means that sudo must not ask."""

    user: str = "root"
    method: str = "sudo"
    password: str | None = field(default=None, repr=False)
    executable: str = "sudo"
    flags: tuple[str, ...] = ("-H",)


class Channel(Protocol):
    """One running program: its standard input and output as bytes."""

    def read(self, size: int, timeout: float | None = None) -> bytes:
        """At least one byte and at most `size`; b"" at the end. Raises Unreachable after `timeout` seconds."""

    def write(self, data: bytes) -> None:
        """All of the bytes to standard input. Raises Unreachable when the program or the connection is gone."""

    def finish_input(self) -> None:
        """Close standard input: the program reads its end."""

    def stderr_tail(self) -> str:
        """The last 16 KiB of what the program wrote to standard error so far."""

    def exit_status(self, timeout: float | None = None) -> int | None:
        """The exit status (negative: the signal), waiting up to `timeout` seconds; None while it is unknown."""

    def why_ended(self) -> ClusterbookError:
        """The reason for an end that nobody expected: sudo refused, no interpreter, connection lost …"""

    def close(self) -> None:
        """End the channel; the program's input and output are closed. Safe to call twice."""


class Connection(Protocol):
    """A host that can be talked to."""

    host: str
    user: str
    python: str | None

    def start(self, argv: Sequence[str], become: Become | None = None) -> Channel:
        """Start a program, as another user when `become` is given. Raises Unreachable or Failed (sudo)."""

    def close(self) -> None:
        """Close the connection and all of its channels. Safe to call twice."""


@dataclass(frozen=True)
class Completed:
    """What a program left behind. exit_status is negative for a signal and -1 when it is unknown."""

    exit_status: int
    stdout: bytes
    stderr: str


def run(
    connection: Connection,
    argv: Sequence[str],
    become: Become | None = None,
    data: bytes = b"",
    timeout: float | None = None,
) -> Completed:
    """Run a program to its end with `data` as its whole input. timeout: seconds between two pieces of output."""
    channel = connection.start(argv, become)
    writer = Thread(target=_feed, args=(channel, data), daemon=True)
    try:
        writer.start()
        parts = list(iter(lambda: channel.read(65536, timeout), b""))
        status = channel.exit_status(10.0)
        return Completed(-1 if status is None else status, b"".join(parts), channel.stderr_tail())
    finally:
        channel.close()


def _feed(channel: Channel, data: bytes) -> None:
    """Write beside the reader, so that neither waits for the other. A program may end without reading everything."""
    with contextlib.suppress(ClusterbookError):
        if data:
            channel.write(data)
    channel.finish_input()
