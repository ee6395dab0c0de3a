"""From playbooks, roles and inventories to what rules look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clusterbook import project, source
from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.language.values import Template
from clusterbook.lint.material import Material, Step
from clusterbook.model import Role, Task
from clusterbook.project.library import Library
from clusterbook.project.load import project_root
from clusterbook.project.tasks import TaskReader

_PARTS = ("pre_tasks", "tasks", "post_tasks", "handlers")
_ASSIGNMENT = re.compile(r"(?<!\S)([A-Za-z_]\w*)\s*=")


@dataclass
class Gatherer:
    """Collects while it reads. problems: what cannot be read, which is what no run accepts either."""

    problems: list[InvalidInput] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    plays: list[Mapping[Any, Any]] = field(default_factory=list)
    roles: dict[str, Role] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    guessed: bool = False
    _seen: set[str] = field(default_factory=set)

    def playbook(self, path: Path) -> None:
        """A playbook and everything that it reaches."""
        try:
            found = project.load(path)
        except InvalidProject as several:
            self.problems.extend(several.problems)
            return
        for role in found.roles.values():
            self._role(role)
        for file in found.task_files:
            self._tasks(Path(file), "")
        for file in dict.fromkeys([str(path), *(play.position.file for play in found.plays)]):
            self._playbook_file(Path(file))
        for play in found.plays:
            self.guessed |= any(isinstance(file, source.UnreadVariables) for file in play.vars_files)
            for values in (play.variables, *play.vars_files):
                self.names.update(map(str, values))

    def role(self, path: Path) -> None:
        """A role that need not be reached by a playbook."""
        library = Library(project_root(path / "tasks" / "main.yml"), path.parent / "playbook.yml", (path.parent,))
        library.known_role(path.name, Position(str(path)))
        self.problems.extend(library.problems)
        if not library.problems:
            for role in library.roles.values():
                self._role(role)

    def inventory(self, path: Path) -> None:
        """The names that a file of an inventory, of group_vars or of host_vars sets."""
        if path.suffix in (".yml", ".yaml", ".json"):
            try:
                written = source.load(path)
            except InvalidInput as problem:
                self.problems.append(problem)
                return
            if {"group_vars", "host_vars"} & {path.parent.name, path.parent.parent.name}:
                self.names.update(map(str, written or ()))
            else:
                self.names.update(_inventory_names(written))
        else:
            self.names.update(_ASSIGNMENT.findall(path.read_text("utf-8", errors="replace")))

    def places(self) -> frozenset[str]:
        """Files and folders of roles that were read so far."""
        return frozenset(self._seen)

    def material(self, known: Iterable[str]) -> Material:
        """All of it. known: names that something else sets."""
        roles = tuple(self.roles.values())
        files = [file for role in roles for file in sorted(Path(role.path, "templates").rglob("*")) if file.is_file()]
        names = self.names | set(known)
        return Material(tuple(self.steps), tuple(self.plays), roles, tuple(files), frozenset(names), self.guessed)

    def _role(self, role: Role) -> None:
        if role.path in self._seen:
            return
        self._seen.add(role.path)
        self.roles[role.name] = role
        for name in role.task_files:
            self._tasks(Path(role.path, name), role.name)
        for file in sorted(Path(role.path, "handlers").glob("main.*")):
            self._tasks(file, role.name, handler=True)
        for file in sorted(Path(role.path, "vars").rglob("*.y*ml")):
            written = source.load(file)
            self.names.update(map(str, written if isinstance(written, Mapping) else ()))

    def _tasks(self, path: Path, role: str, handler: bool = False) -> None:
        if str(path) not in self._seen:
            self._seen.add(str(path))
            self._nodes(source.load(path), handler, (), role)

    def _playbook_file(self, path: Path) -> None:
        if str(path) in self._seen:
            return
        self._seen.add(str(path))
        written = source.load(path)
        for item in written if isinstance(written, list) else ():
            if isinstance(item, Mapping):
                self.plays.append(item)
                for part in _PARTS:
                    self._nodes(item.get(part), part == "handlers", (_own(item),), "")

    def _nodes(self, written: Any, handler: bool, around: tuple[Mapping[Any, Any], ...], role: str) -> None:
        for item in written if isinstance(written, list) else ():
            if isinstance(item, Mapping) and "block" in item:
                for part in ("block", "rescue", "always"):
                    self._nodes(item.get(part), handler, (*around, item), role)
            elif isinstance(item, Mapping):
                for node in TaskReader().nodes([item], handler):
                    assert isinstance(node, Task)
                    self._step(Step(item, node, handler, around, role))

    def _step(self, step: Step) -> None:
        self.steps.append(step)
        if step.module != "include_vars":
            return
        named = step.arguments.get("file", step.arguments.get("_raw_params"))
        near = Path(step.at().file).parent
        places = [folder / str(named) for folder in (near.parent / "vars", near, near.parent)]
        found = next((path for path in places if path.is_file()), None)
        if isinstance(named, Template) or found is None:
            self.guessed = True
        else:
            written = source.load(found)
            self.names.update(map(str, written if isinstance(written, Mapping) else ()))


def _own(play: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """A play's keywords without its tasks."""
    return {key: value for key, value in play.items() if key not in _PARTS}


def _inventory_names(value: Any) -> Iterator[str]:
    """Keys below `vars` and `compose`, and of hosts, at any depth of groups."""
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        if key in ("vars", "compose") and isinstance(item, Mapping):
            yield from map(str, item)
        elif key == "hosts" and isinstance(item, Mapping):
            for host in item.values():
                yield from map(str, host if isinstance(host, Mapping) else ())
        else:
            yield from _inventory_names(item)
