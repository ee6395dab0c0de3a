"""The last lines of a run: a row a host, the slowest steps, one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from clusterbook.report.lines import title

COLUMNS = ("ok", "changed", "unknown", "skipped", "failed", "unreachable", "rescued", "ignored")
ALWAYS = ("ok", "changed", "failed")
MOST_ROWS = 40


def recap(counts: Mapping[str, Mapping[str, int]]) -> Table:
    """A table of counts; columns in which every host has 0 are left out. Of many hosts only those that failed."""
    shown = [name for name in COLUMNS if name in ALWAYS or any(host[name] for host in counts.values())]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("host")
    for name in shown:
        table.add_column(name, justify="right")
    every = len(counts) <= MOST_ROWS
    chosen = {host: numbers for host, numbers in counts.items() if every or _bad(numbers)}
    for host, numbers in chosen.items():
        cells = [Text(str(numbers[name]), _style(name, numbers[name])) for name in shown]
        table.add_row(Text(host, "bold"), *cells)
    if len(chosen) < len(counts):
        rest = [numbers for host, numbers in counts.items() if host not in chosen]
        totals = [str(sum(numbers[name] for numbers in rest)) for name in shown]
        table.add_row(f"{len(rest)} hosts without failures", *totals)
    return table


def _bad(numbers: Mapping[str, int]) -> bool:
    return bool(numbers["failed"] or numbers["unreachable"])


def _style(name: str, number: int) -> str:
    if not number:
        return "dim"
    return {"changed": "yellow", "failed": "bold red", "unreachable": "bold red", "unknown": "magenta"}.get(name, "")


def slowest(results: Sequence[Mapping[str, Any]], width: int | None = None, most: int = 5) -> Iterator[str]:
    """The steps that took longest, when any took a second; of a step that ran on several hosts its slowest one.

    width: columns of a terminal, into which each line is made to fit by shortening the step's name.
    """
    for event, hosts in ranked_steps(results)[:most]:
        if event["seconds"] >= 1:
            where = event["host"] if hosts == 1 else f"{event['host']}, the slowest of {hosts} hosts"
            before, step, after = f"slow  {event['seconds']:6.1f} s  ", Text(title(event)), f"   {where}"
            if width is not None:
                step.truncate(max(width - len(before) - len(after), 8), overflow="ellipsis")
            yield f"{before}{step.plain}{after}"


def ranked_steps(results: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """(the slowest result, the number of hosts) of each step, the slowest first."""
    steps: dict[Any, list[Mapping[str, Any]]] = {}
    for event in results:
        steps.setdefault(event.get("step"), []).append(event)
    found = [(max(events, key=_seconds), len({event["host"] for event in events})) for events in steps.values()]
    return sorted(found, key=lambda pair: _seconds(pair[0]), reverse=True)


def _seconds(event: Mapping[str, Any]) -> float:
    return float(event["seconds"])


def sentence(
    counts: Mapping[str, Mapping[str, int]], plan: bool, seconds: float, interrupted: bool = False
) -> str:
    """What it comes to."""
    failed = sum(1 for host in counts.values() if host["failed"])
    unreachable = sum(1 for host in counts.values() if host["unreachable"] and not host["failed"])
    whole = [host for host in counts.values() if not host["failed"] and not host["unreachable"]]
    changed, lost = sum(1 for host in whole if host["changed"] or host["unknown"]), failed + unreachable
    rest = len(counts) - changed - lost
    verb = "would change" if plan else "changed"
    parts = [f"{number} {word}" for number, word in ((failed, "failed"), (unreachable, "unreachable")) if number]
    if changed:
        parts.append(f"{changed} {verb}")
    if rest:
        whole_run = not changed and not lost and not interrupted
        parts.append(f"{rest} as wanted, nothing to do" if whole_run else f"{rest} unchanged")
    if interrupted and not counts:
        return f"no host had finished a step.  {seconds:.1f} s"
    noun = "host" if len(counts) == 1 else "hosts"
    return f"{len(counts)} {noun}: {', '.join(parts) or 'nothing to do'}.  {seconds:.1f} s"
