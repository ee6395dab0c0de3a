"""Where Debian's packages come from: the mirrors that this machine itself is set up with."""

from __future__ import annotations

from dataclasses import dataclass

from clusterbook.cluster.artifacts.programs import output, require
from clusterbook.errors import Failed

CODENAMES = {"debian-12": "bookworm", "debian-13": "trixie"}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_FORMAT = "$(REPO_URI) $(LABEL)"


@dataclass(frozen=True)
class Mirrors:
    """Addresses of the archive and of its security updates, without a closing slash."""

    archive: str
    security: str


def parse_mirrors(targets: str) -> Mirrors:
    """Find the mirrors in lines of `address label`, as `apt-get indextargets` prints them."""
    found: dict[str, str] = {}
    for line in targets.splitlines():
        address, _, label = line.partition(" ")
        found.setdefault(label.strip(), address.rstrip("/"))
    if "Debian" not in found:
        raise Failed(
            "this machine's apt knows no Debian archive to take the hosts' packages from",
            next_step="Add Debian's archive to the machine's apt sources and run apt-get update.",
        )
    return Mirrors(found["Debian"], found.get("Debian-Security", ""))


def mirrors() -> Mirrors:
    """The mirrors of this machine. It must be Debian and `apt-get update` must have run once."""
    require("apt-get", "to know where Debian's packages come from", "Run this on Debian.")
    return parse_mirrors(output(["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"]))


def sources(image: str, of: Mirrors) -> str:
    """The lines of a host's sources.list: the release, its updates and its security updates."""
    codename = CODENAMES[image]
    option = f"[signed-by={KEYRING}]"
    lines = [f"deb {option} {of.archive} {suite} main" for suite in (codename, f"{codename}-updates")]
    if of.security:
        lines.append(f"deb {option} {of.security} {codename}-security main")
    return "".join(f"{line}\n" for line in lines)
