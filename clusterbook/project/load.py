"""A playbook with everything that it can reach -> Project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.language.values import Template
from clusterbook.model import Block, Node, Play, Project, Role, Task
from clusterbook.project.files import read_yaml
from clusterbook.project.keywords import uniform
from clusterbook.project.roles import find_role, read_role, role_directories, role_names, role_uses
from clusterbook.project.tasks import TaskReader
from clusterbook.schema import nearest, suggestion
from clusterbook.source import position_of

MAXIMUM_IMPORTS = 20
_PARTS = {"name", "hosts", "vars", "vars_files", "roles", "pre_tasks", "tasks", "post_tasks", "handlers"}
_IMPORTS = ("import_playbook", "ansible.builtin.import_playbook")


def load(playbook: Path | str, root: Path | None = None, role_folders: Iterable[Path] = ()) -> Project:
    """Read a playbook. root: the project's directory; found by its roles/ when it is not given.

    role_folders: more folders of roles, looked at after those beside the playbook and in the project.

    Raises InvalidProject with every problem of every file, in the order in which they were read.
    """
    path = Path(playbook).resolve()
    base = root.resolve() if root else project_root(path)
    loader = _Loader(base, path, tuple(role_folders))
    plays = tuple(loader.plays(path, 0))
    if loader.problems:
        raise InvalidProject(_ordered(loader.problems))
    return Project(str(base), plays, loader.roles, loader.task_files)


def project_root(playbook: Path) -> Path:
    """The nearest directory above a playbook that has a roles directory, else the playbook's own."""
    for directory in list(playbook.parents)[:4]:
        if (directory / "roles").is_dir():
            return directory
    return playbook.parent


@dataclass
class _Loader:
    """What has been read so far in one load."""

    root: Path
    playbook: Path
    role_folders: tuple[Path, ...] = ()
    problems: list[InvalidInput] = field(default_factory=list)
    roles: dict[str, Role] = field(default_factory=dict)
    task_files: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def plays(self, path: Path, depth: int) -> Iterator[Play]:
        """The plays of a file and of the playbooks that it imports."""
        written = read_yaml(path, "playbook.schema.json", self.problems)
        for item in written if isinstance(written, list) else ():
            if not isinstance(item, Mapping):
                continue
            imported = next((item[key] for key in _IMPORTS if key in item), None)
            if imported is None:
                yield self._play(item, path)
            else:
                yield from self._import(item, imported, path, depth)

    def _import(self, item: Mapping[Any, Any], name: Any, path: Path, depth: int) -> Iterator[Play]:
        where = position_of(item)
        if isinstance(name, Template) or not isinstance(name, str):
            self.problems.append(_not_literal("the name of an imported playbook", where))
            return
        target = (path.parent / name.strip()).resolve()
        if depth >= MAXIMUM_IMPORTS:
            self.problems.append(_circle(name, where))
        elif not target.is_file():
            self.problems.append(_no_file("playbook", name, [target], where))
        else:
            for play in self.plays(target, depth + 1):
                yield _inherit(play, item)

    def _play(self, written: Mapping[Any, Any], path: Path) -> Play:
        tasks = {part: self._nodes(written.get(part), path) for part in ("pre_tasks", "tasks", "post_tasks")}
        uses = role_uses(written.get("roles"))
        for use in uses:
            self._role(use.name, use.position)
        return Play(
            name=written.get("name"),
            hosts=written.get("hosts"),
            keywords=uniform(written, _PARTS),
            variables=written.get("vars") or {},
            vars_files=tuple(self._vars_files(written, path)),
            roles=uses,
            handlers=self._nodes(written.get("handlers"), path, handler=True),
            position=position_of(written),
            hosts_position=position_of(written, "hosts"),
            **tasks,
        )

    def _nodes(self, written: Any, path: Path, handler: bool = False) -> tuple[Node, ...]:
        reader = TaskReader()
        nodes = reader.nodes(written, handler)
        self.problems.extend(reader.problems)
        self._follow(nodes, path.parent, None)
        return nodes

    def _follow(self, nodes: Iterable[Node], directory: Path, role: Role | None) -> None:
        """Read what the tasks import and include by a literal name."""
        for node in nodes:
            if isinstance(node, Block):
                self._follow((*node.body, *node.rescue, *node.always), directory, role)
            elif node.module in ("ansible.builtin.import_role", "ansible.builtin.include_role"):
                self._used_role(node)
            elif node.module in ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks"):
                self._used_file(node, directory, role)

    def _used_role(self, task: Task) -> None:
        arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
        name, entry = arguments.get("name"), arguments.get("tasks_from", "main")
        if not isinstance(name, str):
            return
        role = self._role(name, position_of(arguments, "name", task.position))
        if role is None or not isinstance(entry, str):
            return
        stems = {file.removesuffix(".yml").removesuffix(".yaml") for file in role.task_files}
        stem = "tasks/" + entry.removesuffix(".yml").removesuffix(".yaml")
        if stem not in stems and entry != "main":
            names = sorted(item.removeprefix("tasks/") for item in stems)
            self.problems.append(
                InvalidInput(
                    f"role {name!r} has no task file {entry!r}{suggestion(entry, names)}",
                    where=position_of(arguments, "tasks_from", task.position),
                    next_step=f"Name one of: {', '.join(names)}." if names else f"Add {role.path}/{stem}.yml.",
                )
            )

    def _used_file(self, task: Task, directory: Path, role: Role | None) -> None:
        arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
        name = arguments.get("file", arguments.get("_raw_params"))
        if not isinstance(name, str):
            return
        places = [directory, self.playbook.parent]
        if role is not None:
            places.insert(1, Path(role.path) / "tasks")
        tried = [(place / name).resolve() for place in places]
        found = next((path for path in tried if path.is_file()), None)
        if found is None:
            self.problems.append(_no_file("task file", name, tried, task.position))
            return
        if role is not None and found.is_relative_to(Path(role.path, "tasks")):
            return
        key = str(found)
        if key not in self.task_files:
            self.task_files[key] = ()
            reader = TaskReader()
            nodes = reader.nodes(read_yaml(found, "tasks.schema.json", self.problems))
            self.problems.extend(reader.problems)
            self.task_files[key] = nodes
            self._follow(nodes, found.parent, role)

    def _role(self, name: str, where: Position) -> Role | None:
        """Read a role once, with its dependencies and what its tasks name."""
        if name in self.roles or name in self.missing:
            return self.roles.get(name)
        directories = role_directories(self.playbook, self.root, self.role_folders)
        path = find_role(name, directories, self.playbook)
        if path is None:
            self.missing.add(name)
            self.problems.append(
                InvalidInput(
                    f"there is no role {name!r}{suggestion(name, role_names(directories))}",
                    where=where,
                    next_step=f"Looked in {', '.join(map(str, directories))}.",
                )
            )
            return None
        role = self.roles[name] = read_role(name, path, self.problems)
        for use in role.dependencies:
            self._role(use.name, use.position)
        for file, nodes in role.task_files.items():
            self._follow(nodes, (path / file).parent, role)
        self._follow(role.handlers, path / "handlers", role)
        return role

    def _vars_files(self, written: Mapping[Any, Any], path: Path) -> Iterator[Mapping[str, Any]]:
        """The contents of a play's vars_files, of an inner list the first that exists."""
        names = written.get("vars_files") or []
        for number, item in enumerate(names if isinstance(names, list) else [names]):
            where = position_of(names, number, position_of(written, "vars_files"))
            choices = item if isinstance(item, list) else [item]
            if any(not isinstance(name, str) for name in choices):
                self.problems.append(_not_literal("a name in vars_files", where, "Use include_vars in a task."))
                continue
            tried = [(path.parent / name).resolve() for name in choices]
            found = next((file for file in tried if file.is_file()), None)
            if found is None:
                self.problems.append(_no_file("file of variables", choices[-1], tried, where))
                continue
            value = read_yaml(found, "role-variables.schema.json", self.problems)
            if isinstance(value, Mapping):
                yield value


