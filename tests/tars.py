"""Small tars, read and written whole."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def members(path: Path) -> dict[str, bytes]:
    """Name -> content of a tar's files."""
    with tarfile.open(path) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member))}


def written(path: Path, files: Mapping[str, bytes]) -> Path:
    """A tar of these files."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path
