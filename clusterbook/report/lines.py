"""One event -> lines of rich text, the same for every kind of terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from clusterbook.report.changes import change_lines

MARKS = {"changed": ("~", "yellow"), "unknown": ("?", "magenta"), "failed": ("✗", "bold red"), "ok": ("·", "dim"),
         "skipped": ("-", "dim")}


def title(event: Mapping[str, Any]) -> str:
    """ROLE | STEP, or just the step."""
    role, name = event.get("role"), str(event.get("name", ""))
    if not role or name.startswith((f"{role} |", f"{role} : ")):
        return name
    return f"{role} | {name}"


def step_lines(event: Mapping[str, Any], diff: bool) -> Iterator[Text]:
    """A changed, unknown or (verbose) quiet step."""
    mark, style = MARKS.get(str(event["status"]), ("·", ""))
    line = Text.assemble((mark + " ", style), (f"{event['host']:<8} ", "bold"), title(event))
    if event.get("ignored"):
        line.append("  (ignored)", "dim")
    if event.get("at"):
        line.append(f"   {event['at']}", "dim")
    yield line
    if event["status"] == "unknown" and event.get("msg"):
        yield Text(f"    {event['msg']}", "magenta")
    for text in change_lines(event, diff):
        color = "green" if text.startswith("+") else "red" if text.startswith("-") else ""
        yield Text("    " + text, color)


def failure_lines(event: Mapping[str, Any]) -> Iterator[Text]:
    """A failed step: what was wanted and found, the cause, what to do next; nothing else."""
    head = Text.assemble(("failed  ", "bold red"), (f"{event['host']}  ", "bold"), title(event))
    if event.get("at"):
        head.append(f"   {event['at']}", "dim")
    yield head
    for item in event.get("items", ()):
        if item.get("status") == "failed":
            yield Text(f"  item    {item.get('item')}")
            yield from _cause(item)
    if not event.get("items"):
        yield from _cause(event)
    if event.get("hidden") and not event.get("msg"):
        yield Text("  cause   hidden: the step holds a secret (no_log)")
    yield Text.assemble(("  next    ", ""), str(event.get("next_step") or _next(event)))


def _cause(event: Mapping[str, Any]) -> Iterator[Text]:
    place = event.get("place")
    if event.get("msg"):
        first, *rest = str(event["msg"]).splitlines() or [""]
        yield Text(f"  cause   {first}")
        yield from (Text(f"          {line}") for line in rest[:20])
    if place:
        yield Text(f"  at      {relative(place[0])}:{place[1]}:{place[2]}", "dim")
    if "rc" in event:
        command = event.get("cmd")
        shown = " ".join(map(str, command)) if isinstance(command, list) else command
        yield Text(f"  exit    {event['rc']}  {shown or ''}")
    for name in ("stderr", "stdout"):
        text = str(event.get(name) or "").strip()
        if text:
            yield from (Text(f"  {name}  {line}", "dim") for line in text.splitlines()[-8:])
            break


def _next(event: Mapping[str, Any]) -> str:
    return "mend the cause, then run the same command again: it goes on where it stopped"


def unreachable_lines(event: Mapping[str, Any]) -> Iterator[Text]:
    """A host that was lost, or that could not be used at all."""
    word = "unreachable" if event["type"] == "unreachable" else "failed"
    yield Text.assemble((f"{word}  ", "bold red"), (f"{event['host']}  ", "bold"), str(event.get("msg", "")))
    if event.get("next_step"):
        yield Text(f"  next    {event['next_step']}")


def relative(path: str) -> str:
    """A path below the working directory without it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
