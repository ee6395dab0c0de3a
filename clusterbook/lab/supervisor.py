"""The process that boots one host, boots it again when it asks for that, and tidies up when it powers off.

Run as `python -m clusterbook.lab.supervisor HOST_DIRECTORY`. It imports little, since one runs for each host.
SIGTERM asks the host for a clean shutdown.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from clusterbook.lab import cgroups, container, network
from clusterbook.lab.record import Settings, read_settings


def supervise(settings: Settings) -> int:
    """Boot the host until it powers off. Returns nspawn's exit code."""
    hierarchies = cgroups.mounted()
    code = container.REBOOT
    while code == container.REBOOT:
        code = _boot(settings, hierarchies)
    network.disconnect_host(settings.spec.name, settings.host)
    return code


def _boot(settings: Settings, hierarchies: tuple[cgroups.Hierarchy, ...]) -> int:
    """One boot, from an empty network and empty control groups, as on a machine of its own."""
    machine = f"{settings.group}/machine"
    address = settings.spec.host(settings.host).address
    network.connect_host(settings.spec, settings.host, address)
    cgroups.kill(machine, hierarchies)
    cgroups.remove(machine, hierarchies)
    cgroups.create(machine, hierarchies)
    command = container.argv(settings.spec, settings.host, settings.directory, settings.base, settings.variables)
    child = subprocess.Popen(
        cgroups.inside(machine, hierarchies, command),
        stdin=subprocess.DEVNULL,
        env=container.environment(),
    )
    signal.signal(signal.SIGTERM, lambda number, frame: _forward(child, number, frame))
    return child.wait()


def _forward(child: subprocess.Popen[bytes], number: int, frame: FrameType | None) -> None:
    """Hand SIGTERM on: nspawn turns it into a clean shutdown of the host."""
    child.send_signal(number)


def main() -> int:
    """Entry: the host's directory is the only argument. A host is not as nice as who started it may be."""
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    os.umask(0o022)
    return supervise(read_settings(Path(sys.argv[1])))


if __name__ == "__main__":
    sys.exit(main())
