"""One question to many hosts at once: those that do not answer hide nothing of the others."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from clusterbook.cli.site import connected
from clusterbook.cluster.verification.shell import RootShell
from clusterbook.errors import ClusterbookError, Failed
from clusterbook.model import Host

# Hosts that are asked at a time.
AT_A_TIME = 16


def ask(hosts: Iterable[Host], command: str) -> dict[str, bytes | ClusterbookError]:
    """What a shell's command of root prints on each host, by name, or why it could not be asked."""

    def one(host: Host) -> bytes | ClusterbookError:
        try:
            return printed(host, command)
        except ClusterbookError as error:
            return error

    known = list(hosts)
    with ThreadPoolExecutor(AT_A_TIME) as executor:
        return dict(zip((host.name for host in known), executor.map(one, known), strict=True))


def printed(host: Host, command: str) -> bytes:
    """What the command prints on a host. Failed when its exit status is not 0, Unreachable without a connection."""
    shell = RootShell(connected(host))
    try:
        status, output, errors = shell.run(command.encode())
    finally:
        shell.close()
    if status:
        raise Failed(f"what was asked cannot be read: {errors.decode(errors='replace').strip()[-200:]!r}")
    return output
