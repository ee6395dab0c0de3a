"""The `clusterbook` program: the same tasks as under Invoke, with exit codes of its own for wrong usage."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from clusterbook import __version__
from clusterbook.cli import boundary, listing, task_help
from clusterbook.cli.lean import keep_compiled
from clusterbook.cli.namespace import collection, for_invoke, tasks
from clusterbook.errors import InvalidInput

# Everything behind these tasks' names is for the program that they call.
PASS_ON = ("kubectl", "ssh")


class Clusterbook(Program):
    """Invoke's program with our list of tasks, and errors shown by our boundary."""

    def list_flat(self) -> None:
        """The page with groups."""
        print(listing.page(tasks(), "clusterbook"))

    def print_help(self) -> None:
        """How to call it, then the list."""
        print("Usage: clusterbook TASK [OPTIONS]\n")
        self.list_flat()
        print("\nExit status: " + "; ".join(f"{code} {text}" for code, text in boundary.EXIT_CODES.items()))

    def print_task_help(self, name: str) -> None:
        """How to call one task."""
        print(task_help.page(name, self.collection[name], "clusterbook"))

    def go(self, argv: list[str]) -> int:
        """Run one command line; the exit code."""
        return boundary.guard(lambda: self._go(argv))

    def _go(self, argv: list[str]) -> int:
        try:
            self.create_config()
            self.parse_core(argv)
            keep_compiled()
            self.parse_collection()
            self.parse_tasks()
            self.parse_cleanup()
            self.update_config()
            self.execute()
        except Exit as end:
            if end.message:
                print(end.message, file=sys.stderr)
            return end.code
        except ParseError as error:
            self.collection = collection()  # every name, to find the nearest
            options = {name: list(context.flags) for name, context in self._make_parser().contexts.items()}
            raise _usage(error, options, self.argv) from error
        return 0


def main(loaded: Callable[[], None] = lambda: None) -> None:
    """Entry point. loaded() is called when the tasks of the command line have been."""
    sys.argv[:] = asks_for_help(passed_on(sys.argv))
    try:
        known = for_invoke(sys.argv[1:])
    except Exit as wrong:
        sys.exit(wrong.code)
    loaded()
    program = Clusterbook(version=__version__, namespace=known, name="clusterbook", binary="clusterbook")
    sys.exit(program.go(sys.argv))


def passed_on(argv: list[str]) -> list[str]:
    """`kubectl get nodes` needs no `--` in front of kubectl's own words."""
    if len(argv) > 2 and argv[1] in PASS_ON and "--" not in argv:
        rest = argv[2:]
        keep = [] if argv[1] == "kubectl" or rest[0].startswith("-") else [rest.pop(0)]
        if rest and rest[0] not in ("--help", "-h"):
            return [*argv[:2], *keep, "--", *rest]
    return argv


def asks_for_help(argv: list[str]) -> list[str]:
    """`TASK --help` is `--help TASK`, also for a task whose first word would be a name."""
    own = argv[: argv.index("--")] if "--" in argv else argv
    tasks = [word for word in own[1:2] if not word.startswith("-")]
    return [argv[0], "--help", *tasks] if tasks and {"--help", "-h"} & set(own[2:]) else argv


def _usage(error: ParseError, options: dict[str, list[str]], argv: list[str]) -> InvalidInput:
    """options: those of each task. A slip in a name is shown with the nearest right one."""
    text = str(error)
    words = text.split("'")
    task = next((word for word in argv[1:] if word in options), "")
    if not text.startswith("No idea") or len(words) < 2:
        return InvalidInput(_in_our_words(text, task), next_step=f"See: clusterbook --help {task or 'TASK'}")
    near = difflib.get_close_matches(words[1], options.get(task, []) if words[1].startswith("-") else options, n=1)
    see = f"See: clusterbook --help {task}" if task else "See: clusterbook --list"
    return InvalidInput(
        f"there is no task or option {words[1]!r}", next_step=f"Did you mean {near[0]!r}?" if near else see
    )


def _in_our_words(text: str, task: str) -> str:
    """Invoke's words for what lacks a value, said as a person would."""
    if found := re.fullmatch(r"'.*' did not receive required positional arguments: (.*)", text):
        names = re.findall(r"'(.*?)'", found.group(1))
        return f"{task} needs {' and '.join(name.upper().replace('_', '-') for name in names)}"
    if found := re.match(r"Flag <Argument: (\S+).*needed value and was not given one", text):
        return f"--{found.group(1)} needs a value"
    return text
