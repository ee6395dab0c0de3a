"""A ProxyCommand of OpenSSH: a program whose input and output carry the connection.

Paramiko's own class spins when the program ends and leaves the process behind, so the program gets a real socket.
"""

from __future__ import annotations

import contextlib
import shlex
import socket
import subprocess
from typing import Any

from clusterbook.errors import Unreachable
from clusterbook.transport.settings import Settings


class ProxySocket(socket.socket):
    """Our end of the connection; closing it ends the program."""

    process: subprocess.Popen[bytes]

    def close(self) -> None:
        """Close the connection and reap the program; one that does not end is killed after 2 s."""
        super().close()
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
    with theirs:
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {filled_in(command, settings)}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise Unreachable(
                f"{settings.host}: cannot start its proxy command: {str(error.strerror).lower()}",
                next_step="Correct ProxyCommand.",
            ) from None
    proxy = ProxySocket(fileno=ours.detach())
    proxy.process = process
    return proxy


def filled_in(command: str, settings: Settings) -> str:
    """The command with the tokens that OpenSSH knows there."""
    values: dict[str, Any] = {"h": settings.address, "p": settings.port, "r": settings.user, "n": settings.host}
    parts = command.split("%%")
    for token, value in values.items():
        parts = [part.replace(f"%{token}", shlex.quote(str(value))) for part in parts]
    return "%".join(parts)
