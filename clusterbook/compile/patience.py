"""Hosts that cannot be reached for a while: before a play, which its first step says, and in the middle of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.compile.plan import Plan, PlayPlan
from clusterbook.language.program import Group, Step
from clusterbook.modules.registry import parameters

MODULE, REBOOT = "ansible.builtin.wait_for_connection", "ansible.builtin.reboot"
MAY_LEAVE = (MODULE, REBOOT)


def loses_hosts(plan: Plan) -> bool:
    """Whether hosts may go away and come back while a play runs: a step reboots them, or waits for them."""
    return any(map(_loses_hosts, plan.plays))


def _loses_hosts(play: PlayPlan) -> bool:
    first = 1 if patience_of(play.program.instructions) else 0
    leaving = sum(info.module in MAY_LEAVE for info in play.steps.values())
    return play.dynamic or leaving > first


def patience_of(instructions: Sequence[Any]) -> float:
    """Seconds: the timeout of a first step that waits, written out or the default; 0 when no step waits."""
    first = instructions[0] if instructions else None
    while isinstance(first, Group) and first.role is not None:
        first = first.body[0]
    if not isinstance(first, Step) or first.module != MODULE:
        return 0.0
    written = first.arguments.get("timeout") if isinstance(first.arguments, Mapping) else None
    try:
        return float(written)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float(parameters(MODULE)["timeout"].default)
