"""Modes of files that are of the right type and cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.source import SourceMapping

MODES = ("mode", "directory_mode", "key_mode")
_MOST = 0o7777


def of_modes(module: str, arguments: Mapping[Any, Any], default: Position) -> Iterator[InvalidInput]:
    """Modes of files that are written as decimal numbers."""
    for name in MODES:
        mode = arguments.get(name)
        if isinstance(mode, bool) or not isinstance(mode, int):
            continue
        where = arguments.values_at.get(name, default) if isinstance(arguments, SourceMapping) else default
        if _written(where).startswith("0"):
            continue
        octal = str(mode).isdigit() and not set(str(mode)) & set("89") and len(str(mode)) <= 4
        meant = f"{mode:0>4}" if octal else f"{mode & _MOST:04o}"
        yield InvalidInput(
            f"{name} is the decimal number {mode}, which means {mode & _MOST:04o} as a mode",
            where=where, next_step=f'Write it in quotes: "{meant}".',
        )  # fmt: skip


def _written(where: Position) -> str:
    """What stands in the file from a place on; "0" where it cannot be read, for nothing is wrong then."""
    try:
        lines = Path(where.file).read_text("utf-8-sig", errors="replace").splitlines()
        return lines[where.line - 1][max(0, where.column - 1) :]
    except (OSError, IndexError):
        return "0"
