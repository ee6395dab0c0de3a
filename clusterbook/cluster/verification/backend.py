"""testinfra over a root shell."""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host as Testhost

from clusterbook.cluster.verification.shell import RootShell


class ShellBackend(BaseBackend):  # type: ignore[misc]
    """What testinfra asks of a host goes through its kept connection."""

    NAME = "clusterbook"

    def __init__(self, name: str, shell: RootShell) -> None:
        """name: the host's inventory name."""
        super().__init__(name)
        self._shell = shell
        self._encoding = "utf-8"

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        """One command line; args are quoted into it."""
        line = self.encode(self.get_command(command, *args))
        status, output, errors = self._shell.run(line)
        return self.result(status, line, output, errors)


def testhost(name: str, shell: RootShell) -> Testhost:
    """testinfra's `host` for one of our hosts."""
    return Testhost(ShellBackend(name, shell))
