"""A playbook with everything that it can reach -> Project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, InvalidProject
from clusterbook.language.environment import ExpressionError, Expressions, UndefinedName
from clusterbook.language.scope import Scope
from clusterbook.lookups.places import directories
from clusterbook.model import Node, Play, Project
from clusterbook.project.defaults import default_problems, with_defaults
from clusterbook.project.files import read_yaml
from clusterbook.project.keywords import uniform
from clusterbook.project.library import Library
from clusterbook.project.mistakes import MAXIMUM_IMPORTS, circle, no_file, ordered, unknown_name
from clusterbook.project.modules import Lacking
from clusterbook.project.roles import role_uses
from clusterbook.project.tasks import TaskReader
from clusterbook.records import dataclass
from clusterbook.source import UnreadVariables, Vault, position_of

_PARTS = {"name", "hosts", "vars", "vars_files", "roles", "pre_tasks", "tasks", "post_tasks", "handlers"}
_IMPORTS = ("import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook")


def load(
    playbook: Path | str, root: Path | None = None, role_folders: Iterable[Path] = (), tolerant: bool = False,
    extra_variables: Mapping[str, Any] | None = None, vault: Vault | None = None,
) -> Project:
    """Read a playbook. root: the project's directory; found by its roles/ when it is not given.

    role_folders: more folders of roles, looked at after those beside the playbook and in the project.
    tolerant: what is wrong with one task is a failure of that task when it runs; see TaskReader.
    extra_variables: what names of imported playbooks may use, besides the import's own variables. vault: opens what
    ansible-vault encrypted.

    Raises InvalidProject with every problem of every file, in the order in which they were read.
    """
    project, problems = read(playbook, root, role_folders, tolerant, extra_variables, vault)
    if problems:
        raise InvalidProject(ordered(problems))
    return project


def read(
    playbook: Path | str, root: Path | None = None, role_folders: Iterable[Path] = (), tolerant: bool = False,
    extra_variables: Mapping[str, Any] | None = None, vault: Vault | None = None,
) -> tuple[Project, list[InvalidInput]]:
    """As `load`, with the problems beside what could be read, so that more of them can be looked for."""
    path = Path(playbook).resolve()
    base = root.resolve() if root else project_root(path)
    library = Library(base, path, tuple(role_folders), tolerant, vault or Vault())
    plays = tuple(_Loader(library, extra_variables or {}).plays(path, 0))
    given = with_defaults(plays, library.roles.values(), library.task_files.values())
    problems = [item for item in library.problems if not (isinstance(item, Lacking) and item.module in given)]
    library.problems.clear()  # of what is read during the run from now on
    return Project(str(base), plays, library.roles, library.task_files, library, tolerant), problems


def project_root(playbook: Path) -> Path:
    """The nearest directory above a playbook that has a roles directory, else the playbook's own."""
    for directory in list(playbook.parents)[:4]:
        if (directory / "roles").is_dir():
            return directory
    return playbook.parent


@dataclass(frozen=True)
class _Loader:
    """Plays of a playbook and of those that it imports."""

    library: Library
    extra_variables: Mapping[str, Any] = field(default_factory=dict)

    def plays(self, path: Path, depth: int) -> Iterator[Play]:
        """The plays of a file and of the playbooks that it imports."""
        written = read_yaml(path, "playbook.schema.json", self.library.problems, self.library.vault)
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
        try:
            name = Scope([item.get("vars") or {}, self.extra_variables], Expressions({}), _no_secret).evaluate(name)
        except ExpressionError as error:
            self.library.problems.append(unknown_name("the name of an imported playbook", error.message, where))
            return
        target = (path.parent / name.strip()).resolve()
        if depth >= MAXIMUM_IMPORTS:
            self.library.problems.append(circle(name, where))
        elif not target.is_file():
            self.library.problems.append(no_file("playbook", name, [target], where))
        else:
            for play in self.plays(target, depth + 1):
                yield _inherit(play, item)

    def _play(self, written: Mapping[Any, Any], path: Path) -> Play:
        tasks = {part: self._nodes(written.get(part), path) for part in ("pre_tasks", "tasks", "post_tasks")}
        uses = role_uses(written.get("roles"))
        for use in uses:
            self.library.known_role(use.name, use.position)
        keywords = uniform(written, _PARTS)
        if not self.library.tolerant:
            self.library.problems.extend(default_problems(keywords))
        return Play(
            name=written.get("name"),
            hosts=written.get("hosts"),
            keywords=keywords,
            variables=written.get("vars") or {},
            vars_files=tuple(self._vars_files(written, path)),
            roles=uses,
            handlers=self._nodes(written.get("handlers"), path, handler=True),
            position=position_of(written),
            hosts_position=position_of(written, "hosts"),
            **tasks,
        )

    def _nodes(self, written: Any, path: Path, handler: bool = False) -> tuple[Node, ...]:
        reader = TaskReader(tolerant=self.library.tolerant)
        nodes = reader.nodes(written, handler)
        self.library.problems.extend(reader.problems)
        self.library.follow(nodes, path.parent, None, handler)
        return nodes

    def _vars_files(self, written: Mapping[Any, Any], path: Path) -> Iterator[Mapping[str, Any]]:
        """The contents of a play's vars_files, of an inner list the first that exists.

        Names may be expressions of --extra-vars, of the play's variables, and of those of files before. What needs
        more is read when a host runs the play.
        """
        names, known = written.get("vars_files") or [], [written.get("vars") or {}]
        for number, item in enumerate(names if isinstance(names, list) else [names]):
            where = position_of(names, number, position_of(written, "vars_files"))
            written_names = item if isinstance(item, list) else [item]
            try:
                scope = Scope([*known, self.extra_variables], Expressions({}), _no_secret)
                choices = [str(scope.evaluate(name)) for name in written_names]
            except UndefinedName:
                yield UnreadVariables(written_names, where)
                continue
            except ExpressionError as error:
                self.library.problems.append(unknown_name("a name in vars_files", error.message, where))
                continue
            places = directories("vars", (str(path.parent),))
            tried = [Path(place, name).resolve() for name in choices for place in places]
            found = next((file for file in tried if file.is_file()), None)
            if found is None:
                self.library.problems.append(no_file("file of variables", choices[-1], tried, where))
                continue
            value = read_yaml(found, "role-variables.schema.json", self.library.problems, self.library.vault)
            if isinstance(value, Mapping):
                known.append(value)
                yield value


def _no_secret(name: str) -> str:
    raise ExpressionError(f"it holds the secret {name!r}")


def _inherit(play: Play, item: Mapping[Any, Any]) -> Play:
    """A play of an imported playbook with the keywords of the import."""
    keywords = dict(play.keywords)
    for name in ("when", "tags"):
        if item.get(name) is not None:
            keywords[name] = [*_listed(item[name]), *_listed(keywords.get(name))]
    return replace(play, keywords=keywords, variables={**play.variables, **(item.get("vars") or {})})


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
