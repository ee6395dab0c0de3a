"""What hosts learn for others during a run: names that they report, and inventory variables that do not last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from clusterbook.compile.plan import PlayPlan
from clusterbook.compile.walk import steps_of
from clusterbook.language.keeping import SET_FACT
from clusterbook.language.program import EVERY_NAME, Step
from clusterbook.language.stepping import INCLUDE_VARS
from clusterbook.language.values import Template


def with_shared(plays: Sequence[PlayPlan]) -> tuple[PlayPlan, ...]:
    """The plays, each with the names that some play reads of other hosts: hosts report what they learn under them."""
    names: frozenset[str] = frozenset().union(*(plan.names for plan in plays)) - {"inventory_hostname", "group_names"}
    learnable = learnable_names(step for plan in plays for step in steps_of(plan.program))
    if any(plan.dynamic for plan in plays):  # what is included during the run may read and set anything
        names, learnable = names | {EVERY_NAME}, learnable | {EVERY_NAME}
    shared = tuple(sorted(names))
    return tuple(
        _lasting(replace(plan, program=replace(plan.program, shared=shared), learnable=learnable)) for plan in plays
    )


def learnable_names(steps: Iterable[Step]) -> frozenset[str]:
    """Names that steps register or set; EVERY_NAME among them where only the run tells which."""
    found: set[str] = set()
    for step in steps:
        found.update(filter(None, (step.register,)))
        if step.module == SET_FACT:
            found.update(_set_by(step.arguments))
        elif step.module == INCLUDE_VARS:
            found.add(EVERY_NAME)
    return frozenset(found)


def _set_by(arguments: Any) -> set[str]:
    if not isinstance(arguments, Mapping):
        return {EVERY_NAME}
    return {EVERY_NAME if isinstance(name, Template) else str(name) for name in arguments}


def _lasting(plan: PlayPlan) -> PlayPlan:
    """The play without variables of other hosts that a step may set: of these each step asks for the value of now."""
    kept: dict[int, Mapping[str, Mapping[str, Any]]] = {}
    for part in plan.parts.values():
        if id(part.hostvars) not in kept:
            kept[id(part.hostvars)] = {
                host: {name: value for name, value in values.items() if plan.lasts(name)}
                for host, values in part.hostvars.items()
            }
    parts = {name: replace(part, hostvars=kept[id(part.hostvars)]) for name, part in plan.parts.items()}
    return replace(plan, parts=parts)
