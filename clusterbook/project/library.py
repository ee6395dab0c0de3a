"""Roles and task files that a playbook names, each read once: before the run, or when a name is known only then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from threading import RLock

from clusterbook.errors import InvalidInput, Position
from clusterbook.model import Block, Node, Role, Task, Variables
from clusterbook.project.files import read_yaml
from clusterbook.project.mistakes import no_file
from clusterbook.project.roles import find_role, read_role, role_directories, role_names
from clusterbook.project.tasks import read_tasks
from clusterbook.records import dataclass
from clusterbook.schema import suggestion
from clusterbook.source import Vault, position_of

# Read when they run, if they cannot be read before.
INCLUDES = ("ansible.builtin.include_tasks", "ansible.builtin.include_role")


@dataclass
class Library:
    """What has been read so far (model.Reader).

    problems: of everything that was read before the run. tolerant: see TaskReader. vault: opens what is encrypted.
    """

    root: Path
    playbook: Path
    role_folders: tuple[Path, ...] = ()
    tolerant: bool = False
    vault: Vault = field(default_factory=Vault)
    problems: list[InvalidInput] = field(default_factory=list)
    roles: dict[str, Role] = field(default_factory=dict)
    task_files: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    _variables: dict[str, Variables] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def role(self, name: str, where: Position) -> Role:
        """A role that is named during the run."""
        with self._lock:
            self.missing.discard(name)
            found = self.known_role(name, where)
            self._raise_first()
            assert found is not None
            return found

    def tasks(self, path: str, handlers: bool = False) -> tuple[Node, ...]:
        """A file of tasks or handlers that is named during the run."""
        with self._lock:
            key = path + (":handlers" if handlers else "")
            if key not in self.task_files:
                self._read(Path(path), key, handlers)
                self._raise_first()
            return self.task_files[key]

    def variables(self, path: str) -> Variables:
        """The variables of a file."""
        with self._lock:
            if path not in self._variables:
                found = read_yaml(Path(path), "role-variables.schema.json", self.problems, self.vault)
                self._raise_first()
                self._variables[path] = found if isinstance(found, Mapping) else {}
            return self._variables[path]

    def _raise_first(self) -> None:
        """Problems of what is read during the run are raised one at a time; the next read starts clean."""
        if self.problems:
            first = self.problems[0]
            self.problems.clear()
            raise first

    def _read(self, path: Path, key: str, handlers: bool) -> None:
        nodes = read_tasks(path, self.problems, self.tolerant, self.vault, handlers)
        if not self.problems:
            self.task_files[key] = nodes

    def follow(self, nodes: Iterable[Node], directory: Path, role: Role | None, handlers: bool = False) -> None:
        """Read what the tasks import and include by a literal name; a file that handlers name holds handlers."""
        for node in nodes:
            if isinstance(node, Block):
                self.follow((*node.body, *node.rescue, *node.always), directory, role, handlers)
            elif self.tolerant and node.module in INCLUDES:
                self._tried(node, directory, role, handlers)
            else:
                self._used(node, directory, role, handlers)

    def _used(self, node: Task, directory: Path, role: Role | None, handlers: bool) -> None:
        if node.module in ("ansible.builtin.import_role", "ansible.builtin.include_role"):
            self._used_role(node)
        elif node.module in ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks"):
            self._used_file(node, directory, role, handlers)

    def _tried(self, node: Task, directory: Path, role: Role | None, handlers: bool) -> None:
        """What an include names may be wrong until it runs: then it is read again, and what is wrong is told."""
        known = len(self.problems)
        before = (dict(self.roles), dict(self.task_files), set(self.missing))
        self._used(node, directory, role, handlers)
        if len(self.problems) > known:
            del self.problems[known:]
            self.roles, self.task_files, self.missing = before

    def _used_role(self, task: Task) -> None:
        arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
        name, entry = arguments.get("name"), arguments.get("tasks_from", "main")
        if not isinstance(name, str):
            return
        role = self.known_role(name, position_of(arguments, "name", task.position))
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

    def _used_file(self, task: Task, directory: Path, role: Role | None, handlers: bool) -> None:
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
            self.problems.append(no_file("task file", name, tried, task.position))
            return
        if role is not None and found.is_relative_to(Path(role.path, "tasks")):
            return
        key = str(found)
        if key not in self.task_files:
            self.task_files[key] = ()
            self.task_files[key] = nodes = read_tasks(found, self.problems, self.tolerant, self.vault, handlers)
            self.follow(nodes, found.parent, role, handlers)

    def known_role(self, name: str, where: Position) -> Role | None:
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
        role = self.roles[name] = read_role(name, path, self.problems, self.tolerant, self.vault)
        for use in role.dependencies:
            self.known_role(use.name, use.position)
        for file, nodes in role.task_files.items():
            self.follow(nodes, (path / file).parent, role)
        self.follow(role.handlers, path / "handlers", role, handlers=True)
        return role
