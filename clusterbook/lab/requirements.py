"""What the machine must have before a lab is made: refusals come first, with the command that helps."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from clusterbook.errors import InvalidInput
from clusterbook.lab import apt_cache, network
from clusterbook.lab.command import run
from clusterbook.lab.spec import LabSpec

# Program -> Debian package.
PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "apt-cacher-ng": "apt-cacher-ng",
}
# A lab does without these, only more slowly.
OPTIONAL = frozenset({"apt-cacher-ng"})
FILE_SYSTEMS = ("overlay",)
_INSTALL = ("apt-get", "install", "-q", "-y", "--no-install-recommends")
_SEARCH = "/usr/sbin:/sbin:/usr/bin:/bin"


def check(spec: LabSpec) -> None:
    """Refuse a lab that cannot be made here. Raises InvalidInput; nothing was changed."""
    check_root()
    check_programs()
    check_kernel()
    check_address_range(spec)


def check_root(user: int | None = None, what: str = "a lab") -> None:
    """Refuse without root: namespaces, mounts and control groups need it. user: id, the caller's by default."""
    if (os.geteuid() if user is None else user) != 0:
        raise InvalidInput(f"{what} needs root on this machine", next_step="Run the same command with sudo.")


def missing_packages(programs: Callable[[str], bool] | None = None) -> list[str]:
    """Debian packages whose programs are not there. programs: tells whether a program is installed."""
    has = programs or (lambda name: shutil.which(name, path=_path()) is not None)
    return sorted({package for program, package in PROGRAMS.items() if not has(program)})


def check_programs(programs: Callable[[str], bool] | None = None) -> None:
    """Refuse when a program that the lab cannot do without is missing. programs: as for missing_packages."""
    missing = [package for package in missing_packages(programs) if package not in OPTIONAL]
    if missing:
        raise InvalidInput(
            f"the machine lacks {', '.join(missing)}",
            next_step=f"Run: apt-get install --no-install-recommends {' '.join(missing)}",
        )


def check_kernel(filesystems: str | None = None) -> None:
    """Refuse a kernel without overlay file systems. filesystems: text like /proc/filesystems."""
    text = filesystems if filesystems is not None else Path("/proc/filesystems").read_text()
    known = {line.split()[-1] for line in text.splitlines() if line.strip()}
    missing = [kind for kind in FILE_SYSTEMS if kind not in known]
    if missing:
        raise InvalidInput(f"the kernel knows no {', '.join(missing)} file system",
                           next_step=f"Load it: modprobe {' '.join(missing)}")  # fmt: skip


def check_address_range(spec: LabSpec) -> None:
    """Refuse a network that the machine already uses for something else."""
    taken = network.overlapping_routes(spec, run(["ip", "-4", "-json", "route", "show", "table", "main"]))
    if taken:
        raise InvalidInput(
            f"the network {spec.network} of the lab {spec.name} is taken on this machine: {', '.join(taken)}",
            next_step="Choose another network for the lab.",
        )


def install(progress: Callable[[str], None] = lambda line: None) -> list[str]:
    """Install what is missing with apt-get. Returns the packages; the service that one brings is stopped."""
    check_root()
    missing = missing_packages()
    if not missing:
        return []
    progress(f"installing {', '.join(missing)}")
    run(["apt-get", "update", "-q"], seconds=300)
    run(["env", "DEBIAN_FRONTEND=noninteractive", *_INSTALL, *missing], seconds=900)
    if apt_cache.PROGRAM in missing and Path("/run/systemd/system").is_dir():
        # The package starts a cache of the whole machine, on the port of the lab's own.
        run(["systemctl", "disable", "--now", apt_cache.PROGRAM])
    return missing


def _path() -> str:
    """Where programs are looked for: the caller's PATH and the system's directories."""
    return f"{os.environ.get('PATH', '')}:{_SEARCH}"
