"""Debian packages: the state is read straight from dpkg's own file, changes are made by apt-get."""

from __future__ import annotations

import os
import re
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from clusterbook.modules.contract import ModuleFailed
from clusterbook.modules.system.commands import Completed
from clusterbook.records import dataclass

STATUS = "/var/lib/dpkg/status"
LOCK_WAIT_SECONDS = 60
QUIET = {
    "DEBIAN_FRONTEND": "noninteractive", "DEBIAN_PRIORITY": "critical", "APT_LISTCHANGES_FRONTEND": "none",
    "APT_LISTBUGS_FRONTEND": "none", "LC_ALL": "C.UTF-8", "NEEDRESTART_MODE": "l", "UCF_FORCE_CONFFOLD": "1",
}
FIELD = r"(?m)^(Package|Status|Version|Architecture|Provides|Source|Section): (.*)$"


@dataclass(frozen=True)
class Package:
    """One package that dpkg knows. status: its third word (installed, config-files, half-installed, unpacked …)."""

    name: str
    version: str
    architecture: str
    status: str
    held: bool = False
    provides: Tuple[str, ...] = ()
    source: str = ""
    section: str = ""

    @property
    def installed(self) -> bool:
        """Unpacked and configured."""
        return self.status == "installed"


class Packages:
    """The live packages."""

    # Whether an earlier step of a plan would fetch the archives' lists.
    lists_may_change = False

    def __init__(
        self, execute: Callable[..., Completed], query: Callable[..., Completed], status: str = STATUS
    ) -> None:
        """execute and query: how programs are run; status: dpkg's file."""
        self.execute = execute
        self.query = query
        self.status = status
        self._read_at = -1
        self._packages: Dict[str, Package] = {}

    def pending(self) -> str:
        """Why something missing may exist later: nothing is pending on a live host."""
        return ""

    def installed(self, name: str) -> Optional[Package]:
        """A package that is installed under this name, or one that provides it; None otherwise."""
        packages = self.all()
        bare = name.split(":")[0]
        found = packages.get(name) or packages.get(bare)
        if found is not None and found.installed:
            return found
        for package in packages.values():
            if bare in package.provides and package.installed:
                return package
        return None

    def known(self, name: str) -> Optional[Package]:
        """A package in whatever state, None when dpkg never heard of it."""
        return self.all().get(name.split(":")[0])

    def all(self) -> Mapping[str, Package]:
        """Every package by name (the first architecture under the bare name, each under NAME:ARCHITECTURE)."""
        try:
            time = os.stat(self.status).st_mtime_ns
        except FileNotFoundError:
            raise ModuleFailed(
                f"{self.status} does not exist: not a Debian or Ubuntu host",
                next_step="Use a host with Debian or Ubuntu, or install by another way than packages.",
            ) from None
        if time != self._read_at:
            with open(self.status, encoding="utf-8", errors="replace") as file:
                self._packages = parse_status(file.read())
            self._read_at = time
        return self._packages

    def apt(
        self, words: Sequence[str], becomes: Mapping[str, bool], environment: Optional[Mapping[str, str]] = None
    ) -> Completed:
        """Run `apt-get WORDS` without questions. becomes: package name -> installed, for a prediction."""
        argv = ["apt-get", "-y", "-q", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT_SECONDS}", *words]
        done = self.execute(argv, environment={**QUIET, **(environment or {})})
        self._read_at = -1
        if done.returncode:
            raise ModuleFailed(
                f"'{' '.join(argv)}' failed: {last_lines(done.stderr or done.stdout)}",
                {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr, "cmd": argv},
                "Read the message of apt above; a lock held by another program is waited for "
                f"{LOCK_WAIT_SECONDS} s.",
            )
        return done

    def candidates(self, names: Iterable[str]) -> Dict[str, str]:
        """The version that apt would install, by name; names that apt cannot install are missing."""
        done = self.query(["apt-cache", "policy", *names], environment={"LC_ALL": "C.UTF-8"})
        found: Dict[str, str] = {}
        name = ""
        for line in done.stdout.splitlines():
            if line and not line[0].isspace():
                name = line.rstrip(":")
            elif line.strip().startswith("Candidate:"):
                version = line.split(":", 1)[1].strip()
                if version != "(none)":
                    found[name] = version
        return found

    def newer(self, first: str, operator: str, second: str) -> bool:
        """Compare two versions as dpkg does (operator: lt le eq ne ge gt)."""
        return self.query(["dpkg", "--compare-versions", first, operator, second]).returncode == 0


def parse_status(text: str) -> Dict[str, Package]:
    """dpkg's status file."""
    found: Dict[str, Package] = {}
    for paragraph in text.split("\n\n"):
        fields = dict(re.findall(FIELD, paragraph))
        if "Package" not in fields:
            continue
        selection, _, status = (fields.get("Status", "") + "  ").split(" ", 2)
        provides = tuple(item.split("(")[0].strip().split(":")[0]
                         for item in fields.get("Provides", "").split(",") if item.strip())
        package = Package(
            fields["Package"], fields.get("Version", ""), fields.get("Architecture", ""), status.strip(),
            selection == "hold", provides, fields.get("Source", ""), fields.get("Section", ""),
        )
        if package.name not in found or not found[package.name].installed:
            found[package.name] = package
        found[f"{package.name}:{package.architecture}"] = package
    return found


def last_lines(text: str, count: int = 8) -> str:
    """The end of a program's output, where the reason stands."""
    lines: List[str] = [line for line in text.strip().splitlines() if line.strip()]
    return "\n".join(lines[-count:])
