"""Take files out of a package of the machine's own Debian. Nothing of it is shipped: it is fetched where it is used."""

from __future__ import annotations

from pathlib import Path

from clusterbook.cluster.artifacts.catalog import DebianRecipe
from clusterbook.cluster.artifacts.programs import output, require
from clusterbook.errors import Failed

INSTALL = "Run this on Debian, or leave the test images out."


def build(recipe: DebianRecipe, folder: Path) -> dict[str, Path]:
    """Download the package by apt, which verifies it, and unpack it inside folder."""
    require("apt-get", f"to fetch {recipe.package}", INSTALL)
    # apt drops to its own user for downloads, which may not enter a private folder; as this user it may.
    output(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", recipe.package], folder)
    packages = list(folder.glob("*.deb"))
    if len(packages) != 1:
        raise Failed(f"apt fetched {len(packages)} files for {recipe.package}", next_step=INSTALL)
    output(["dpkg-deb", "-x", str(packages[0]), str(folder / "files")])
    return {file: folder / "files" / member for file, member in recipe.files.items()}


def identity(recipe: DebianRecipe) -> str:
    """The package version that apt would fetch now."""
    require("apt-cache", f"to look up {recipe.package}", INSTALL)
    for line in output(["apt-cache", "policy", recipe.package]).splitlines():
        if line.strip().startswith("Candidate:"):
            return f"debian {recipe.package}={line.split(':', 1)[1].strip()}"
    raise Failed(f"this machine's Debian has no package {recipe.package}", next_step="Run apt-get update.")
