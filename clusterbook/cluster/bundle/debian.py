"""Debian packages with all that they depend on, for a release that need not be this machine's.

apt itself chooses and verifies them, in a folder of its own that knows no installed package: so the set is complete for
any host of that release, whatever it has already. On the host apt takes what is missing there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from clusterbook.cluster.artifacts import debian_mirrors
from clusterbook.cluster.artifacts.cache import Cache, digest
from clusterbook.cluster.artifacts.debian_mirrors import CODENAMES, KEYRING, Mirrors
from clusterbook.cluster.artifacts.events import Event, Report
from clusterbook.cluster.artifacts.programs import output, require
from clusterbook.cluster.bundle.foreseen import System
from clusterbook.errors import Failed, InvalidInput
from clusterbook.records import dataclass

_LISTED = re.compile(r"'(?P<address>[^']+)' (?P<file>\S+) (?P<size>\d+) ")
_INSTALL = "Run this on Debian with apt, or on a host of the lab."
_NOT_FOUND = re.compile(r"E: (?:Unable to locate package|Package) '?([\w.+-]+)'?")


@dataclass(frozen=True)
class DebianPackage:
    """One package file. control: its own description, as dpkg shows it; address: where apt took it from."""

    path: Path
    control: str
    address: str
    sha256: str
    size: int

    def field(self, name: str) -> str:
        """A field of the description; '' when it has none."""
        found = re.search(rf"^{name}: (.*)$", self.control, re.MULTILINE)
        return found[1] if found else ""

    @property
    def file(self) -> str:
        """Its name in a repository: NAME_VERSION_ARCHITECTURE.deb, the version without its epoch."""
        version = self.field("Version").rpartition(":")[2]
        return f"{self.field('Package')}_{version}_{self.field('Architecture')}.deb"


def check(systems: Iterable[System]) -> None:
    """InvalidInput for a release that is not known here."""
    for system in systems:
        if system.release not in CODENAMES:
            raise InvalidInput(f"no packages are known for {system.release!r}",
                               next_step=f"Name one of: {', '.join(CODENAMES)}.")  # fmt: skip


def resolve(system: System, names: Iterable[str], cache: Cache, report: Report) -> list[DebianPackage]:
    """The packages and all that they need, verified by Debian's signed index, sorted by name."""
    require("apt-get", "to choose Debian's packages", _INSTALL)
    require("dpkg-deb", "to read Debian's packages", _INSTALL)
    key = f"{system.release}-{system.architecture}"
    with cache.held(f"debian-{key}"):
        apt = _Apt(cache.root / "debian" / key, system, debian_mirrors.mirrors())
        report(Event(key, "started", "lists of packages"))
        apt.update()
        found = apt.closure(sorted(names))
        report(Event(key, "progress", "packages", 0, len(found), "files"))
        apt.download(sorted(names))
        packages = [_read(apt.archives / Path(file).name, address) for file, address in found.items()]
    report(Event(key, "done", "packages", len(packages), len(packages), "files"))
    return sorted(packages, key=lambda one: (one.field("Package"), one.field("Version")))


def index(packages: Sequence[DebianPackage], folder: str) -> bytes:
    """The text of Packages. folder: where the files lie below the repository's address."""
    stanzas = (
        f"{one.control.rstrip()}\nFilename: {folder}/{one.file}\nSize: {one.size}\nSHA256: {one.sha256}\n"
        for one in packages
    )
    return "\n".join(stanzas).encode()


class _Apt:
    """apt-get with lists, status and archives of its own; the machine's are not touched."""

    def __init__(self, root: Path, system: System, mirrors: Mirrors) -> None:
        self.archives = root / "archives"
        for folder in ("lists/partial", "archives/partial", "none/partial"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "status").write_text("")
        (root / "sources.list").write_text(debian_mirrors.sources(system.release, mirrors))
        settings = {
            "Dir::State": root, "Dir::State::lists": root / "lists", "Dir::State::status": root / "status",
            "Dir::Cache": root, "Dir::Etc::SourceList": root / "sources.list", "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null", "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::Etc::Trusted": KEYRING, "APT::Architecture": system.architecture,
            "APT::Architectures": system.architecture, "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root", "Acquire::Languages": "none", "Debug::NoLocking": "true",
        }  # fmt: skip
        self._argv = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in settings.items())]
        self._none = root / "none"

    def update(self) -> None:
        self._run("-o", "APT::Update::Error-Mode=any", "update")

    def closure(self, names: Sequence[str]) -> dict[str, str]:
        """File name to address of everything that an empty system would be given, by asking as if nothing were here."""
        said = self._run("-o", f"Dir::Cache::Archives={self._none}", "-y", "-qq", "--print-uris", "install", *names)
        return {match["file"]: _public(match["address"]) for match in _LISTED.finditer(said)}

    def download(self, names: Sequence[str]) -> None:
        self._run("-o", f"Dir::Cache::Archives={self.archives}", "-y", "--download-only", "install", *names)

    def _run(self, *words: str) -> str:
        try:
            return output([*self._argv, *words], environment={"LC_ALL": "C.UTF-8"})
        except Failed as error:
            missing = _NOT_FOUND.search(error.message)
            if missing:
                raise Failed(f"Debian has no package {missing[1]} in this release",
                             next_step="Correct the name in the role's variables.") from error  # fmt: skip
            raise


def _read(path: Path, address: str) -> DebianPackage:
    control = output(["dpkg-deb", "--field", str(path)])
    return DebianPackage(path, control, address, digest(path), path.stat().st_size)


def _public(address: str) -> str:
    """An address without a name and password of this machine's own mirror."""
    parts = urlsplit(unquote(address))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
