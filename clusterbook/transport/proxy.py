"""A ProxyCommand of OpenSSH: a program whose input and output carry the connection.

Paramiko's own class spins when the program ends and leaves the process behind, so the program gets a real socket.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import socket
import subprocess
import tempfile
from threading import Lock
from typing import IO, Any

from clusterbook.errors import Unreachable
from clusterbook.transport.settings import Settings

# What ssh says when a server hung up before it greeted, as sshd does to those beyond its MaxStartups.
_DROPPED = re.compile(r"(kex|ssh)_exchange_identification")
LINES = 2
"""So many of its last lines say why a program ended."""


class Dropped(Unreachable):
    """The host in between had no place for one more login just now."""


class ProxySocket(socket.socket):
    """Our end of the connection; closing it ends the program."""

    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    closing: Lock
    words = ""
    """What the program wrote, when it is closed and had ended by itself with an error."""

    def close(self) -> None:
        """Close the connection and reap the program; one that does not end is killed after 2 s."""
        super().close()
        with self.closing:  # Paramiko's thread closes it, too
            self._reap()
            if self.errors.closed:
                return
            self.errors.seek(0)
            lines = self.errors.read().decode(errors="replace").splitlines()
            if self.process.returncode > 0:
                self.words = "; ".join([line.strip() for line in lines if line.strip()][-LINES:])
            self.errors.close()

    def _reap(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
            return
        self.process.terminate()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def open_proxy(command: str, settings: Settings) -> ProxySocket:
    """Start the command in a shell, as OpenSSH does. %h, %p, %r and %% are filled in, quoted."""
    ours, theirs = socket.socketpair()
    errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the socket)
    with theirs:
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {filled_in(command, settings)}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            errors.close()
            raise Unreachable(
                f"{settings.host}: cannot start its proxy command: {str(error.strerror).lower()}",
                next_step="Correct ProxyCommand.",
            ) from None
    proxy = ProxySocket(fileno=ours.detach())
    proxy.process, proxy.errors, proxy.closing = process, errors, Lock()
    return proxy


def ended(settings: Settings, words: str) -> Unreachable:
    """Why there was no connection, in the program's own words."""
    message = f"{settings.host}: its proxy command ended: {words}"
    if _DROPPED.search(words):
        return Dropped(message, next_step="Raise MaxStartups in the sshd_config of the host in between.")
    return Unreachable(message, next_step=f"Try it by itself: {filled_in(settings.proxy_command or '', settings)}")


def filled_in(command: str, settings: Settings) -> str:
    """The command with the tokens that OpenSSH knows there."""
    values: dict[str, Any] = {"h": settings.address, "p": settings.port, "r": settings.user, "n": settings.host}
    parts = command.split("%%")
    for token, value in values.items():
        parts = [part.replace(f"%{token}", shlex.quote(str(value))) for part in parts]
    return "%".join(parts)
