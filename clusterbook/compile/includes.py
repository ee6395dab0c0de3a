"""Where the files of tasks are that imports and includes name, and how a circle of them is broken."""

from __future__ import annotations

from pathlib import Path

from clusterbook.compile.context import Context
from clusterbook.compile.names import task_file
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.program import RolePart
from clusterbook.model import Node, Project
from clusterbook.records import dataclass


@dataclass(frozen=True)
class Found:
    """The nodes of a file, the directory that it is in, and its path, which names it in a chain of includes."""

    nodes: tuple[Node, ...]
    directory: str
    path: str


class Circle(InvalidInput):
    """A file that imports itself. An include around it breaks the circle: it is compiled again when it runs."""

    def __init__(self, path: str, where: Position) -> None:
        """path: of the file that is met again."""
        super().__init__(
            f"{Path(path).name!r} imports itself", where=where,
            next_step="Use include_tasks with a condition instead of import_tasks.",
        )
        self.path = path


def find_tasks(
    name: str, where: Position, context: Context, part: RolePart | None, project: Project, playbook: str, free: bool
) -> Found:
    """Ansible's order: beside the file that names it, the role's tasks, beside the playbook.

    free: the name is written in the play, so it may lie anywhere; a name that a host filled in must lie in the
    role's directory or in the playbook's.
    """
    bases = [context.directory, *([str(Path(part.path, "tasks")), part.path] if part else []), playbook]
    allowed = [Path(base).resolve() for base in (part.path if part else "", context.directory, playbook) if base]
    for base in bases:
        path = (Path(base) / name).resolve()
        if not free and not any(path.is_relative_to(place) for place in allowed):
            continue
        nodes = _nodes(path, part, project)
        if nodes is not None:
            return Found(nodes, str(path.parent), str(path))
    tried = ", ".join(dict.fromkeys(str(Path(base) / name) for base in bases))
    raise InvalidInput(f"there is no task file {name!r}", where=where, next_step=f"Looked for {tried}.")


def _nodes(path: Path, part: RolePart | None, project: Project) -> tuple[Node, ...] | None:
    if part is not None and path.is_relative_to(Path(part.path).resolve()):
        inner = path.relative_to(Path(part.path).resolve())
        found = task_file(project.roles[part.name].task_files, str(inner.with_suffix("")))
        if found is not None:
            return found
    if str(path) in project.task_files:
        return project.task_files[str(path)]
    if project.reader is not None and path.is_file():
        return project.reader.tasks(str(path))
    return None


def met_again(path: str, context: Context, where: Position) -> None:
    """Raise Circle when an import comes back to a file that is being compiled."""
    if path in context.chain:
        raise Circle(path, where)
