"""What is wrong in a compiled run: handlers and files that there are not, templates, role inputs, ways to hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from clusterbook.compile.inputs import input_problems
from clusterbook.compile.plan import Plan, Selection
from clusterbook.errors import InvalidInput, Position
from clusterbook.model import Project, Task
from clusterbook.records import dataclass
from clusterbook.validate import connections, files, handlers, roles
from clusterbook.validate.expressions import Reader
from clusterbook.validate.project import every_node
from clusterbook.variables import Layer


@dataclass(frozen=True)
class Written:
    """The tasks of a project by the place where each starts, to find the place of a word in it."""

    tasks: Mapping[Position, Task]

    def place(self, where: Position, keyword: str, value: object = None) -> Position:
        """Where a task has a keyword, or this item of its list; else where the task starts."""
        task = self.tasks.get(where)
        found = getattr(task.keywords, "values_at", {}).get(keyword) if task is not None else None
        listed = task.keywords.get(keyword) if task is not None else None
        if isinstance(listed, list) and value in listed:
            found = getattr(listed, "items_at", {listed.index(value): found})[listed.index(value)]
        return found or where


def of_plan(
    plan: Plan, project: Project, selection: Selection, layers: Mapping[str, Sequence[Layer]], reader: Reader
) -> Iterator[InvalidInput]:
    """Everything that is wrong for these hosts and this selection. layers: of each host, lowest first."""
    written = Written({node.position: node for node in every_node(project) if isinstance(node, Task)})
    if not selection.tags and not selection.skip_tags:  # else a handler may be in what is not selected
        for play in plan.plays:
            yield from handlers.problems(play, written.place)
    yield from files.problems(plan, written.tasks, reader)
    yield from input_problems(project, plan, {host: tuple(own) for host, own in layers.items()})
    for written_play, play in zip(project.plays, plan.plays, strict=True):
        yield from roles.problems(written_play, play, project, layers, selection.extra_variables)
    yield from connections.problems(plan, layers)