def _inherit(play: Play, item: Mapping[Any, Any]) -> Play:
    """A play of an imported playbook with the keywords of the import."""
    keywords = dict(play.keywords)
    for name in ("when", "tags"):
        if item.get(name) is not None:
            keywords[name] = [*_listed(item[name]), *_listed(keywords.get(name))]
    return replace(play, keywords=keywords, variables={**play.variables, **(item.get("vars") or {})})


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _not_literal(what: str, where: Position, next_step: str = "Write it literally.") -> InvalidInput:
    return InvalidInput(f"{what} must be literal, without an expression", where=where, next_step=next_step)


def _no_file(kind: str, name: str, tried: list[Path], where: Position) -> InvalidInput:
    around = [path for place in {item.parent for item in tried} if place.is_dir() for path in place.iterdir()]
    stems = {path.stem: path.name for path in around if path.is_file()}
    meant = nearest(Path(name).stem, stems)
    return InvalidInput(
        f"there is no {kind} {name!r}" + (f"; did you mean {stems[meant]!r}?" if meant else ""),
        where=where,
        next_step=f"Looked for {', '.join(dict.fromkeys(str(path) for path in tried))}.",
    )


def _circle(name: str, where: Position) -> InvalidInput:
    return InvalidInput(
        f"playbook {name!r} is imported more than {MAXIMUM_IMPORTS} levels deep",
        where=where,
        next_step="Break the circle of imports.",
    )


def _ordered(problems: list[InvalidInput]) -> list[InvalidInput]:
    """Each problem once, file by file in the order in which they were read, by line within a file."""
    distinct = list({(problem.message, problem.where): problem for problem in problems}.values())
    places = [problem.where or Position("") for problem in distinct]
    files = list(dict.fromkeys(place.file for place in places))
    ranked = sorted(zip(places, distinct, strict=True), key=lambda pair: _rank(files, pair[0]))
    return [problem for _, problem in ranked]


def _rank(files: list[str], place: Position) -> tuple[int, int, int]:
    return files.index(place.file), place.line, place.column
