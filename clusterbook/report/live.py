"""The live view on a terminal: a bar a host with its current step; changes and failures stay above the bars."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live

from clusterbook.report.bars import lines
from clusterbook.report.echo import SignEcho
from clusterbook.report.plain import PlainReport
from clusterbook.report.progress import Clock, PlayProgress

SHOWN_A_SECOND = 8


class LiveReport(PlainReport):
    """Bars while a play runs. Lines of changes appear only with --diff or --verbose."""

    def __init__(self, console: Console, diff: bool, verbose: bool, clock: Clock = time.monotonic) -> None:
        """console: a terminal; clock: seconds."""
        super().__init__(console, diff, verbose, plan=False, clock=clock)
        self._play: PlayProgress | None = None
        self._live: Live | None = None
        self._echo = SignEcho()
        self._quiet = not (diff or verbose)

    def event(self, event: dict[str, Any]) -> None:
        """Show one event."""
        kind = event["type"]
        if self._play is not None:
            self._play.take(event)
        if kind == "result" and self._quiet and event["status"] in ("changed", "unknown"):
            self._results.append(event)
            return
        if kind == "summary":
            self._stop()
        super().event(event)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._stop()

    def _on_play(self, event: dict[str, Any]) -> None:
        self._stop()
        super()._on_play(event)
        if event["hosts"]:
            self._play = PlayProgress(event["name"], event["hosts"], event["steps"], self._clock)
            self._live = Live(console=self._console, refresh_per_second=SHOWN_A_SECOND, get_renderable=self._bars)
            self._echo.off()
            self._live.start(refresh=True)

    # What bars show already needs no line.
    def _still(self, event: dict[str, Any]) -> None:
        return

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._echo.on()
        self._live = self._play = None

    def _bars(self) -> Group:
        if self._play is None:
            return Group()
        plain_signs = not self._console.encoding.lower().startswith("utf")
        return Group(*lines(self._play, self._console.width, self._console.height, plain_signs))
