"""`--start-at-task`: a plan without what comes before the first task of that name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from clusterbook.compile.plan import Plan, PlayPlan, StepInfo
from clusterbook.errors import InvalidInput
from clusterbook.language.program import Group, Instruction, Step
from clusterbook.schema.names import suggestion


def starting_at(plan: Plan, name: str) -> Plan:
    """The plan from the first task whose name (or 'role : name') fits; facts are gathered all the same.

    name: may hold * and ?, as in Ansible. Tasks that only the run includes cannot be named. Plays before it stay,
    empty: they are counted when hosts join. Raises InvalidInput.
    """
    for number, play in enumerate(plan.plays):
        left = _from(play.program.instructions, play, name)
        if left is not None:
            first = replace(play, program=replace(play.program, instructions=left))
            early = [replace(one, program=replace(one.program, instructions=())) for one in plan.plays[:number]]
            return replace(plan, plays=(*early, first, *plan.plays[number + 1 :]))
    raise InvalidInput(
        f"no task is called {name!r}{suggestion(name, _named(plan))}",
        next_step="Copy a name from --list-tasks; a task of a file whose name only the run gives cannot be the first.",
    )


def _from(instructions: Iterable[Instruction], play: PlayPlan, name: str) -> tuple[Instruction, ...] | None:
    """The instructions from that task on, after the gathering of facts; None when it is not among them."""
    kept: list[Instruction] = []
    rest = iter(instructions)
    for one in rest:
        found = _cut(one, play, name)
        if found is not None:
            return (*kept, found, *rest)
        if isinstance(one, Step) and one.id in play.steps and play.steps[one.id].implied:
            kept.append(one)
    return None


def _cut(one: Instruction, play: PlayPlan, name: str) -> Instruction | None:
    if isinstance(one, Group):
        return _cut_group(one, play, name)
    if not isinstance(one, Step):
        return None
    if one.id in play.steps and _fits(play.steps[one.id], name):
        return one
    left = _from(one.body, play, name) if one.body is not None else None
    return None if left is None else replace(one, body=left)


def _cut_group(group: Group, play: PlayPlan, name: str) -> Group | None:
    body, rescue, always = (_from(part, play, name) for part in (group.body, group.rescue, group.always))
    if body is not None:
        return replace(group, body=body)
    if rescue is not None:
        return replace(group, body=rescue, rescue=())
    return None if always is None else replace(group, body=(), rescue=(), always=always)


def _named(plan: Plan) -> list[str]:
    return [info.name for play in plan.plays for info in play.steps.values() if info.name and not info.handler]


def _fits(info: StepInfo, name: str) -> bool:
    names = (info.name, f"{info.role} : {info.name}")
    return name in names or any(fnmatchcase(one, name) for one in names)
