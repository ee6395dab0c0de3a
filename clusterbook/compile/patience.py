"""How long a play waits for hosts that cannot be reached yet: as its first step, wait_for_connection, says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.language.program import Step
from clusterbook.modules.registry import parameters

MODULE = "ansible.builtin.wait_for_connection"


def patience_of(instructions: Sequence[Any]) -> float:
    """Seconds: the timeout of a first step that waits, written out or the default; 0 when no step waits."""
    first = instructions[0] if instructions else None
    if not isinstance(first, Step) or first.module != MODULE:
        return 0.0
    written = first.arguments.get("timeout") if isinstance(first.arguments, Mapping) else None
    try:
        return float(written)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float(parameters(MODULE)["timeout"].default)
