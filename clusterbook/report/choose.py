"""Which report fits: live bars on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any, Protocol

from clusterbook.report.style import Style

if TYPE_CHECKING:
    from rich.console import Console

# Terminals that know no steering; the names are Rich's.
DUMB = ("dumb", "unknown")


class Report(Protocol):
    """A sink that is closed when the run is over."""

    def event(self, event: dict[str, Any]) -> None:
        """Take one event."""

    def close(self) -> None:
        """Show what is left to show."""


def sink_for(style: Style, console: Console) -> Report:
    """The report for this output; only that one is loaded."""
    if style.drift:
        from clusterbook.report.drift import DriftReport

        return DriftReport(console, style.json)
    if style.json:
        from clusterbook.report.machine import JsonLines

        return JsonLines(console.file)
    if console.is_interactive and overwritable(console.file) and not (style.plan or style.asked):
        from clusterbook.report.live import LiveReport

        return LiveReport(console, style.diff, style.verbose)
    from clusterbook.report.plain import PlainReport

    return PlainReport(console, style.diff, style.verbose, style.plan)


def overwritable(output: IO[str]) -> bool:
    """Whether lines can be written over: a person's terminal, not a log that only keeps colours."""
    return output.isatty() and os.environ.get("TERM", "").lower() not in DUMB and not os.environ.get("CI")
