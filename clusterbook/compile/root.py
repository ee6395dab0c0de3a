"""Whether what a play includes during the run may become another user: its agents must start as root then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.compile.context import Context
from clusterbook.compile.names import is_dynamic
from clusterbook.model import Task

_BECOMES = re.compile(r"^[\s-]*(?:ansible_)?become(?:_user)?\s*:", re.MULTILINE)


def becomes(layers: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a variable of the play or of its hosts may make steps become another user."""
    said = [layer["ansible_become"] for layer in layers if "ansible_become" in layer]
    return any(str(value).lower() not in ("false", "no", "off", "0", "none", "") for value in said)


def may_become(open_includes: Mapping[int, tuple[Task, Context]]) -> bool:
    """Whether a file that such an include can name says `become`."""
    files = {file for task, context in open_includes.values() if is_dynamic(task) for file in _reached(task, context)}
    return any(_BECOMES.search(file.read_text(encoding="utf-8", errors="replace")) for file in sorted(files))


def _reached(task: Task, context: Context) -> Iterator[Path]:
    """The files beside the one that includes, and below; for a role, those of the roles beside this one."""
    base = Path(context.directory)
    if task.module.endswith("include_role"):
        base = base.parents[1] if context.role is not None else base / "roles"
    for ending in ("*.yml", "*.yaml"):
        yield from base.rglob(ending)
