"""The page of `clusterbook TASK --help`: how to call it, what it does, examples, every option with its value."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from invoke.parser.argument import Argument
from invoke.tasks import Task

from clusterbook.report.called import as_called

WIDEST, WIDEST_OPTIONS = 120, 28


def page(name: str, task: Task[Any], program: str) -> str:
    """The whole page, as wide as the terminal."""
    arguments = task.get_arguments()
    words = [f" {str(one.name).strip('_').upper().replace('_', '-')}" for one in arguments if one.positional]
    width = min(shutil.get_terminal_size().columns, WIDEST)
    about = _about(as_called(inspect.getdoc(task) or "", program), width)
    lines = [f"Usage: {program} {name}{''.join(words)} [OPTIONS]", "", *about, "", "Options:"]
    return "\n".join([*lines, *_options(arguments, program, width)])


def _about(text: str, columns: int) -> Iterator[str]:
    """Sentences as wide as there is room; examples whole, so that they can be copied."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ""
        yield from paragraph.splitlines() if paragraph.startswith("Example:") else _wrapped(paragraph, columns)


def _wrapped(text: str, columns: int) -> list[str]:
    """Names of options and variables stay whole."""
    return textwrap.wrap(" ".join(text.split()), columns, break_long_words=False, break_on_hyphens=False) or [""]


def _options(arguments: Sequence[Argument], program: str, columns: int) -> Iterator[str]:
    ordered = sorted(arguments, key=lambda one: str(one.name))
    rows = [(_spelled(one), as_called(one.help or "", program)) for one in ordered]
    rows.append(("-h, --help", "show this page"))
    width = min(max(len(spelled) for spelled, _ in rows), WIDEST_OPTIONS, columns // 3)
    space = max(24, columns - width - 4)
    for spelled, text in rows:
        first, *others = _wrapped(text, space)
        if len(spelled) > width:
            yield f"  {spelled}"
            spelled = ""
        yield f"  {spelled:<{width}}  {first}".rstrip()
        yield from (f"{'':<{width + 4}}{line}" for line in others)


def _spelled(one: Argument) -> str:
    names = sorted((f"-{name}" if len(name) == 1 else f"--{name}" for name in one.names), key=len)
    value = "" if not one.takes_value else " NUMBER" if one.kind is int else " VALUE"
    return f"{', '.join(names)}{value}"
