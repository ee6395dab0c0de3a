"""The live view on a terminal: a bar a host with its current step; failures stay above the bars."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from clusterbook.report.lines import title
from clusterbook.report.plain import PlainReport


class _Host:
    """What the view knows of one host."""

    def __init__(self, total: int) -> None:
        self.total = max(1, total)
        self.done = 0
        self.changed = 0
        self.step = "connecting"
        self.state = ""
        self.started = time.monotonic()
        self.seconds: float | None = None


class LiveReport(PlainReport):
    """Bars while a play runs. Lines of changes appear only with --diff or --verbose."""

    def __init__(self, console: Console, diff: bool, verbose: bool) -> None:
        """console: a terminal."""
        super().__init__(console, diff, verbose, plan=False)
        self._hosts: dict[str, _Host] = {}
        self._live: Live | None = None
        self._quiet = not (diff or verbose)

    def event(self, event: dict[str, Any]) -> None:
        """Show one event."""
        kind, host = event["type"], self._hosts.get(event.get("host", ""))
        if host is not None:
            self._follow(kind, host, event)
        quiet = kind == "result" and self._quiet and event["status"] in ("changed", "unknown")
        if quiet:
            self._results.append(event)
        else:
            if kind == "summary":
                self._stop()
            super().event(event)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._stop()

    def _follow(self, kind: str, host: _Host, event: dict[str, Any]) -> None:
        if kind == "start":
            host.step = title(event)
        elif kind == "retry":
            host.step = f"{host.step.partition('  (try')[0]}  (try {event['attempt'] + 1} of {event['tries']})"
        elif kind == "result":
            host.done = min(host.total, host.done + 1)
            host.changed += event["status"] == "changed"
        elif kind in ("unreachable", "failure"):
            host.state = "red"
        elif kind == "host_done":
            host.seconds = time.monotonic() - host.started
            host.state = "green" if event["succeeded"] else "red"
            host.step = f"{host.changed} changed" if event["succeeded"] else host.step
            host.done = host.total if event["succeeded"] else host.done

    def _on_play(self, event: dict[str, Any]) -> None:
        self._stop()
        super()._on_play(event)
        self._hosts = {name: _Host(event["steps"]) for name in event["hosts"]}
        self._live = Live(self._table(), console=self._console, refresh_per_second=8, get_renderable=self._table)
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Group:
        table = Table.grid(padding=(0, 1))
        width = max(20, self._console.width - 50)
        for name, host in self._hosts.items():
            seconds = host.seconds if host.seconds is not None else time.monotonic() - host.started
            bar = ProgressBar(total=host.total, completed=host.done, width=20, complete_style=host.state or "cyan",
                              finished_style=host.state or "cyan")
            step = Text(host.step, "dim" if host.seconds else "", no_wrap=True, overflow="ellipsis")
            step.truncate(width, overflow="ellipsis")
            table.add_row(Text("  " + name, "bold"), bar, f"{host.done}/{host.total}", step, f"{seconds:.1f} s")
        return Group(table)
