"""A plan as a person reads it: what would be made, what would change from what to what, what would go."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clusterbook.cloud.model import Difference, Found
from clusterbook.cloud.plan import CloudPlan, shown

MOST_LETTERS = 60
# Documents and tags say nothing in one line, and some fields nothing to a person; --json has them.
HIDDEN = ("trust", "policy", "instance_tags", "user_data", "description", "root_device", "initial_root_device")


def lines(plan: CloudPlan) -> Iterator[str]:
    """The screen of update-cluster, without what to do next."""
    if plan.empty:
        yield f"Nothing to do: all {len(plan.wanted)} resources are as wanted."
        return
    if plan.create:
        yield "Will create"
        yield from _rows([(item.key, fields_text(item.fields)) for item in plan.create])
    if plan.change:
        yield "Will change"
        yield from _rows([(item.wanted.key, changes_text(item.differences)) for item in plan.change])
    if plan.replace:
        yield "Would have to be made anew (left alone)"
        yield from _rows([(item.wanted.key, changes_text(item.differences)) for item in plan.replace])
    if plan.surplus:
        yield "Wanted no more (deleted with --prune)"
        yield from _rows([(item.key, item.id) for item in plan.surplus])
    yield summary(plan)


def next_steps(plan: CloudPlan, command: str) -> Iterator[str]:
    """What to do about a plan that is not empty. command: the one that applies it."""
    prune = command if "--prune" in command.split() else f"{command} --prune"
    if plan.create or plan.change:
        yield f"To apply: {command}"
    if plan.surplus and (prune != command or not (plan.create or plan.change)):
        yield f"To delete what is wanted no more, too: {prune}"
    yield from left_alone(plan)


def left_alone(plan: CloudPlan) -> Iterator[str]:
    """How what no request can change comes to be as wanted: a person decides when, for it is gone meanwhile."""
    types = [item for item in plan.replace if item.fixed == ("type",)]
    if types:
        yield "To change an instance's type: stop it in AWS, give it the new type and start it, one after the other."
    if len(plan.replace) > len(types):
        yield "To have the others made anew: delete them in AWS and run update-cluster with --yes. Control planes one" \
              " after the other: each comes in again by invoke replace-node NODE --inventory aws --yes."  # fmt: skip


def summary(plan: CloudPlan) -> str:
    """The counts of a plan."""
    counts = {
        "create": len(plan.create), "change": len(plan.change), "replace": len(plan.replace),
        "delete": len(plan.surplus),
    }  # fmt: skip
    return ", ".join(f"{count} to {name}" for name, count in counts.items() if count) + "."


def table(found: Sequence[Found]) -> list[tuple[str, str, str]]:
    """TYPE, NAME and ID of resources, by kind."""
    return [(item.kind, item.name, item.id) for item in sorted(found, key=lambda item: item.key)]


def fields_text(fields: Mapping[str, Any]) -> str:
    """Fields in one line, without those that are empty."""
    words = [
        f"{name.removeprefix('initial_')} {_value(value)}"
        for name, value in fields.items()
        if name not in HIDDEN and value not in ("", [], (), {}, None)
    ]
    return "  ".join(words)


def changes_text(differences: Sequence[Difference]) -> str:
    """Old and new of each field in one line."""
    return "  ".join(
        f"{item.field} {_value(item.before) or 'none'} -> {_value(item.after) or 'none'}" for item in differences
    )


def _rows(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max(len(name) for name, _ in rows)
    for name, text in sorted(rows):
        yield f"  {name:<{width}}  {text}".rstrip()


def _value(value: Any) -> str:
    if isinstance(value, list):
        text = ",".join(_value(item) for item in value)
    elif isinstance(value, tuple):
        text = ":".join(_value(item) for item in value)
    elif isinstance(value, bool):
        text = "on" if value else "off"
    else:
        text = str(shown(value))
    if "\n" in text:  # a program: that it is another one is all that one line can say
        return f"(text {hashlib.sha256(text.encode()).hexdigest()[:8]})"
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"
