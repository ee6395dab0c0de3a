"""`loop` and `with_*` -> Loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.compile.context import conditions
from clusterbook.errors import InvalidInput
from clusterbook.language.lookups import every_lookup, short_name
from clusterbook.language.program import Loop
from clusterbook.model import Task
from clusterbook.schema import suggestion


def loop_of(task: Task) -> Loop | None:
    """The task's loop, if it has one. Raises InvalidInput for a lookup that there is not."""
    for keyword, value in task.keywords.items():
        if keyword != "loop" and not keyword.startswith("with_"):
            continue
        kind = short_name(keyword.removeprefix("with_"))
        if keyword != "loop" and kind not in every_lookup():
            raise InvalidInput(
                f"{keyword} names no lookup{suggestion(kind, every_lookup())}", where=task.position,
                next_step=f"Lookups are: {', '.join(sorted(every_lookup()))}.",
            )
        control: Mapping[str, Any] = task.keywords.get("loop_control") or {}
        return Loop(
            items=value,
            variable=control.get("loop_var", "item"),
            index_variable=control.get("index_var", ""),
            label=control.get("label"),
            pause=control.get("pause", 0),
            extended=control.get("extended", False),
            all_items=control.get("extended_allitems", True),
            break_when=conditions(control, "break_when"),
            kind=kind,
        )
    return None
