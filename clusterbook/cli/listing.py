"""The page of `--list`: every task under its group, so that a newcomer can choose."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.util import helpline

Groups = Mapping[str, tuple[str, Sequence[Task[Any]]]]


def page(groups: Groups, program: str) -> str:
    """All tasks by group, one line each; on a narrow terminal folded beside the names."""
    names = [task_name(task) for _, tasks in groups.values() for task in tasks]
    width = max(len(name) for name in names)
    room = max(24, shutil.get_terminal_size().columns - width - 4) if sys.stdout.isatty() else 200
    lines = []
    for group, (description, tasks) in groups.items():
        lines.append(f"{group}: {description}")
        for task in tasks:
            first, *others = textwrap.wrap(line(task), room)
            lines += [f"  {task_name(task):<{width}}  {first}", *(f"{'':<{width + 4}}{other}" for other in others)]
        lines.append("")
    lines.append(f"Options and examples of a task: {program} --help TASK")
    return "\n".join(lines)


def task_name(task: Task[Any]) -> str:
    """The name on the command line."""
    return task.name.replace("_", "-")


def answer_list(groups: Callable[[], Groups], arguments: Sequence[str]) -> None:
    """Show the page when a bare --list was asked for, and end there.

    Invoke's own list has no groups, and a task file can only speak up while Invoke loads it; Exit is how Invoke lets
    it end a run. Any other form (--list-format, a namespace) is left to Invoke.
    """
    if list(arguments) in (["--list"], ["-l"]):
        print(page(groups(), "invoke"))
        raise Exit(code=0)


def line(task: Task[Any]) -> str:
    """What a task is for, in one line."""
    return (helpline(task) or "").rstrip(".")
