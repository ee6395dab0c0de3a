"""Whether a value is right by a schema, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.schema.accept import accepts


def problems(value: Any, name: str, pointer: str = "", where: Position | None = None) -> list[InvalidInput]:
    """What is wrong with a loaded value. name: the schema's file; pointer: a part of it, such as '$defs/task'.

    where: the place for a value that knows none (an empty file).
    """
    if accepts(value, name, pointer):
        return []
    # The library is loaded only when something is likely wrong.
    from clusterbook.schema import complaints

    return complaints.problems(value, name, pointer, where)


def check(value: Any, name: str, pointer: str = "", where: Position | None = None) -> None:
    """Raise InvalidProject with every problem."""
    found = problems(value, name, pointer, where)
    if found:
        raise InvalidProject(found)
