"""The words of plays, blocks, tasks and role uses, as the schemas list them, and their values made uniform."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from clusterbook.schema.files import keywords, resolve
from clusterbook.source import SourceMapping, chosen

TASKS = "tasks.schema.json"
PLAYBOOK = "playbook.schema.json"
_TRUE = ("yes", "true", "on")
_FALSE = ("no", "false", "off")


def task_keywords(handler: bool) -> frozenset[str]:
    """The keywords of a task or of a handler."""
    return keywords(TASKS, "$defs/handler" if handler else "$defs/task")


def role_keywords() -> frozenset[str]:
    """The keywords of a role in `roles:`; other keys are its parameters."""
    return keywords(PLAYBOOK, "$defs/roleUse/anyOf/1")


@cache
def _flags() -> frozenset[str]:
    """Keywords that are true or false."""
    parts = ((TASKS, "$defs/task"), (TASKS, "$defs/block"), (PLAYBOOK, "$defs/play/else"))
    return frozenset(
        name
        for file, pointer in parts
        for name, schema in resolve(file, pointer)["properties"].items()
        if schema.get("$ref", "").endswith("/flag")
    )


def uniform(written: Mapping[Any, Any], leave_out: frozenset[str] | set[str]) -> SourceMapping:
    """Keywords without the empty ones and those to leave out; "yes" and "no" of a true-or-false one are booleans."""
    found = chosen(written, [name for name, value in written.items() if value is not None and name not in leave_out])
    for name in [name for name in found if name in _flags()]:
        found[name] = _flag(found[name])
    return found


def _flag(value: Any) -> Any:
    if isinstance(value, str) and value.lower() in _TRUE:
        return True
    if isinstance(value, str) and value.lower() in _FALSE:
        return False
    return value
