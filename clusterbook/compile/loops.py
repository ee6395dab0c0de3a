"""`loop` and `with_*` -> Loop."""

from __future__ import annotations

from typing import Any

from clusterbook.compile.context import as_list
from clusterbook.errors import InvalidInput
from clusterbook.language.program import Loop
from clusterbook.model import Task

KINDS = {"with_items": "items", "with_list": "list", "with_dict": "dict", "loop": "list"}


def loop_of(task: Task) -> Loop | None:
    """The task's loop, if it has one. Raises InvalidInput for a `with_` that is not supported."""
    for keyword, value in task.keywords.items():
        if keyword != "loop" and not keyword.startswith("with_"):
            continue
        kind = KINDS.get(keyword)
        if kind is None:
            raise InvalidInput(
                f"{keyword} is not supported", where=task.position,
                next_step="write it as `loop` with a filter or query",
            )
        control: dict[str, Any] = dict(task.keywords.get("loop_control") or {})
        return Loop(
            items=value,
            variable=control.get("loop_var", "item"),
            index_variable=control.get("index_var", ""),
            label=control.get("label"),
            pause=control.get("pause", 0),
            extended=control.get("extended", False),
            all_items=control.get("extended_allitems", True),
            break_when=as_list(control.get("break_when")),
            kind=kind,
        )
    return None
