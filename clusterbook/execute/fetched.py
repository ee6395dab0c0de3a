"""Files that hosts hand over to the local machine (module fetch): where they may go and how they are written."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clusterbook.execute.session import Refusal

LARGEST = 4 << 30  # bytes of one file
# (step, item) -> evaluated dest and flat, and the directory that a relative dest starts from
Place = Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], Path]]


class Fetched:
    """What one host fetches during one play. The host names the source; the destination is the play's word alone."""

    def __init__(self, host: str, place: Place) -> None:
        """place(question) evaluates the step's dest without anything that the host said."""
        self._host = host
        self._place = place
        # destination -> the file beside it that grows, and its size so far
        self._partial: dict[Path, tuple[Path, int]] = {}

    def __call__(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Answer an offer ({dest, same}) or take a block of content."""
        arguments, base = self._place(question)
        path = destination(self._host, str(question["src"]), arguments, base)
        if "data" in question:
            self._take(path, question)
            return {"dest": str(path)}
        same = path.is_file() and _sha1(path) == question["sha1"]
        return {"dest": str(path), "same": same}

    def _take(self, path: Path, question: Mapping[str, Any]) -> None:
        """Append a block beside the destination; the last one puts the file into its place."""
        try:
            block = base64.b64decode(str(question["data"]), validate=True)
        except ValueError as error:
            raise Refusal(f"the content of {path} is damaged") from error
        offset = int(question["offset"])
        path.parent.mkdir(parents=True, exist_ok=True)
        if offset == 0:
            self._partial.get(path, (path.with_name(f".{path.name[:60]}.clusterbook"), 0))[0].unlink(missing_ok=True)
            own = path.with_name(f".{path.name[:60]}.{os.urandom(8).hex()}.clusterbook")
            _make(own, path, question.get("mode"))
            self._partial[path] = (own, 0)
        partial, size = self._partial.get(path, (path, -1))
        if offset != size or offset + len(block) > LARGEST:
            raise Refusal(f"the content of {path} came out of order")
        with partial.open("ab") as file:
            file.write(block)
            if question["last"]:
                file.flush()
                os.fsync(file.fileno())
        self._partial[path] = (partial, offset + len(block))
        if question["last"]:
            del self._partial[path]
            partial.rename(path)


def destination(host: str, source: str, arguments: Mapping[str, Any], base: Path) -> Path:
    """Where a fetched file goes. Refusal when the host's path would lead out of the directory meant for it."""
    if not source.isprintable():
        raise Refusal("a name with characters that steer terminals is no name for a file here")
    dest = str(arguments["dest"])
    path = base / Path(dest).expanduser()
    clean = os.path.normpath("/" + source).lstrip("/")
    if not arguments["flat"]:
        found = path / host / clean
        if not found.resolve().is_relative_to(path.resolve()):
            raise Refusal(f"{source} would be written outside {path}")
        return found
    if dest.endswith("/"):
        return path / Path(clean).name
    if path.is_dir():
        raise Refusal(f"dest is {dest!r}, an existing directory: end it with a slash to fetch into it")
    return path


def _make(partial: Path, path: Path, mode: int | None) -> None:
    """An empty file with the mode that Ansible gives: that of the file that it replaces, else as the umask allows.

    mode: of the file on the host, when that counts.
    """
    wanted = 0o666 if mode is None else mode & 0o777 | 0o200
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, wanted)
    with contextlib.suppress(FileNotFoundError):
        os.fchmod(descriptor, stat.S_IMODE(path.stat().st_mode))
    os.close(descriptor)


def _sha1(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
