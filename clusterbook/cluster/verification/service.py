"""A component as systemd keeps it: what verify files ask of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from testinfra.host import Host as Testhost

KEPT = {"ActiveState": "active", "UnitFileState": "enabled", "Restart": "always"}


@dataclass(frozen=True)
class Service:
    """A systemd unit on a host, by its name without `.service`."""

    host: Testhost
    name: str

    def lapses(self) -> list[str]:
        """Properties that are not as wanted, as NAME=VALUE: none when it runs, and comes back after an end or a boot.

        Properties: org.freedesktop.systemd1(5), systemd.service(5).
        """
        shown = self.host.check_output(f"systemctl show --property={','.join(KEPT)} %s", self.name).splitlines()
        return [line for line in shown if line not in {f"{name}={value}" for name, value in KEPT.items()}]

    @cached_property
    def user(self) -> str:
        """Whose process it is."""
        return str(self.host.check_output("stat --format=%%U /proc/%s", self._process()))

    @cached_property
    def arguments(self) -> list[str]:
        """The running program's own command line, without the program."""
        return str(self.host.check_output("tr '\\0' '\\n' < /proc/%s/cmdline", self._process())).splitlines()[1:]

    def _process(self) -> str:
        return str(self.host.check_output("systemctl show --value --property=MainPID %s", self.name))
