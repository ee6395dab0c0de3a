"""The roles of one play: each way in which a role is used has a number, its variables and its handlers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from clusterbook.compile.names import ENDINGS, RoleEntry
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.program import RolePart
from clusterbook.model import Node, Project, Role, Variables


class RoleBook:
    """Looks roles up and numbers them as the compiler meets them."""

    def __init__(self, project: Project) -> None:
        """project: what was read; a role that it lacks is asked of its reader."""
        self._project = project
        self.parts: list[RolePart] = []
        # Roles that only includes bring: their handlers are known once the include ran.
        self.late: set[int] = set()
        self._numbers: dict[tuple[Any, ...], int] = {}

    def role(self, name: str, where: Position) -> Role:
        """The role of that name. Raises InvalidInput."""
        known = self._project.roles.get(name)
        if known is not None:
            return known
        if self._project.reader is not None and name:
            return self._project.reader.role(name, where)
        raise InvalidInput(f"there is no role {name!r}", where=where, next_step="check the role's name")

    def number(self, role: Role, entry: RoleEntry, parents: tuple[int, ...], where: Position) -> int:
        """The number of a role used in this way."""
        entry = replace(entry, tasks="", duplicates=True, specs="")
        key = (role.name, parents, entry)
        if key in self._numbers:
            return self._numbers[key]
        self._numbers[key] = len(self.parts)
        if entry.included:
            self.late.add(len(self.parts))
        self.parts.append(
            RolePart(
                role.name, role.path,
                {**self._inherited(role, "defaults"), **self._variables(role, "defaults", entry.defaults, where)},
                {**self._inherited(role, "vars"), **self._variables(role, "vars", entry.variables, where)},
                parents, entry.public and not entry.included,
            )
        )
        return self._numbers[key]

    def _inherited(self, role: Role, folder: str, around: tuple[str, ...] = ()) -> dict[str, Any]:
        """What a role's dependencies set; it sees their variables as if they were its own."""
        found: dict[str, Any] = {}
        for use in role.dependencies:
            if use.name in around:
                continue
            other = self.role(use.name, use.position)
            found.update(self._inherited(other, folder, (*around, use.name)))
            found.update(other.defaults if folder == "defaults" else other.variables)
        return found

    def handlers(self, role: Role, entry: RoleEntry, where: Position) -> tuple[Node, ...]:
        """The role's handlers, from the file that the use names."""
        if entry.handlers == "main" or self._project.reader is None:
            return role.handlers
        return self._project.reader.tasks(str(_file(role, "handlers", entry.handlers, where)), handlers=True)

    def _variables(self, role: Role, folder: str, stem: str, where: Position) -> Variables:
        if stem == "main" or self._project.reader is None:
            return role.defaults if folder == "defaults" else role.variables
        return self._project.reader.variables(str(_file(role, folder, stem, where)))


def _file(role: Role, folder: str, stem: str, where: Position) -> Path:
    base = Path(role.path, folder).resolve()
    for ending in ENDINGS:
        path = (base / f"{stem}{ending}").resolve()
        if path.is_file() and path.is_relative_to(Path(role.path).resolve()):
            return path
    raise InvalidInput(
        f"role {role.name!r} has no file {folder}/{stem}.yml", where=where, next_step="Correct the name, or add it."
    )
