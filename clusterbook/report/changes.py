"""Changes of a step as lines: one a changed attribute, a unified diff for text."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

MOST_LINES = 60
MOST_COMMAND = 200


def change_lines(event: Mapping[str, Any], diff: bool, most: int = MOST_LINES) -> Iterator[str]:
    """Lines below a changed step. diff: also show the text that changes, at most `most` lines; else attributes only."""
    if event.get("hidden"):
        yield "(hidden: the step holds a secret)"
        return
    yield from _of_part(event, diff, most)
    for item in event.get("items", ()):
        if item.get("status") in ("changed", "failed", "unknown"):
            yield f"[{short(item.get('item'))}]"
            yield from ("  " + line for line in _of_part(item, diff, most))


def _of_part(part: Mapping[str, Any], diff: bool, most: int) -> Iterator[str]:
    if "would_run" in part:
        yield f"would run: {short(command_line(part['would_run']).strip(), MOST_COMMAND)}"
    for change in part.get("changes", ()):
        yield from _one(change, diff, most)


def _one(change: Mapping[str, Any], diff: bool, most: int) -> Iterator[str]:
    what, before, after = change["what"], change["before"], change["after"]
    if diff and before is None and isinstance(after, str) and "\n" in after:
        before = ""  # a new file
    if isinstance(before, str) and isinstance(after, str) and ("\n" in before or "\n" in after):
        if diff:
            yield from unified(before, after, most)
        else:
            lines = sum(1 for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-")
            yield f"{what}: {lines} lines"
        return
    if before is None:
        yield f"{what}: {short(after)}"
    else:
        yield f"{what}: {short(before)} -> {short(after)}"


def unified(before: str, after: str, most: int = MOST_LINES) -> Iterator[str]:
    """The changed lines of a text with one line around them, without headers."""
    shown = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]
    yield from shown[:most]
    if len(shown) > most:
        yield f"… {len(shown) - most} more lines"


def command_line(command: Any) -> str:
    """A command as one text, from a list of words, too."""
    return " ".join(map(str, command)) if isinstance(command, list) else str(command)


def short(value: Any, most: int = 100) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        value = value.get("name", value.get("path", value.get("key", value.get("dest", dict(value)))))
    text = "absent" if value is None else str(value).replace("\n", "⏎")
    return text if len(text) <= most else text[: most - 1] + "…"
