"""Nodes as written -> instructions: imports resolved, blocks dissolved, keywords inherited, tags selected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from clusterbook.compile.context import Context
from clusterbook.compile.facts import NAME as GATHERING
from clusterbook.compile.includes import Circle, Found, find_tasks, met_again
from clusterbook.compile.names import (
    IMPORTS,
    INCLUDES,
    NAMED,
    RoleEntry,
    arguments_of,
    file_name,
    is_dynamic,
    role_entry,
    task_file,
)
from clusterbook.compile.plan import Selection, StepInfo
from clusterbook.compile.rolebook import RoleBook
from clusterbook.compile.rolechecks import input_checks
from clusterbook.compile.steps import fixed_names, make_step, plain_name, shown_name
from clusterbook.compile.tags import selected
from clusterbook.compile.walk import every_step
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.program import Group, RolePart, Step
from clusterbook.model import Block, Node, Project, Role, RoleUse, Task

Instructions = tuple[Any, ...]
# Value, the role in which it stands -> value, by what is known before the run.
Evaluate = Callable[[Any, RolePart | None], Any]


class TaskCompiler:
    """Compiles the nodes of one play; numbers the steps and collects roles and handlers as it meets them."""

    def __init__(
        self, project: Project, selection: Selection, playbook_directory: str, numbers: Callable[[], int],
        evaluate: Evaluate,
    ) -> None:
        """numbers: the next free number, unique in a whole run, so that every report can name a step by it."""
        self._project = project
        self.selection = selection
        self._playbook_directory = playbook_directory
        self._number = numbers
        self._evaluate = evaluate
        self._done: set[str] = set()
        self._active: list[tuple[str, str]] = []
        self.book = RoleBook(project)
        self.steps: dict[int, StepInfo] = {}
        self.role_handlers: list[Any] = []
        # Includes whose steps are compiled only when they run: a name that the host knows, a file within itself.
        self.open: dict[int, tuple[Task, Context]] = {}

    @property
    def roles(self) -> list[RolePart]:
        """The roles met so far; steps name them by their index."""
        return self.book.parts

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
        self._refuse_circle((use.name, "main"), use.position)
        inner = replace(context.inside(use.keywords), parameters=(*context.parameters, use.parameters))
        role = self.book.role(use.name, use.position)
        entry = RoleEntry(use.name, public=not context.included, included=context.included)
        mark = repr((use.name, use.parameters, *(use.keywords.get(key) for key in ("vars", "when", "tags"))))
        if mark in self._done and not role.allow_duplicates:
            self._role_handlers(role, entry, self.book.number(role, entry, (), use.position), inner, use.position)
            return ()
        body = self._role(role, entry, inner, (), use.position, use.parameters)
        self._remember(mark, inner, body)
        return self._use(self.book.number(role, entry, (), use.position), mark, role.allow_duplicates, body)

    def _remember(self, mark: str, context: Context, body: Instructions) -> None:
        """That an equal use need not come again, where this one is certain to have run on every host.

        Of a use with conditions, in something included, or all of whose steps may be left out, only the host knows.
        """
        if not context.included and any(not (step.when or step.run_once or step.loop) for step in every_step(body)):
            self._done.add(mark)

    def handlers(self, nodes: Iterable[Node], context: Context) -> Instructions:
        """Handlers; tags do not select them, and a block of them is its tasks."""
        return self.nodes(nodes, replace(context, tags=("always",)), handler=True)

    def include_body(self, task: Task, context: Context, free: bool = True) -> Instructions:
        """The steps of an include whose names are known. Its conditions hold for the include itself, not inside.

        free: the play wrote the names itself.
        """
        arguments = arguments_of(task)
        layer = task.keywords.get("vars")
        inner = context.inside(arguments.get("apply") or {})
        inner = replace(inner, parameters=(*inner.parameters, layer) if layer else inner.parameters, included=True)
        if task.module.endswith("include_role"):
            entry = role_entry(task)
            role = self.book.role(entry.name, task.position)
            inner = replace(inner, chain=(*inner.chain, _identity(role, entry)))
            active, self._active = self._active, []
            try:
                return self._of_task(task, role, entry, inner, self._chain(context))
            finally:
                self._active = active
        found = self._file(task, context, free)
        inner = replace(inner, directory=found.directory, chain=(*inner.chain, found.path))
        return self.nodes(found.nodes, inner)

    def brought(self, task: Task, context: Context, free: bool = True) -> str:
        """The file or the role that an include brings, for the shim, which shows it; for others nothing."""
        if not self.selection.whole_results:
            return ""
        is_role = task.module.endswith("include_role")
        return role_entry(task).name if is_role else self._file(task, context, free).path

    def _file(self, task: Task, context: Context, free: bool = True) -> Found:
        return find_tasks(
            file_name(task), task.position, context, self._part(context), self._project, self._playbook_directory, free
        )

    def met_in(self, instructions: Instructions) -> set[int]:
        """The roles of these steps, with those around them."""
        found = {step.role for step in every_step(instructions) if step.role is not None}
        return found | {parent for index in found for parent in self.roles[index].parents}

    def exposed(self, task: Task, context: Context) -> int | None:
        """The role that an include_role shows to the whole play, when its name is known."""
        if not task.module.endswith("include_role") or is_dynamic(task) or not role_entry(task).public:
            return None
        entry = role_entry(task)
        role = self.book.role(entry.name, task.position)
        return self.book.number(role, entry, self._chain(context), task.position)

    def _refuse_circle(self, used: tuple[str, str], where: Position) -> None:
        """used: a role and its file of tasks; another file of the same role is none of a circle's business."""
        if used in self._active:
            chain = " -> ".join(name for name, _ in [*self._active, used])
            raise InvalidInput(f"roles depend on each other in a circle: {chain}", where=where)

    def _role(
        self, role: Role, entry: RoleEntry, context: Context, parents: tuple[int, ...], where: Position,
        given: Mapping[str, Any] | None = None,
    ) -> Instructions:
        """given: the parameters of a role in `roles:`."""
        mark = (role.name, entry.tasks)
        self._refuse_circle(mark, where)
        self._active.append(mark)
        try:
            return self._role_body(role, entry, context, parents, where, given or {})
        finally:
            self._active.pop()

    def _of_task(
        self, task: Task, role: Role, entry: RoleEntry, context: Context, parents: tuple[int, ...]
    ) -> Instructions:
        """What include_role and import_role bring."""
        body = self._role(role, entry, context, parents, task.position)
        files = (entry.tasks, entry.variables, entry.defaults, entry.handlers)
        mark = repr((role.path, *files, task.keywords.get("vars")))
        return self._use(self.book.number(role, entry, parents, task.position), mark, entry.duplicates, body)

    def _use(self, number: int, mark: str, again: bool, body: Instructions) -> Instructions:
        return (Group(self._number(), "", body, role=number, use=mark, again=again),) if body else ()

    def _role_body(
        self, role: Role, entry: RoleEntry, context: Context, parents: tuple[int, ...], where: Position,
        given: Mapping[str, Any],
    ) -> Instructions:
        found: list[Any] = []
        for dependency in role.dependencies:
            found.extend(self.role_use(dependency, context))
        number = self.book.number(role, entry, parents, where)
        self._role_handlers(role, entry, number, context, where)
        inner = replace(context, role=number, directory=str(Path(role.path) / "tasks"))
        if self.selection.role_checks:
            found.extend(self.nodes(input_checks(role, entry, given, where), inner))
        nodes = task_file(role.task_files, f"tasks/{entry.tasks}")
        if nodes is None:
            if entry.tasks == "main":
                return tuple(found)
            raise InvalidInput(f"role {role.name!r} has no tasks/{entry.tasks}.yml", where=where)
        return (*found, *self.nodes(nodes, inner))

    def _role_handlers(self, role: Role, entry: RoleEntry, number: int, context: Context, where: Position) -> None:
        """The role's handlers as its last use has them, with its conditions and variables, as in Ansible."""
        kept = [item for item in self.role_handlers if any(step.role != number for step in every_step((item,)))]
        inner = replace(context, role=number, directory=str(Path(role.path) / "handlers"), notify=())
        self.role_handlers = [*kept, *self.handlers(self.book.handlers(role, entry, where), inner)]

    def _block(self, block: Block, context: Context, handler: bool) -> Instructions:
        inner = context.inside(block.keywords)
        body = self.nodes(block.body, inner, handler)
        if handler or (not block.rescue and not block.always):
            return body
        rescue, always = self.nodes(block.rescue, inner), self.nodes(block.always, inner)
        if not body and not always:
            return ()
        return (Group(self._number(), plain_name(block.name), body, rescue, always),)

    def _task(self, task: Task, context: Context, handler: bool) -> Instructions:
        if task.module in IMPORTS:
            return self._import(self._with_known_names(task, context), context, handler)
        tags = context.inside(task.keywords).tags
        if not handler and not selected(tags, self.selection.tags, self.selection.skip_tags):
            return ()
        step = self._step(task, context, handler)
        if task.module not in INCLUDES:
            return (step,)
        body = self._body(task, context, step.id)
        brings = tuple(sorted(self.met_in(body or ()) & self.book.late))
        brought = "" if body is None else self.brought(task, context)
        return (replace(step, body=body, brought=brought, exposes=self.exposed(task, context), brings=brings),)

    def _import(self, task: Task, context: Context, handler: bool) -> Instructions:
        inner = context.inside(task.keywords)
        if task.module.endswith("import_role"):
            entry = replace(role_entry(task), included=context.included)
            return self._of_task(task, self.book.role(entry.name, task.position), entry, inner, self._chain(context))
        found = self._file(task, context)
        met_again(found.path, context, task.position)
        inner = replace(inner, directory=found.directory, chain=(*inner.chain, found.path))
        return self.nodes(found.nodes, inner, handler)

    def _body(self, task: Task, context: Context, number: int) -> Instructions | None:
        """The steps of an include, None when they are compiled only when it runs."""
        before, done = set(self.steps), set(self._done)
        try:
            if not is_dynamic(task) and not self._comes_back(task, context):
                return self.include_body(task, context)
        except InvalidInput as problem:
            around = isinstance(problem, Circle) and problem.path in context.chain
            if not around and (isinstance(problem, Circle) or not self._project.tolerant):
                raise
            self._done = done
            for later in self.steps.keys() - before:
                del self.steps[later]
        self.open[number] = (task, replace(context, chain=()))
        return None

    def _comes_back(self, task: Task, context: Context) -> bool:
        """Whether the include names something that it is in."""
        if task.module.endswith("include_role"):
            entry = role_entry(task)
            return _identity(self.book.role(entry.name, task.position), entry) in context.chain
        return self._file(task, context).path in context.chain

    def _with_known_names(self, task: Task, context: Context) -> Task:
        """An import with the names that its expressions give before the run. Raises InvalidInput."""
        if not is_dynamic(task):
            return task
        arguments = dict(arguments_of(task))
        for name in NAMED:
            if name in arguments:
                arguments[name] = self._evaluate(arguments[name], self._part(context))
        return replace(task, arguments=arguments)

    def _part(self, context: Context) -> RolePart | None:
        return None if context.role is None else self.roles[context.role]

    def _chain(self, context: Context) -> tuple[int, ...]:
        return () if context.role is None else (*self.roles[context.role].parents, context.role)

    def _step(self, task: Task, context: Context, handler: bool) -> Step:
        number = self._number()
        role, inner = self._part(context), context.inside(task.keywords)
        bases = (role.path if role else "", context.directory, self._playbook_directory)
        self.steps[number] = StepInfo(
            number, shown_name(task), role.name if role else "", task.module,
            task.position, handler, tuple(base for base in bases if base), fixed_names(task),
            inner.tags, task.name == GATHERING and task.module == "ansible.builtin.setup", bool(task.name),
        )
        return make_step(task, inner, number)


def _identity(role: Role, entry: RoleEntry) -> str:
    return f"role {role.path}/{entry.tasks}"


def described(arguments: Mapping[str, Any]) -> str:
    """The names that an agent filled in, to say in an error what was asked for."""
    return ", ".join(f"{name}={arguments[name]}" for name in NAMED if arguments.get(name))
