"""Small reads that do not fail: what is not there is empty."""

from __future__ import annotations

import os
from typing import Dict


def text(path: str) -> str:
    """A file's text without its final line end; empty when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


def names(path: str) -> "list[str]":
    """Names in a directory, sorted; none when it cannot be read."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def pairs(path: str, separator: str = "=") -> Dict[str, str]:
    """NAME=VALUE lines with quotes removed."""
    found: Dict[str, str] = {}
    for line in text(path).splitlines():
        name, middle, value = line.partition(separator)
        if middle and not line.startswith("#"):
            found[name.strip()] = value.strip().strip("\"'")
    return found


def on_path(name: str) -> str:
    """Where a program is, empty when it is nowhere."""
    for directory in (*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/sbin", "/usr/bin", "/bin"):
        path = os.path.join(directory or "/nonexistent", name)
        if os.access(path, os.X_OK):
            return path
    return ""
