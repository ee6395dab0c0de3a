"""The only place where errors become text and exit codes."""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import os
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

from clusterbook import __version__, source
from clusterbook.errors import (
    EXIT_CHANGES,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_INVALID,
    EXIT_UNREACHABLE,
    ClusterbookError,
    InvalidInput,
    InvalidProject,
    Position,
)
from clusterbook.report.called import as_called

# What each exit code means, as the help shows it.
EXIT_CODES = {
    EXIT_DONE: "done, or nothing to do",
    EXIT_FAILED: "something failed",
    EXIT_CHANGES: "changes are pending (plan, --check)",
    EXIT_INVALID: "invalid input; no host was touched",
    EXIT_UNREACHABLE: "a host could not be reached",
    EXIT_INTERRUPTED: "interrupted",
}
CHECK_HELP = "show what would be done (as without --yes)"
MOST_PROBLEMS = 20


class Command(Task[Any]):
    """A task whose words are parameters that may be given without their options' names, or be left out at the end."""

    words: tuple[str, ...] = ()

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The task's parameters. Invoke's own takes each help text away when it is first asked."""
        kept = dict(self.help)
        try:
            found: list[Argument] = super().get_arguments(ignore_unknown_help)
            for one in found:  # a dash is no letter (`--` ends the options), and -h asks for help
                one.names = tuple(name for name in one.names if name not in ("-", "_", "h"))
            return found
        finally:
            self.help = kept

    def take(self, words: Sequence[str]) -> None:
        """Make parameters positional when the command line gives them that way: Invoke knows required ones only."""
        names = (self.name, self.name.replace("_", "-"))
        place = next((number for number, word in enumerate(words) if word in names), len(words))
        following = list(itertools.takewhile(lambda word: not word.startswith("-"), words[place + 1 :]))
        if self.words:
            self.positional = list(self.words[: len(following)])


    def check_numbers(self, words: Sequence[str]) -> None:
        """Raise InvalidInput for an option of the command line that wants a number and has another word."""
        wanted = {name: one for one in self.get_arguments() if one.kind is int for name in one.names}
        own = list(itertools.takewhile(lambda word: word != "--", words))
        for option, following in zip(own, [*own[1:], ""], strict=True):
            flag, is_one_word, value = option.partition("=")
            given = value if is_one_word else following
            if flag.startswith("-") and flag.lstrip("-") in wanted and not re.fullmatch(r"-?\d+", given):
                raise InvalidInput(f"{flag} is {given!r}, expected a whole number",
                                   next_step=f"See: clusterbook --help {self.name.replace('_', '-')}")  # fmt: skip


def command(word: str = "", shows: bool = True, **options: Any) -> Callable[[Callable[..., int | None]], Command]:
    """Make an Invoke task of a function that returns an exit code (None: 0). options: of invoke.task.

    word: see Command; several are separated by blanks. Its errors are shown here: ours as a screen of text, anything
    else as a bug. shows: a task that has --yes shows what it would do without it, and so with --check.
    """

    def decorate(body: Callable[..., int | None]) -> Command:
        if shows and "yes" in inspect.signature(body).parameters:
            body = _with_check(body)
            options["help"] = {**options.get("help", {}), "check": CHECK_HELP}

        @functools.wraps(body)
        def guarded(*arguments: Any, **keywords: Any) -> None:
            code = guard(functools.partial(body, *arguments, **keywords), bool(keywords.get("json_")))
            if code:
                raise Exit(code=code)

        made = Command(guarded, **options)
        made.words = tuple(word.split())
        return made

    return decorate


def _with_check(body: Callable[..., int | None]) -> Callable[..., int | None]:
    """The same with a parameter `check`, which asks for what happens without `yes` in so many words."""
    there = inspect.signature(body)
    check = inspect.Parameter("check", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool)

    @functools.wraps(body)
    def checked(*arguments: Any, check: bool = False, **keywords: Any) -> int | None:
        if check and keywords.get("yes"):
            raise InvalidInput("--check shows what would be done, --yes does it", next_step="Leave one of them out.")
        return body(*arguments, **keywords)

    checked.__signature__ = there.replace(parameters=[*there.parameters.values(), check])  # type: ignore[attr-defined]
    return checked


def guard(action: Callable[[], int | None], as_json: bool = False) -> int:
    """Run an action and return the exit code; errors are written to standard error."""
    try:
        return action() or EXIT_DONE
    except Exit:
        raise
    except ClusterbookError as error:
        _show(json.dumps({"error": describe(error)}) if as_json else render(error))
        return error.exit_code
    except KeyboardInterrupt:
        _show("\ninterrupted" if sys.stderr.isatty() else "interrupted")  # the line has a question, or ^C
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _ignore_closed_output()
        return EXIT_DONE
    except Exception:
        _show(render_bug(traceback.format_exc()))
        return EXIT_FAILED


def render(error: ClusterbookError) -> str:
    """An error as a person reads it: what, where with the lines there, what to do next."""
    if isinstance(error, InvalidProject):
        return _render_several(error)
    return "\n".join([f"error: {as_called(error.message)}", *_context(error.where), *_next(error)])


def describe(error: ClusterbookError) -> dict[str, Any]:
    """An error as data, for --json."""
    found: dict[str, Any] = {"message": as_called(error.message), "exit_code": error.exit_code}
    if error.where is not None:
        found |= {"file": error.where.file, "line": error.where.line, "column": error.where.column}
    if error.next_step:
        found["next_step"] = as_called(error.next_step)
    if isinstance(error, InvalidProject):
        found["problems"] = [describe(problem) for problem in error.problems]
    return found


def render_bug(text: str) -> str:
    """What a person sees, and can report, when the program itself is wrong. text: a traceback."""
    import platform

    line = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return (
        f"{text.rstrip()}\n\nerror: this is a bug in clusterbook {__version__}, not something that you did wrong\n"
        f"  next: report the lines above (look through them for values of yours first) together with this one:\n"
        f"        {line} on Python {platform.python_version()}, {platform.platform()}"
    )


def near(where: Position) -> Position:
    """The place with its file as seen from here, when that is shorter."""
    near = os.path.relpath(where.file)
    return where if near.startswith("..") else Position(near, where.line, where.column)


def _render_several(error: InvalidProject) -> str:
    blocks = [render(problem) for problem in error.problems[:MOST_PROBLEMS]]
    left = len(error.problems) - len(blocks)
    count = len(error.problems)
    found = f"{count} problem{'' if count == 1 else 's'} found{f', {left} not shown' if left else ''}."
    after = f"\n  next: {as_called(error.next_step)}" if error.next_step else ""
    return "\n\n".join([*blocks, f"{found} No host was touched.{after}"])


def _context(where: Position | None) -> Iterator[str]:
    if where is None or not where.file:
        return
    yield f"  at {near(where)}"
    shown = source.excerpt(where)
    if shown:
        yield shown


def _next(error: ClusterbookError) -> Iterator[str]:
    if error.next_step:
        yield f"  next: {as_called(error.next_step)}"
    elif isinstance(error, InvalidInput):
        yield "  No host was touched."


def _show(text: str) -> None:
    """Errors quote hosts, whose words must not steer the terminal."""
    from clusterbook.execute.events import harmless

    text = str(harmless(text))
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")


def _ignore_closed_output() -> None:
    """The reader of our output went away (`| head`): nothing more can be said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
