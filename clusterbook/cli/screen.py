"""Lines of text for people: a stage with dots and seconds, tables, values as JSON."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from typing import IO, TYPE_CHECKING, Any

from clusterbook.records import dataclass
from clusterbook.report.called import as_called, next_as_called, program
from clusterbook.report.choose import overwritable

if TYPE_CHECKING:
    from rich.console import Console

WIDEST_STAGE = 86
NAME_WIDTH = 9
# How long a stage took, at the end of its line.
SECONDS_WIDTH = 8
REPORT_SECONDS = 5.0
# Columns of what is no terminal: a pipe, a file, the log of a CI.
ENDLESS = 100_000


@dataclass
class Stage:
    """One stage of a longer command. `say` shows progress; `result` is what the stage's line says in the end."""

    name: str
    output: IO[str]
    live: bool
    width: int = WIDEST_STAGE
    result: str = ""
    _said: float = field(default=0.0)

    def say(self, text: str, urgent: bool = True) -> None:
        """Show what goes on. urgent=False: at most every few seconds where lines cannot be overwritten."""
        if self.live:
            self.output.write(f"\r\x1b[2K{f'{self.name:<{NAME_WIDTH}}{text}'[: self.width]}")
            self.output.flush()
            return
        if not urgent and time.monotonic() - self._said < REPORT_SECONDS:
            return
        self._said = time.monotonic()
        self.output.write(f"{self.name:<{NAME_WIDTH}}{text}\n")
        self.output.flush()


def open_stage(name: str, output: IO[str]) -> Stage:
    """A stage that fits the output: written over only on a person's terminal, and no wider than that."""
    columns = shutil.get_terminal_size().columns if output.isatty() else WIDEST_STAGE
    return Stage(name, output, overwritable(output), min(columns, WIDEST_STAGE))


@contextmanager
def stage(name: str, output: IO[str] | None = None) -> Iterator[Stage]:
    """A stage: its line comes when it ends, with how long it took. Nothing is added when it raises."""
    current = open_stage(name, output or sys.stdout)
    target, live = current.output, current.live
    started = time.monotonic()
    try:
        yield current
    except BaseException:
        if live:
            target.write("\n")
        raise
    text = f"{name:<{NAME_WIDTH}}{current.result} "
    seconds = f" {time.monotonic() - started:.1f} s"
    clear = "\r\x1b[2K" if live else ""
    target.write(f"{clear}{text.ljust(current.width - max(SECONDS_WIDTH, len(seconds)), '.')}{seconds}\n")
    target.flush()


def print_json(value: Any) -> None:
    """A value as one JSON document on standard output."""
    print(json.dumps(next_as_called(value), indent=2, default=str, ensure_ascii=False))


def print_json_line(kind: str, value: Mapping[str, Any]) -> None:
    """What a task did, on one line that says of what kind it is, as the events before it do."""
    print(json.dumps(next_as_called({"type": kind, **value}), default=str, ensure_ascii=False), flush=True)


def say(text: str) -> None:
    """A line of a command's result that may name commands of ours."""
    print(as_called(text))


def say_aside(text: str) -> None:
    """A line beside a command's result: on standard error, where it disturbs no JSON."""
    sys.stderr.write(f"{as_called(text)}\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table without lines. Only on a terminal are rows made to fit; short names that they begin with stay whole."""
    from rich.table import Table

    made = console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    short = max((len(str(row[0])) for row in rows), default=0) <= made.width // 3
    for place, name in enumerate(columns):
        table.add_column(name.upper(), overflow="fold", no_wrap=short and place == 0)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    if sys.stdout.isatty():
        made.print(table)
        return
    with made.capture() as captured:
        made.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def console() -> Console:
    """Standard output; without a terminal lines are as long as they need to be, also where colours are asked for."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else ENDLESS)


def plural(count: int, noun: str) -> str:
    """'1 host', '2 hosts'."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def with_yes(words: str) -> str:
    """The command that does what this one only showed: as typed, but with --yes. words: its task and arguments."""
    return f"{without_check(words)} --yes"


def without_check(words: str) -> str:
    """The command as typed, but without --check. words: its task and arguments, where nobody typed it."""
    task = words.split()[0]
    typed = sys.argv[sys.argv.index(task) :] if task in sys.argv else words.split()
    return f"{program()} {shlex.join(word for word in typed if word != '--check')}"
