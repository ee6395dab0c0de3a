"""Take files out of a package of the machine's own Debian. Nothing of it is shipped: it is fetched where it is used."""

from __future__ import annotations

import platform
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


def identity() -> str:
    """The Debian release. Whichever version of a package was fetched first on it stays in the cache."""
    require("apt-get", "to fetch packages of Debian", INSTALL)
    return f"debian-{platform.freedesktop_os_release().get('VERSION_ID', 'testing')}"
