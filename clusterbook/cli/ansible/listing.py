"""--list-hosts, --list-tasks and --list-tags: what a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.cli.ansible.options import Options
from clusterbook.compile import Plan
from clusterbook.compile.plan import PlayPlan, StepInfo


def listing(playbook: str, plan: Plan, options: Options) -> Iterator[str]:
    """The lines for one playbook."""
    yield f"\nplaybook: {playbook}"
    for number, play in enumerate(plan.plays, 1):
        yield f"\n  play #{number} ({play.pattern}): {play.name}\tTAGS: [{','.join(play.tags)}]"
        if options.list_hosts:
            yield f"    pattern: {[play.pattern]}"
            yield f"    hosts ({len(play.hosts)}):"
            yield from (f"      {host}" for host in play.hosts)
        if options.list_tasks:
            yield "    tasks:"
            yield from (f"      {_name(step)}\tTAGS: [{', '.join(sorted(set(step.tags)))}]" for step in _tasks(play))
        if options.list_tags:
            tags = sorted({tag for step in _tasks(play) for tag in step.tags})
            yield f"      TASK TAGS: [{', '.join(tags)}]"


def _tasks(play: PlayPlan) -> Iterator[StepInfo]:
    """The tasks as written: neither handlers nor the facts that a play gathers by itself."""
    for step in play.steps.values():
        if not step.handler and not step.implied:
            yield step


def _name(step: StepInfo) -> str:
    return f"{step.role} : {step.name}" if step.role else step.name
