"""Plain lines: for pipes, files and CI, and for plans. One event, one block of lines."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from clusterbook.report.lines import failure_lines, step_lines, title, unreachable_lines
from clusterbook.report.progress import Clock
from clusterbook.report.summary import recap, sentence, slowest

# A step that runs long says so, without a terminal: the first time after, then every.
STILL_AFTER, STILL_EVERY = 10.0, 30.0


class PlainReport:
    """Shows what changed, failed or is unknown; with verbose every step."""

    def __init__(
        self, console: Console, diff: bool, verbose: bool, plan: bool, clock: Clock = time.monotonic
    ) -> None:
        """console: where to; plan: the run is a check; clock: seconds."""
        self._console = console
        self._diff = diff
        self._verbose = verbose
        self._plan = plan
        self._clock = clock
        self._interrupted = False
        self._stopped = False
        self._results: list[dict[str, Any]] = []
        # A step and what was told of its failure below the first line -> the first host of it.
        self._told: dict[tuple[object, ...], str] = {}
        # host -> (when its step started, when it was last told of)
        self._running: dict[str, tuple[float, float]] = {}

    def event(self, event: dict[str, Any]) -> None:
        """Show one event."""
        kind = event["type"]
        method = getattr(self, f"_on_{kind}", None)
        if method is not None:
            method(event)

    def close(self) -> None:
        """Nothing is left."""

    def _print(self, lines: Any) -> None:
        for line in lines:
            self._console.print(line, soft_wrap=True, highlight=False)

    def _print_failure(self, event: dict[str, Any], lines: Iterable[Text]) -> None:
        """A host's failure; where another's was the same, the first line alone."""
        head, *rest = lines
        first = self._told.setdefault((event.get("step"), *(line.plain for line in rest)), event["host"])
        if rest and first != event["host"]:
            head.append(f"   as on {first}", "dim")
            rest = []
        self._print([head, *rest])

    def _on_play(self, event: dict[str, Any]) -> None:
        self._print([Text(f"play  {event['name']}  ({_hosts(len(event['hosts']))})", "bold")])

    def _on_start(self, event: dict[str, Any]) -> None:
        self._running[event["host"]] = (self._clock(), self._clock() - STILL_EVERY + STILL_AFTER)

    def _on_output(self, event: dict[str, Any]) -> None:
        self._still({**event, "what": next(reversed(event["lines"]), "")})

    def _on_progress(self, event: dict[str, Any]) -> None:
        self._still({**event, "what": f"item {event['item']} of {event['items']}"})

    def _on_retry(self, event: dict[str, Any]) -> None:
        self._still({**event, "what": f"try {event['attempt'] + 1} of {event['tries']}"})

    def _still(self, event: dict[str, Any]) -> None:
        """Say now and then that a step is at work."""
        started, told = self._running.get(event["host"], (self._clock(), self._clock()))
        if self._clock() - told >= STILL_EVERY:
            self._running[event["host"]] = (started, self._clock())
            text = f"… {event['host']:<8} {title(event)}   {self._clock() - started:.0f} s: {event['what']}"
            self._print([Text(text, "dim")])

    def _on_result(self, event: dict[str, Any]) -> None:
        self._results.append(event)
        if event["status"] == "failed" and not event.get("ignored"):
            self._print_failure(event, failure_lines(event))
        elif event["status"] in ("changed", "unknown") or self._verbose:
            self._print(step_lines(event, self._diff))
        if event.get("module") == "ansible.builtin.debug" and event["status"] == "ok":
            self._print([Text(f"  {event['host']:<8} {event.get('msg', _shown(event))}")])

    def _on_unreachable(self, event: dict[str, Any]) -> None:
        self._print_failure(event, unreachable_lines(event))

    _on_failure = _on_unreachable

    def _on_warning(self, event: dict[str, Any]) -> None:
        """A lookup whose errors only warn."""
        self._print([Text(f"! {event['host']:<8} {title(event)}: {event['msg']}", "yellow")])

    def _on_pending(self, event: dict[str, Any]) -> None:
        names = ", ".join(event["handlers"])
        self._print([Text(f"! {event['host']:<8} handlers left by an unfinished run: {names}", "yellow")])

    def _on_interrupt(self, event: dict[str, Any]) -> None:
        self._interrupted = True
        self._print([Text(f"interrupted: {event['message']}", "yellow")])

    def _on_stopped(self, event: dict[str, Any]) -> None:
        self._stopped = True
        self._print([Text(f"stopped: {event['reason']}", "yellow")])

    def _on_nobody_left(self, event: dict[str, Any]) -> None:
        if not event.get("last") and not self._stopped:  # runs before this was said are shown again, too
            self._print([Text("stopped: no host of the play is left, so no play after it runs", "yellow")])

    def _on_summary(self, event: dict[str, Any]) -> None:
        self._console.print()
        if event["hosts"]:
            self._console.print(recap(event["hosts"]))
        if not self._plan:
            width = self._console.width if self._console.is_terminal else None
            self._print(Text(line, "dim") for line in slowest(self._results, width))
        self._print([sentence(event["hosts"], self._plan, event["time"], self._interrupted)])
        if self._interrupted:
            self._print([Text("interrupted  run the same command again: it goes on where it stopped", "yellow")])


def _shown(event: dict[str, Any]) -> str:
    known = ("type", "time", "host", "step", "name", "role", "module", "at", "status", "seconds")
    return "  ".join(f"{name} = {value!r}" for name, value in event.items() if name not in known)


def _hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"
