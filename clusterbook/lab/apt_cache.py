"""A package cache for one lab (apt-cacher-ng): hosts install quickly, and the same packages on every run."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import time
from pathlib import Path

from clusterbook.errors import Failed
from clusterbook.lab import cgroups, process, record
from clusterbook.lab.files import make_directory, write_file
from clusterbook.lab.spec import LabSpec

PROGRAM = "apt-cacher-ng"
CACHE = Path("/var/cache/clusterbook/apt")
# Debian's own settings remap archives through a list of mirrors that may be empty; these do not.
SETTINGS = "SupportDir: /usr/lib/apt-cacher-ng\nExThreshold: 30\n"


def available() -> bool:
    """Whether the machine has the program; without it hosts go straight to the archive."""
    return _program() is not None


def address(spec: LabSpec) -> str:
    """What a host's apt is told to use."""
    return f"http://{spec.gateway}:{spec.apt_port}"


def running(spec: LabSpec) -> bool:
    """Whether this lab's cache is up."""
    return process.alive(process.read_record(_record(spec)))


def start(spec: LabSpec) -> bool:
    """Start the cache on the lab's own address. Returns whether it was down."""
    if running(spec):
        return False
    directory = CACHE / spec.name
    for part in ("config", "packages", "log"):
        make_directory(directory / part)
    write_file(directory / "config" / "acng.conf", SETTINGS)
    _own(directory)
    stop(spec)
    log, hierarchies = spec.directory / "apt-cache.log", cgroups.mounted()
    cgroups.create(_group(spec), hierarchies)
    process.start(cgroups.inside(_group(spec), hierarchies, _argv(spec, directory)), log, _record(spec))
    _wait(spec, log)
    return True


def stop(spec: LabSpec) -> None:
    """End the cache; what it holds stays for the next lab of that name."""
    hierarchies = cgroups.mounted()
    process.stop(process.read_record(_record(spec)), grace=2)
    cgroups.kill(_group(spec), hierarchies)
    cgroups.remove(_group(spec), hierarchies)
    _record(spec).unlink(missing_ok=True)


def _argv(spec: LabSpec, directory: Path) -> list[str]:
    """The command line, as the program's own user; everything that differs between labs stands on it."""
    return [
        "setpriv", f"--reuid={PROGRAM}", f"--regid={PROGRAM}", "--clear-groups", "--",
        str(_program()), "-c", str(directory / "config"), "ForeGround=1", f"Port={spec.apt_port}",
        f"BindAddress={spec.gateway}", f"CacheDir={directory / 'packages'}", f"LogDir={directory / 'log'}",
        "SocketPath=", "PidFile=",
    ]  # fmt: skip


def _program() -> str | None:
    """Path of the program, which Debian puts where root's PATH may not look."""
    return shutil.which(PROGRAM, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _record(spec: LabSpec) -> Path:
    """Where the process's identity is kept."""
    return spec.directory / "apt-cache.json"


def _group(spec: LabSpec) -> str:
    """The control group of the program; no host's name begins with a dot."""
    return record.group(spec.name, ".apt-cache")


def _own(directory: Path) -> None:
    """Give the directories to the program's own user."""
    user = pwd.getpwnam(PROGRAM)
    for path in (directory, *directory.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)


def _wait(spec: LabSpec, log: Path) -> None:
    """Wait until it answers, 10 s at most."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and running(spec):
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((spec.gateway, spec.apt_port)) == 0:
                return
        time.sleep(0.05)
    raise Failed(
        f"the package cache does not answer on {address(spec)}: {process.tail(log)}",
        next_step=f"See whether another program uses port {spec.apt_port}.",
    )
