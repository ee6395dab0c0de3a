"""The last lines of a run: a row a host, the slowest steps, one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

COLUMNS = ("ok", "changed", "unknown", "skipped", "failed", "unreachable", "rescued", "ignored")
ALWAYS = ("ok", "changed", "failed")


def recap(counts: Mapping[str, Mapping[str, int]]) -> Table:
    """A table of counts; columns in which every host has 0 are left out."""
    shown = [name for name in COLUMNS if name in ALWAYS or any(host[name] for host in counts.values())]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("host")
    for name in shown:
        table.add_column(name, justify="right")
    for host, numbers in counts.items():
        cells = [Text(str(numbers[name]), _style(name, numbers[name])) for name in shown]
        table.add_row(Text(host, "bold"), *cells)
    return table


def _style(name: str, number: int) -> str:
    if not number:
        return "dim"
    return {"changed": "yellow", "failed": "bold red", "unreachable": "bold red", "unknown": "magenta"}.get(name, "")


def slowest(results: Sequence[Mapping[str, Any]], most: int = 3) -> Iterator[str]:
    """The steps that took longest, when any took a second."""
    ranked = sorted(results, key=lambda event: float(event["seconds"]), reverse=True)[:most]
    for event in ranked:
        if event["seconds"] >= 1:
            yield f"{event['seconds']:6.1f} s  {event['host']}  {event.get('role', '')} | {event.get('name', '')}"


def sentence(counts: Mapping[str, Mapping[str, int]], plan: bool, seconds: float) -> str:
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
        parts.append(f"{rest} as wanted, nothing to do" if not changed and not lost else f"{rest} unchanged")
    return f"{len(counts)} hosts: {', '.join(parts) or 'nothing to do'}.  {seconds:.1f} s"
