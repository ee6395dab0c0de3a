"""The mirror's Debian packages: a repository that hosts' apt trusts by a key of the mirror's own.

The key is made where the mirror runs and its public half reaches hosts over ssh, so neither the bundle nor the network
between mirror and host has to be trusted. The private half stays in a folder of root's that no server shows.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from clusterbook.cluster.artifacts.programs import output, require
from clusterbook.lab.mirror_servers import Mirror

FOLDER = "packages"
_USER = "clusterbook mirror <mirror@clusterbook.invalid>"


def check() -> None:
    """Raises Failed when this machine cannot sign."""
    require("gpg", "to sign the mirror's packages", "Install it: apt-get install gpg")


def publish(mirror: Mirror, releases: Iterable[str]) -> str:
    """Sign the index of each release unless it is signed as it is. Returns the public key, armored."""
    home = mirror.directory / "signing"
    if not (home / "pubring.kbx").is_file():
        _make_key(home)
    try:
        for release in releases:
            _sign(home, mirror.files / FOLDER / release)
        return _gpg(home, "--armor", "--export", _USER)
    finally:
        output(["gpgconf", "--homedir", str(home), "--kill", "all"])


def _make_key(home: Path) -> None:
    """Whole or not at all: a folder without a finished key is made anew."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700, parents=True)
    _gpg(home, "--passphrase", "", "--quick-generate-key", _USER, "ed25519", "sign", "never")


def _sign(home: Path, folder: Path) -> None:
    packages, signed = (folder / "Packages").read_bytes(), folder / "InRelease"
    total = hashlib.sha256(packages).hexdigest()
    if signed.is_file() and total in signed.read_text():
        return
    now = format_datetime(datetime.now(UTC), usegmt=True)
    text = (f"Origin: clusterbook\nLabel: clusterbook\nSuite: {folder.name}\nDate: {now}\n"
            f"SHA256:\n {total} {len(packages)} Packages\n")  # fmt: skip
    (folder / "Release").write_text(text)
    partial = folder / "InRelease.new"
    _gpg(home, "--yes", "--digest-algo", "SHA512", "--output", str(partial), "--clear-sign", str(folder / "Release"))
    partial.chmod(0o644)
    partial.replace(signed)


def _gpg(home: Path, *words: str) -> str:
    return output(["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", *words])
