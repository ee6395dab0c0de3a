"""Nodes as written -> instructions: imports resolved, blocks dissolved, keywords inherited, tags selected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from clusterbook.compile.context import Context, as_list, tag_list
from clusterbook.compile.facts import NAME as GATHERING
from clusterbook.compile.loops import loop_of
from clusterbook.compile.plan import Selection, StepInfo
from clusterbook.compile.tags import selected
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.program import Group, RolePart, Step
from clusterbook.language.values import Template
from clusterbook.model import Block, Node, Project, Role, RoleUse, Task

INCLUDES = ("ansible.builtin.include_tasks", "ansible.builtin.include_role")
Instructions = tuple[Any, ...]


class TaskCompiler:
    """Compiles the nodes of one play; numbers the steps and collects roles and handlers as it meets them."""

    def __init__(self, project: Project, selection: Selection, playbook_directory: str, first_id: int) -> None:
        """first_id: step numbers are unique in a whole run, so that every report can name a step by it."""
        self._project = project
        self.selection = selection
        self._playbook_directory = playbook_directory
        self._next = first_id
        self._done: set[tuple[Any, ...]] = set()
        self._active: list[str] = []
        self.steps: dict[int, StepInfo] = {}
        self.roles: list[RolePart] = []
        self.role_handlers: list[Step] = []
        self._role_numbers: dict[tuple[Any, ...], int] = {}

    @property
    def next_id(self) -> int:
        """The first number that is free."""
        return self._next

    def nodes(self, nodes: Iterable[Node], context: Context, handler: bool = False) -> Instructions:
        """Compile a list of nodes."""
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, Block):
                found.extend(self._block(node, context, handler))
            else:
                found.extend(self._task(node, context, handler))
        return tuple(found)

    def role_use(self, use: RoleUse, context: Context) -> Instructions:
        """A role named in `roles:` or as a dependency: its dependencies first, each role once for each parameters."""
        self._refuse_circle(use.name, use.position)
        inner = replace(context.inside(use.keywords), parameters=(*context.parameters, use.parameters))
        mark = (use.name, repr(use.parameters), repr(inner.when), repr(inner.tags))
        if mark in self._done:
            return ()
        self._done.add(mark)
        return self._role(use.name, inner, "tasks/main", (), use)

    def handlers(self, nodes: Iterable[Node], context: Context) -> tuple[Step, ...]:
        """Handlers; tags do not select them."""
        compiled = self.nodes(nodes, replace(context, tags=("always",)), handler=True)
        return tuple(step for step in compiled if isinstance(step, Step))

    def _refuse_circle(self, name: str, where: Position) -> None:
        if name in self._active:
            chain = " -> ".join([*self._active, name])
            raise InvalidInput(f"roles depend on each other in a circle: {chain}", where=where)

    def _role(
        self, name: str, context: Context, entry: str, parents: tuple[int, ...], where: Any
    ) -> Instructions:
        role = self._project.roles.get(name)
        if role is None:
            raise InvalidInput(f"there is no role {name!r}", where=where.position, next_step="check the role's name")
        self._refuse_circle(name, where.position)
        self._active.append(name)
        try:
            return self._role_body(role, context, entry, parents, where)
        finally:
            self._active.pop()

    def _role_body(
        self, role: Role, context: Context, entry: str, parents: tuple[int, ...], where: Any
    ) -> Instructions:
        found: list[Any] = []
        if entry == "tasks/main":
            for dependency in role.dependencies:
                found.extend(self.role_use(dependency, context))
        number = self._role_number(role, parents)
        inner = replace(context, role=number, directory=str(Path(role.path) / "tasks"))
        nodes = _task_file(role.task_files, entry)
        if nodes is None:
            if entry == "tasks/main":
                return tuple(found)
            raise InvalidInput(f"role {role.name!r} has no {entry}.yml", where=where.position)
        return (*found, *self.nodes(nodes, inner))

    def _role_number(self, role: Role, parents: tuple[int, ...]) -> int:
        key = (role.name, parents)
        if key not in self._role_numbers:
            self._role_numbers[key] = len(self.roles)
            self.roles.append(RolePart(role.name, role.path, role.defaults, role.variables, parents))
            context = Context(role=self._role_numbers[key], directory=str(Path(role.path) / "handlers"))
            self.role_handlers.extend(self.handlers(role.handlers, context))
        return self._role_numbers[key]

    def _block(self, block: Block, context: Context, handler: bool) -> Instructions:
        inner = context.inside(block.keywords)
        body = self.nodes(block.body, inner, handler)
        if not block.rescue and not block.always:
            return body
        rescue, always = self.nodes(block.rescue, inner, handler), self.nodes(block.always, inner, handler)
        if not body and not always:
            return ()
        return (Group(self._number(), plain_name(block.name), body, rescue, always),)

    def _task(self, task: Task, context: Context, handler: bool) -> Instructions:
        short = task.module.removeprefix("ansible.builtin.")
        if short == "import_tasks":
            return self._import_tasks(task, context, handler)
        if short == "import_role":
            inner = context.inside(task.keywords)
            name, entry = _role_entry(task)
            return self._role(name, inner, entry, _chain(context), task)
        tags = (*context.tags, *tag_list(task.keywords.get("tags")))
        if not handler and not selected(tags, self.selection.tags, self.selection.skip_tags):
            return ()
        step = self._step(task, context, handler)
        if task.module in INCLUDES:
            step = replace(step, body=self._include_body(task, context))
        return (step,)

    def _import_tasks(self, task: Task, context: Context, handler: bool) -> Instructions:
        nodes, directory = self._file_nodes(_file_name(task), task, context)
        return self.nodes(nodes, replace(context.inside(task.keywords), directory=directory), handler)

    def _include_body(self, task: Task, context: Context) -> Instructions:
        """The steps of an include with a fixed name. Its conditions hold for the include itself, not inside."""
        arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
        layer = task.keywords.get("vars")
        inner = context.inside(arguments.get("apply") or {})
        inner = replace(inner, parameters=(*inner.parameters, layer) if layer else inner.parameters)
        if task.module.endswith("include_role"):
            name, entry = _role_entry(task)
            return self._role(name, inner, entry, _chain(context), task)
        nodes, directory = self._file_nodes(_file_name(task), task, context)
        return self.nodes(nodes, replace(inner, directory=directory))

    def _file_nodes(self, name: Any, task: Task, context: Context) -> tuple[tuple[Node, ...], str]:
        if isinstance(name, Template):
            raise InvalidInput(
                f"the file name {name.text!r} is only known on the host; this form is not supported yet",
                where=task.position, next_step="name the file literally and choose with `when`",
            )
        if context.role is not None:
            part = self.roles[context.role]
            relative = Path(context.directory).joinpath(name).resolve()
            role = self._project.roles[part.name]
            for candidate in (relative, Path(part.path, "tasks", name).resolve()):
                if candidate.is_relative_to(Path(part.path).resolve()):
                    inner = candidate.relative_to(Path(part.path).resolve())
                    nodes = _task_file(role.task_files, str(inner.with_suffix("")))
                    if nodes is not None:
                        return nodes, str(candidate.parent)
        for base in (context.directory, self._playbook_directory):
            path = str((Path(base) / name).resolve())
            if path in self._project.task_files:
                return self._project.task_files[path], str(Path(path).parent)
        raise InvalidInput(f"there is no task file {name!r}", where=task.position)

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def _step(self, task: Task, context: Context, handler: bool) -> Step:
        inner = context.inside(task.keywords)
        number = self._number()
        role = self.roles[context.role] if context.role is not None else None
        self.steps[number] = StepInfo(
            number, plain_name(task.name) or task.module.rpartition(".")[2], role.name if role else "", task.module,
            task.position, handler,
            tuple(base for base in (role.path if role else "", context.directory, self._playbook_directory) if base),
            fixed_names(task), inner.tags, task.name == GATHERING and task.module == "ansible.builtin.setup",
        )
        return make_step(task, inner, number, handler)


def make_step(task: Task, inner: Context, number: int, handler: bool) -> Step:
    """A task with everything that it inherits."""
    own, near = task.keywords, inner.keywords
    place = task.position
    return Step(
        id=number,
        name=task.name or task.module.rpartition(".")[2],
        module=task.module,
        arguments=task.arguments,
        place=(place.file, place.line, place.column),
        role=inner.role,
        layers=inner.layers,
        parameters=inner.parameters,
        when=inner.when,
        loop=loop_of(task),
        register=str(own.get("register") or ""),
        until=as_list(own.get("until")),
        retries=own.get("retries", 3),
        delay=own.get("delay", 5),
        changed_when=as_list(own.get("changed_when")),
        failed_when=as_list(own.get("failed_when")),
        ignore_errors=near.get("ignore_errors", False),
        notify=as_list(own.get("notify")),
        listen=as_list(own.get("listen")),
        become=near.get("become"),
        become_user=near.get("become_user"),
        environment=inner.environment,
        no_log=near.get("no_log", False),
        check_mode=near.get("check_mode"),
        delegate_to=near.get("delegate_to"),
        delegate_facts=near.get("delegate_facts", False),
        run_once=near.get("run_once", False),
        timeout=near.get("timeout", 0),
        run_async=own.get("async", 0),
        poll=own.get("poll", 10),
        defaults=inner.defaults.get(task.module, ()),
    )


def plain_name(name: Any) -> str:
    """A name for reports before it is evaluated."""
    return name.text if isinstance(name, Template) else str(name or "")


def fixed_names(task: Task) -> tuple[str, ...]:
    """The names of local files that the task gives literally; any other name is held to the role's directories."""
    arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
    return tuple(arguments[key] for key in ("src", "file", "cmd") if isinstance(arguments.get(key), str))


def _task_file(files: Mapping[str, Any], stem: str) -> tuple[Node, ...] | None:
    for suffix in (".yml", ".yaml", "", ".json"):
        if stem + suffix in files:
            found: tuple[Node, ...] = files[stem + suffix]
            return found
    return None


def _role_entry(task: Task) -> tuple[str, str]:
    arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
    name = arguments.get("name", arguments.get("role"))
    entry = arguments.get("tasks_from", "main")
    if isinstance(name, Template) or isinstance(entry, Template) or not name:
        raise InvalidInput(
            "the name of an included role must be written literally", where=task.position,
            next_step="name the role literally and choose with `when`",
        )
    return str(name), "tasks/" + str(entry).removesuffix(".yml").removesuffix(".yaml")


def _file_name(task: Task) -> Any:
    arguments = task.arguments
    if isinstance(arguments, Mapping):
        return arguments.get("file", arguments.get("free_form", arguments.get("_raw_params")))
    return arguments


def _chain(context: Context) -> tuple[int, ...]:
    return () if context.role is None else (context.role,)
