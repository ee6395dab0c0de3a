"""What this machine must have, looked at without changing anything."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path

from packaging.requirements import Requirement

from clusterbook import __version__
from clusterbook.cli import places
from clusterbook.cli.screen import plural
from clusterbook.cluster.store import cluster_names, open_store
from clusterbook.errors import ClusterbookError
from clusterbook.records import dataclass

OLDEST = (3, 11)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. found: what is there; next_step: what to do when it is not ok."""

    what: str
    ok: bool
    found: str
    next_step: str = ""


def checks() -> list[Check]:
    """All of them, the most basic first."""
    return [_python(), _libraries(), *_files(), _ssh(), _store()]


def _python() -> Check:
    good = sys.version_info[:2] >= OLDEST
    return Check("Python", good, platform.python_version(), "Install clusterbook with Python 3.11 or newer.")


def _libraries() -> Check:
    """Every library in a version that the installed package asks for."""
    wrong, count = [], 0
    for text in importlib.metadata.requires("clusterbook") or ():
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            have = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if have not in wanted.specifier:
            wrong.append(f"{wanted.name} is {have}, wanted {wanted.specifier}")
    found = "; ".join(wrong) or f"clusterbook {__version__} and {count} libraries"
    return Check("libraries", not wrong, found, "Install clusterbook again, in an environment of its own (pipx).")


def _files() -> list[Check]:
    root = places.brought()
    counted = {
        "playbooks": len(list((root / "playbooks").glob("*.yml"))),
        "roles": len([path for path in (root / "roles").glob("*") if (path / "tasks").is_dir()]),
        "schemas": len(list((root / "schemas").glob("*.json"))),
    }
    return [Check(name, number > 0, f"{number} in {root / name}", "Install clusterbook again; its files are missing.")
            for name, number in counted.items()]  # fmt: skip


def _ssh() -> Check:
    """An agent or a key of the person's: hosts are reached by one of them, or by the key that an inventory names."""
    folder = Path.home() / ".ssh"
    keys = sorted(path.name for path in folder.glob("id_*") if path.suffix != ".pub") if folder.is_dir() else []
    agent = "an agent" if os.environ.get("SSH_AUTH_SOCK") else ""
    found = ", ".join(part for part in (agent, *keys) if part) or "no agent, no key in ~/.ssh; inventories may name one"
    program = shutil.which("ssh")
    return Check("ssh", program is not None, found if program else "there is no ssh program (for `clusterbook ssh`)",
                 "Install OpenSSH's client.")  # fmt: skip


def _store() -> Check:
    try:
        store = open_store(os.environ)
        found = f"{store.address}, {plural(len(cluster_names(store)), 'cluster')}"
    except ClusterbookError as error:
        return Check("store", False, error.message, error.next_step)
    return Check("store", True, found)
