"""Parts of the lines that ansible-playbook prints, from events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.report.changes import unified


def way(event: Mapping[str, Any], part: Mapping[str, Any]) -> tuple[str, ...]:
    """The host, and whom it delegated the step or a part of it to."""
    host, target = str(event["host"]), str(part.get("delegated_to", ""))
    return (host, target) if target and target != host else (host,)


def title(event: Mapping[str, Any]) -> str:
    """ROLE : TASK, or just the task."""
    role, name = event.get("role"), str(event.get("name", ""))
    return f"{role} : {name}" if role else name


def result_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the step returned, of one that shows no values only that."""
    if event.get("hidden"):
        return censored(str(event["status"]))
    found = event.get("result", {})
    return found if isinstance(found, Mapping) else {}


def censored(status: str) -> dict[str, Any]:
    """What stands for a result that shows no values."""
    text = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
    return {"censored": text, "changed": status == "changed"}


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON with sorted keys."""
    return json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=True, default=str)


def diff_lines(change: Mapping[str, Any]) -> Iterator[str]:
    """What differed, as lines."""
    before, after = change.get("before"), change.get("after")
    if isinstance(before, str) or isinstance(after, str):
        old, new = str(before or ""), str(after or "")
        if "\n" in old or "\n" in new:
            yield f"--- before: {change['what']}"
            yield f"+++ after: {change['what']}"
            yield from unified(old, new)
            return
    yield f"-{change['what']}: {before}"
    yield f"+{change['what']}: {after}"
