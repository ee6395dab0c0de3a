"""A page of the documentation whose commands are run: what it says they print is compared with what they print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ANYTHING = "…"
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_STATUS = re.compile(r"\(exit status (\d+)\)")


@dataclass(frozen=True)
class Command:
    """One command of a page. words: without `invoke`; output: lines, in which … stands for anything."""

    words: tuple[str, ...]
    output: tuple[str, ...]
    status: int = 0


def commands(page: Path) -> Mapping[str, list[Command]]:
    """Section -> its commands, in the page's order."""
    parts = _SECTION.split(page.read_text())
    return {
        title: [_command(text) for block in _BLOCK.findall(body) for text in block.split("$ invoke ")[1:]]
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def walk(steps: Sequence[Command], run: Callable[..., str]) -> list[str]:
    """Run commands one after the other; what each printed, which must be what the page says."""
    found = []
    for step in steps:
        output = run(*step.words, expect=step.status)
        assert agrees(step.output, output.splitlines()), f"{shlex.join(step.words)} printed\n{output}"
        found.append(output)
    return found


def agrees(expected: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether lines are as expected: a line of … alone is any number of lines; blanks do not count."""
    wanted = [" ".join(line.split()) for line in expected if line.strip()]
    said = "".join(f"{' '.join(line.split())}\n" for line in lines if line.strip())
    pattern = "".join("(?:.*\n)*" if line == ANYTHING else f"{_line(line)}\n" for line in wanted)
    return re.fullmatch(pattern, said) is not None


def _line(text: str) -> str:
    return ".*".join(re.escape(part) for part in text.split(ANYTHING))


def _command(text: str) -> Command:
    first, *rest = text.rstrip().splitlines()
    status = _STATUS.fullmatch(rest[-1]) if rest else None
    return Command(tuple(shlex.split(first)), tuple(rest[:-1] if status else rest), int(status[1]) if status else 0)
