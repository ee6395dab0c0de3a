"""The `clusterbook` program: the same tasks as under Invoke, with exit codes of its own for wrong usage."""

from __future__ import annotations

import sys
from collections.abc import Callable

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from clusterbook import __version__
from clusterbook.cli import boundary, listing, task_help, usage
from clusterbook.cli.lean import keep_compiled
from clusterbook.cli.namespace import collection, for_invoke, tasks

# Everything behind these tasks' names is for the program that they call.
PASS_ON = ("kubectl", "ssh")
HELP = ("--help", "-h")


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
            raise usage.wrong(str(error), options, self.argv) from error
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
    """`kubectl get nodes` and `ssh HOST uptime -p` need no `--` in front of the other program's words."""
    if len(argv) < 3 or argv[1] not in PASS_ON or "--" in argv:
        return argv
    own = _own_words(argv[2:]) if argv[1] == "ssh" else 0
    keep, rest = argv[: 2 + own], argv[2 + own :]
    return [*keep, "--", *rest] if rest and rest[0] not in HELP else argv


def _own_words(words: list[str]) -> int:
    """How many words behind `ssh` are its own: the host's name, and options with their values before and after it."""
    place, named = 0, False
    while place < len(words) and (words[place].startswith("-") or not named):
        option, has_value, _ = words[place].partition("=")
        is_option = option.startswith("-")
        named = named or not is_option or option in ("--node", "-n")
        place += 2 if is_option and not has_value and option not in HELP else 1
    return min(place, len(words))


def asks_for_help(argv: list[str]) -> list[str]:
    """`TASK --help` is `--help TASK`, also for a task whose first word would be a name."""
    own = argv[: argv.index("--")] if "--" in argv else argv
    tasks = [word for word in own[1:2] if not word.startswith("-")]
    return [argv[0], "--help", *tasks] if tasks and {*HELP} & set(own[2:]) else argv
