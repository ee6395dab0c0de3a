"""What hosts are told of files of the local machine besides their content."""

from __future__ import annotations

import hashlib
import pwd
import socket
from pathlib import Path
from typing import Any


def origin_of(path: Path) -> dict[str, Any]:
    """What a template may say of its file: the machine, its owner and when it was changed (seconds)."""
    state = path.stat()
    try:
        owner: str | int = pwd.getpwuid(state.st_uid).pw_name
    except KeyError:
        owner = state.st_uid
    return {"host": socket.gethostname(), "owner": owner, "modified": state.st_mtime}


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The checksum of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
