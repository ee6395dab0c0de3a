"""The lines around a position, as errors show them."""

from __future__ import annotations

import re
from pathlib import Path

from clusterbook.errors import Position

SHOWN_WIDTH = 100

_TOKEN = re.compile(r"""!?[\w.$/-]+|"[^"]*"|'[^']*'|\{\{.*?\}\}|\S""")
_VALUE = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|\S.*?(?=\s*$|\s#|,\s)""")


def excerpt(position: Position, value: bool = False) -> str:
    """The line at a position, the one before it, and carets under the word there. Empty when it cannot be shown.

    value: under the whole value that begins there, as far as its line goes.
    """
    if not position.line:
        return ""
    try:
        lines = Path(position.file).read_text("utf-8-sig", errors="replace").splitlines()
    except OSError:
        return ""
    if position.line > len(lines):
        return ""
    width = len(str(position.line))
    left = max(0, position.column - SHOWN_WIDTH // 2)
    shown = [
        f"  {number:>{width}} | {printable(lines[number - 1])[left : left + SHOWN_WIDTH]}"
        for number in range(max(1, position.line - 1), position.line + 1)
    ]
    if position.column:
        found = (_VALUE if value else _TOKEN).match(lines[position.line - 1], position.column - 1)
        carets = "^" * (len(found.group()) if found else 1)
        shown.append(f"  {'':>{width}} | {' ' * (position.column - 1 - left)}{carets}")
    return "\n".join(shown)


def printable(text: str) -> str:
    """Text for a terminal: control characters, escape sequences included, are shown as '?'; a tab is one space."""
    return "".join(" " if sign == "\t" else sign if sign.isprintable() else "?" for sign in text)
