"""The one tree of errors. Each carries where it happened and what to do next; anything else is a bug.

Exit codes (design of the command line): 0 done, 1 failed, 2 changes pending, 3 invalid input,
4 unreachable, 130 interrupted.
"""

from __future__ import annotations

from typing import Optional, Sequence

from clusterbook.records import dataclass

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_CHANGES = 2
EXIT_INVALID = 3
EXIT_UNREACHABLE = 4
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Position:
    """A place in a file that a person wrote. line and column count from 1; 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """FILE:LINE:COLUMN, as editors and terminals make it clickable."""
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class ClusterbookError(Exception):
    """An error with a place and a next step. `next_step` is one imperative sentence."""

    exit_code = EXIT_FAILED

    def __init__(self, message: str, *, where: Optional[Position] = None, next_step: str = "") -> None:
        """message: what is wrong, with the offending value; where: the place in a file, when there is one."""
        super().__init__(message)
        self.message = message
        self.where = where
        self.next_step = next_step


class InvalidInput(ClusterbookError):
    """What a person wrote cannot be used; no host was touched."""

    exit_code = EXIT_INVALID


class InvalidProject(InvalidInput):
    """Several problems found together, reported together. problems: list of InvalidInput."""

    def __init__(self, problems: Sequence[InvalidInput], next_step: str = "") -> None:
        """problems: at least one, in file order. next_step: what to do when all of them are mended."""
        super().__init__(f"{len(problems)} problem(s) found", where=problems[0].where, next_step=next_step)
        self.problems = tuple(problems)


class Unreachable(ClusterbookError):
    """A host could not be connected to, or its connection was lost."""

    exit_code = EXIT_UNREACHABLE


class Distrusted(Unreachable):
    """A host shows a key that is not the one that is known: to try again would not help."""


class Failed(ClusterbookError):
    """A step, a check or an operation failed on a host or on the local machine."""


class Interrupted(ClusterbookError):
    """The person stopped the run (Ctrl-C)."""

    exit_code = EXIT_INTERRUPTED
