"""Where a word of a text stands in the file that a person wrote."""

from __future__ import annotations

import re
from pathlib import Path

from clusterbook.errors import Position
from clusterbook.language.values import Template

# A text of YAML that is folded has other lines than its file; it is looked for so far down.
_FAR = 30


def place_of(template: Template, word: str, line: int = 1) -> Position:
    """The place of a word, or of any piece of text, that a template has in this line of it (from 1), or further down.

    The place of the template when the file does not have it so.
    """
    lines = _lines(template.file)
    start = max(1, template.line + line - 1)
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)" if word[:1].isalnum() else re.escape(word))
    for number in range(start, min(start + _FAR, len(lines) + 1)):
        begin = template.column - 1 if number == template.line else 0
        found = pattern.search(lines[number - 1], max(0, begin))
        if found:
            return Position(template.file, number, found.start() + 1)
    return Position(template.file, template.line, template.column)


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text("utf-8-sig", errors="replace").splitlines()
    except OSError:
        return []
