"""Files of a host's tree, with modes that do not depend on the caller's umask."""

from __future__ import annotations

from pathlib import Path


def make_directory(path: Path) -> None:
    """Make a directory and its missing parents, open to all as in a root file system."""
    if not path.is_dir():
        make_directory(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(0o755)


def write_file(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file with its parents. mode holds from its first byte on."""
    make_directory(path.parent)
    path.unlink(missing_ok=True)
    path.touch(mode=mode)
    path.write_text(text)
    path.chmod(mode)
