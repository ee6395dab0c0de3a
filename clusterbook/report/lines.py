"""One event -> lines of rich text, the same for every kind of terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from clusterbook.errors import Position
from clusterbook.report.called import as_called
from clusterbook.report.changes import change_lines, command_line
from clusterbook.source import excerpt

MARKS = {"changed": ("~", "yellow"), "unknown": ("?", "magenta"), "failed": ("✗", "bold red"), "ok": ("·", "dim"),
         "skipped": ("-", "dim")}
LAST_LINES = 8


def title(event: Mapping[str, Any]) -> str:
    """ROLE | STEP, or just the step."""
    role, name = event.get("role"), " ".join(str(event.get("name", "")).split())
    if not role or name.startswith((f"{role} |", f"{role} : ")):
        return name
    return f"{role} | {name}"


def ran_on(event: Mapping[str, Any]) -> str:
    """` -> HOST`, of a loop every host, for a step that was delegated to others."""
    found = (part.get("delegated_to", "") for part in (event, *event.get("items", ())))
    targets = [name for name in dict.fromkeys(found) if name and name != event["host"]]
    return f" -> {', '.join(targets)}" if targets else ""


def step_lines(event: Mapping[str, Any], diff: bool) -> Iterator[Text]:
    """A changed, unknown or (verbose) quiet step."""
    mark, style = MARKS.get(str(event["status"]), ("·", ""))
    line = Text.assemble((mark + " ", style), (f"{event['host'] + ran_on(event):<8} ", "bold"), title(event))
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
    head = Text.assemble(("failed  ", "bold red"), (f"{event['host']}{ran_on(event)}  ", "bold"), title(event))
    if event.get("at"):
        head.append(f"   {event['at']}", "dim")
    yield head
    for item in event.get("items", ()):
        if item.get("status") == "failed":
            yield Text(f"  item    {item.get('label', item.get('item'))}")
            yield from _cause(item)
    if not event.get("items"):
        yield from _cause(event)
    if event.get("hidden") and not event.get("msg"):
        yield Text("  cause   hidden: the step holds a secret (no_log)")
    yield Text.assemble(("  next    ", ""), as_called(str(event.get("next_step") or _next(event))))


def _cause(event: Mapping[str, Any]) -> Iterator[Text]:
    """Why, from a program's last words or the message; then where an expression is written, or what was run."""
    place, ran = event.get("place"), command_line(event.get("cmd") or "")
    if ran and str(event.get("msg", "")).startswith(f"'{ran}' failed"):
        yield from _program(event, ran)
        return
    if event.get("msg"):
        first, *rest = str(event["msg"]).splitlines() or [""]
        yield Text(f"  cause   {first}")
        yield from (Text(f"          {line}") for line in rest[:20])
    if place:
        yield Text(f"  at      {relative(place[0])}:{place[1]}:{place[2]}", "dim")
        yield from (Text(f"      {line}", "dim") for line in excerpt(Position(*place), value=True).splitlines())
    if "rc" in event:
        yield Text(f"  exit    {event['rc']}  {ran}")
    for line in _last_words(event):
        if line.strip() not in str(event.get("msg", "")):
            yield Text(f"  said    {line}", "dim")


def _program(event: Mapping[str, Any], ran: str) -> Iterator[Text]:
    first, *rest = _last_words(event) or ["it said nothing"]
    yield Text(f"  cause   {first}")
    yield from (Text(f"          {line}") for line in rest)
    line, *more = ran.strip().splitlines() or [""]
    yield Text(f"  ran     {line}{' …' if more else ''}", "dim")
    yield Text(f"  exit    {event.get('rc')}", "dim")


def _last_words(event: Mapping[str, Any]) -> list[str]:
    """The end of what a program wrote, of its errors if it wrote any."""
    text = str(event.get("stderr") or "").strip() or str(event.get("stdout") or "").strip()
    return text.splitlines()[-LAST_LINES:]


def _next(event: Mapping[str, Any]) -> str:
    return "mend the cause, then run the same command again: it goes on where it stopped"


def unreachable_lines(event: Mapping[str, Any]) -> Iterator[Text]:
    """A host that was lost, or that could not be used at all."""
    word = "unreachable" if event["type"] == "unreachable" else "failed"
    yield Text.assemble((f"{word}  ", "bold red"), (f"{event['host']}  ", "bold"), str(event.get("msg", "")))
    if event.get("next_step"):
        yield Text(f"  next    {as_called(str(event['next_step']))}")


def relative(path: str) -> str:
    """A path below the working directory without it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
