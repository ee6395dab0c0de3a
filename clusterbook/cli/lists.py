"""--list-hosts, --list-tasks and --list-tags: what a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from clusterbook.compile import Plan
from clusterbook.compile.plan import PlayPlan, StepInfo
from clusterbook.language.program import Group, Instruction, Step

HELP = {
    "start-at-task": "begin at the task of this name, or ROLE : NAME, with * and ?; facts are gathered all the same",
    "list-hosts": "list each play's hosts and run nothing",
    "list-tasks": "list each play's tasks with their tags and run nothing",
    "list-tags": "list the tags of each play's tasks and run nothing",
}


# What --list-tags selects where nothing else is asked for: tags of what never runs otherwise are to be found, too.
EVERY_TAG = "all,never"


def parts(hosts: bool, tasks: bool, tags: bool) -> tuple[str, ...]:
    """What is to be listed of each play; nothing when none was asked for."""
    return tuple(name for name, wanted in (("hosts", hosts), ("tasks", tasks), ("tags", tags)) if wanted)


def listing(playbook: str, plan: Plan, wanted: Collection[str], whole: bool = True) -> Iterator[str]:
    """The lines for one playbook. wanted: see parts; whole: with tasks of includes, rescue and always."""
    tasks_of = _tasks if whole else _static_tasks
    yield f"\nplaybook: {playbook}"
    for number, play in enumerate(plan.plays, 1):
        yield f"\n  play #{number} ({play.pattern}): {play.name}\tTAGS: [{','.join(play.tags)}]"
        if "hosts" in wanted:
            yield f"    pattern: {[play.pattern]}"
            yield f"    hosts ({len(play.hosts)}):"
            yield from (f"      {host}" for host in play.hosts)
        if "tasks" in wanted:
            yield "    tasks:"
            yield from (f"      {_name(step)}\tTAGS: [{', '.join(_tags(step))}]" for step in tasks_of(play))
        if "tags" in wanted:
            yield f"      TASK TAGS: [{', '.join(_tags(*tasks_of(play)))}]"


def as_data(plan: Plan, wanted: Collection[str]) -> list[dict[str, Any]]:
    """The same for --json: a play each."""
    return [{"play": play.name, "pattern": play.pattern, **{part: _PARTS[part](play) for part in wanted}}
            for play in plan.plays]  # fmt: skip


def _tags(*steps: StepInfo) -> list[str]:
    return sorted({tag for step in steps for tag in step.tags})


def _tasks(play: PlayPlan) -> Iterator[StepInfo]:
    """The tasks as written: neither handlers nor the facts that a play gathers by itself."""
    for step in play.steps.values():
        if not step.handler and not step.implied:
            yield step


def _static_tasks(play: PlayPlan) -> Iterator[StepInfo]:
    """Those that ansible-playbook lists."""
    for step in _outside_includes(play.program.instructions):
        if not play.steps[step.id].implied:
            yield play.steps[step.id]


def _outside_includes(instructions: Iterable[Instruction]) -> Iterator[Step]:
    for one in instructions:
        if isinstance(one, Group):
            yield from _outside_includes(one.body)
        elif isinstance(one, Step):
            yield one


def _name(step: StepInfo) -> str:
    if not step.named:
        return step.name.partition(" : ")[0]
    return f"{step.role} : {step.name}" if step.role else step.name


_PARTS: Mapping[str, Callable[[PlayPlan], list[Any]]] = {
    "hosts": lambda play: list(play.hosts),
    "tasks": lambda play: [{"name": _name(step), "tags": _tags(step)} for step in _tasks(play)],
    "tags": lambda play: _tags(*_tasks(play)),
}
