"""What answers of the local machine are made from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from clusterbook.language.lookups import LookupFailed
from clusterbook.lookups.places import directories
from clusterbook.records import dataclass


def _no_hosts(pattern: str) -> Sequence[str]:
    raise LookupFailed(f"no inventory is known here, so {pattern!r} matches no host")


def _no_vault(data: bytes, name: str) -> bytes:
    raise LookupFailed(f"{name} is encrypted with ansible-vault, and no vault password was given")


class Secretive(list[Any]):
    """Values of a lookup that are secret: a step that uses them shows nothing."""


@dataclass(frozen=True)
class Surroundings:
    """What answers are made from. bases: directories where names are looked up, of the role, the file, the playbook.

    hosts(pattern) gives names of hosts; decrypt(data, name) opens a file that ansible-vault encrypted; folder: where
    first_found looks first (templates for a template step); check: nothing may be written.
    """

    bases: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    hosts: Callable[[str], Sequence[str]] = _no_hosts
    decrypt: Callable[[bytes, str], bytes] = _no_vault
    folder: str = "files"
    check: bool = False

    def places(self, folder: str) -> tuple[str, ...]:
        """Where a relative name is looked up. folder: files, templates or vars."""
        return directories(folder, self.bases) or (str(Path.cwd()),)
