"""Project x inventory x selection -> Plan. Pure: nothing is connected to, nothing is written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from clusterbook.compile.context import CONNECTION_KEYWORDS, Context, tag_list
from clusterbook.compile.expand import PlayExpander
from clusterbook.compile.facts import gathering
from clusterbook.compile.growing import Growing, grows
from clusterbook.compile.headers import Match, hosts_of, no_secret, pattern_of, reached
from clusterbook.compile.hosts import batches_of, host_part, ordered, others_of, shown_variables
from clusterbook.compile.hostvars import other_host_names
from clusterbook.compile.idle import without_connections
from clusterbook.compile.magic import in_inventory, magic_of
from clusterbook.compile.patience import patience_of
from clusterbook.compile.plan import Plan, PlayPlan, Selection
from clusterbook.compile.reach import closure, local_texts, secrets, texts, withheld, words
from clusterbook.compile.root import becomes, may_become
from clusterbook.compile.sharing import with_shared
from clusterbook.compile.start import starting_at
from clusterbook.compile.tasks import TaskCompiler
from clusterbook.compile.variables import files_of, variables_of
from clusterbook.compile.walk import every_step, every_text, layers_of, steps_of
from clusterbook.errors import InvalidInput
from clusterbook.inventory.patterns import matcher
from clusterbook.language.environment import ExpressionError
from clusterbook.language.program import Flush, Program, RolePart
from clusterbook.language.scope import Scope
from clusterbook.language.values import OMIT, holds_template
from clusterbook.lookups.expressions import local_expressions
from clusterbook.model import Host, Inventory, Play, Project
from clusterbook.modules.registry import is_flow
from clusterbook.records import dataclass

_OMITTED = {"omit": OMIT}
STRATEGIES = ("linear", "free", "host_pinned", "debug")


def compile_plan(project: Project, inventory: Inventory, selection: Selection, match: Match) -> Plan:
    """match(pattern) gives the names of the hosts of a play, --limit applied. Raises InvalidInput."""
    numbers = count(1).__next__

    def again(grown: Inventory, first: int) -> tuple[PlayPlan, ...]:
        chosen = _lenient(matcher(grown, selection.limit))
        rest = [_Play(project, play, grown, selection, numbers, growing).plan(chosen) for play in project.plays[first:]]
        return with_shared([*plays[:first], *rest])[first:]

    gathered: set[str] = set()
    growing = Growing(inventory, again) if grows(project) else None
    inventory = growing.inventory if growing is not None else inventory
    later = match if growing is None else _lenient(match)  # the groups of later plays may still come
    plays = [
        _Play(project, play, inventory, selection, numbers, growing, gathered).plan(later if place else match)
        for place, play in enumerate(project.plays)
    ]
    known = inventory.hosts
    local = getattr(known, "local", {"ansible_connection": "local"})
    plan = without_connections(Plan(with_shared(plays), known, local, getattr(known, "common", {}), growing))
    return starting_at(plan, selection.start_at_task) if selection.start_at_task else plan


def _lenient(match: Match) -> Match:
    """A pattern that names nothing chooses no host."""

    def chosen(pattern: str) -> Sequence[str]:
        try:
            return match(pattern)
        except InvalidInput:
            return ()

    return chosen


@dataclass(frozen=True)
class _Play:
    """One play and what it is compiled for."""

    project: Project
    play: Play
    inventory: Inventory
    selection: Selection
    numbers: Callable[[], int]
    growing: Growing | None = None
    # Hosts whose facts an earlier play gathers.
    gathered: set[str] = field(default_factory=set)

    @property
    def directory(self) -> str:
        return str(Path(self.play.position.file).parent)

    def plan(self, match: Match) -> PlayPlan:
        """The play for its hosts."""
        expressions = local_expressions()
        local = Scope([_OMITTED, *variables_of(self.play), self.selection.extra_variables], expressions, no_secret)
        chosen = hosts_of(match, pattern_of(local, self.play), self.play)
        hosts = ordered(chosen, self._known(local, "order"))
        compiler = TaskCompiler(self.project, self.selection, self.directory, self.numbers, self._evaluate)
        context = Context(directory=self.directory, known=self._tags)
        instructions, handlers = _instructions(self.play, compiler, context, set(hosts) <= self.gathered)
        self.gathered.update(hosts if any(info.implied for info in compiler.steps.values()) else ())
        parts = (instructions, handlers, files_of(self.play, compiler, context))
        program = self._program(compiler, parts, tuple(chosen), local)
        steps = list(steps_of(program))
        known, patience = self.inventory.hosts, patience_of(instructions)
        members = {name: self._member(reached(known[name], self.play, local), patience) for name in chosen}
        every = tuple(every_text(steps, compiler.roles)) + tuple(texts([program.become, program.become_user]))
        used = frozenset(word for text in every for word in words(text))
        alike = [
            program.role_defaults, program.role_variables, *program.variables, *layers_of(steps, compiler.roles),
            program.extra_variables,
        ]
        layers = [*alike, *(host.variables for host in members.values())]
        names = closure(used | _ALWAYS, layers)
        of_variables = tuple(text for layer in layers for name in names & layer.keys() for text in texts(layer[name]))
        shared = other_host_names((*every, *of_variables))
        others = others_of(self.inventory, shared, self.selection, expressions)
        return PlayPlan(
            name=program.name, program=program, steps=compiler.steps, hosts=members,
            batches=batches_of(hosts, self._known(local, "serial")),
            parts={name: host_part(host, names, others) for name, host in members.items()},
            needs_root=bool(program.become) or becomes(layers)
            or any(bool(step.become) and step.delegate_to is None for step in steps)
            or may_become(compiler.open),
            secrets=secrets(names, layers), names=shared, withheld=self._withheld(names, shared, alike, members),
            local_texts=local_texts((*every, *of_variables)),
            any_errors_fatal=self._known(local, "any_errors_fatal") is True,
            max_fail_percentage=float(self._known(local, "max_fail_percentage", 100)),
            pattern=pattern_of(local, self.play), tags=tag_list(self._tags(self._word("tags"))),
            expander=PlayExpander(compiler, program),
            others=partial(_others, self.inventory, self.selection),
            dynamic=bool(compiler.open or program.files), reader=self.project.reader, growing=self.growing,
        )

    def _member(self, host: Host, patience: float) -> Host:
        variables = {**in_inventory(self.inventory.sources, host), **host.variables}
        return replace(host, variables=variables, patience=patience)

    def _withheld(
        self, names: frozenset[str], shared: frozenset[str], alike: list[Mapping[str, Any]], members: Mapping[str, Host]
    ) -> Mapping[str, frozenset[str]]:
        """Which secrets a host is not told because they are others'. Nobody knows where a host joins a group."""
        if self.growing is not None:
            return {}
        own = {name: host.variables for name, host in members.items()}
        return withheld(names, shared, alike, own, (host.variables for host in self.inventory.hosts.values()))

    def _word(self, name: str, default: Any = None) -> Any:
        return self.play.keywords.get(name, default)

    def _tags(self, value: Any) -> Any:
        """Tags with expressions, by what is known before the run; what needs a host stays as it is written."""
        with contextlib.suppress(InvalidInput):
            return self._evaluate(value, None) if holds_template(value) else value
        return value

    def _known(self, local: Scope, name: str, default: Any = None) -> Any:
        """A keyword's value by what is known before the run. Raises InvalidInput."""
        try:
            value = local.evaluate(self._word(name, default))
        except ExpressionError as error:
            raise InvalidInput(
                f"{name} of play {str(self.play.name)!r} cannot be evaluated: {error.message}",
                where=self.play.position, next_step="Only play variables and --extra-vars are known before connecting.",
            ) from error
        return default if value is OMIT else value

    def _evaluate(self, value: Any, part: RolePart | None) -> Any:
        """A name of an import, by what is known before the run. Raises InvalidInput."""
        magic = {"playbook_dir": self.directory, **in_inventory(self.inventory.sources)}
        role = [part.defaults, {"role_path": part.path, "role_name": part.name}, part.variables] if part else []
        layers = [*role[:1], *variables_of(self.play), *role[1:], self.selection.extra_variables, magic]
        try:
            return Scope(layers, local_expressions(), no_secret).evaluate(value)
        except ExpressionError as error:
            raise InvalidInput(
                f"the name of an import cannot be evaluated before the run: {error.message}",
                where=self.play.position,
                next_step="Use include_tasks or include_role, whose names may depend on a host.",
            ) from error

    def _program(
        self, compiler: TaskCompiler, parts: tuple[tuple[Any, ...], ...], hosts: tuple[str, ...], local: Scope
    ) -> Program:
        play, selection = self.play, self.selection
        instructions, handlers, files = parts
        name = str(local.evaluate(play.name) or pattern_of(local, play))
        strategy = str(self._known(local, "strategy", "linear")).rpartition(".")[2]
        if strategy not in STRATEGIES:
            raise InvalidInput(
                f"unknown strategy {strategy!r}", where=play.position, next_step=f"use {', '.join(STRATEGIES[:3])}"
            )
        public = [role for role in compiler.roles if role.public]
        steps = list(every_step((*instructions, *handlers)))
        return Program(
            key=f"{Path(play.position.file).name}:{name}",
            name=name,
            instructions=instructions,
            handlers=handlers,
            files=files,
            roles=tuple(compiler.roles),
            grows=self.growing is not None,
            late=tuple(sorted(compiler.book.late)),
            variables=variables_of(play),
            extra_variables=dict(selection.extra_variables),
            role_defaults={key: value for role in public for key, value in role.defaults.items()},
            role_variables={key: value for role in public for key, value in role.variables.items()},
            magic={
                **magic_of(play, self.inventory, selection, name, compiler.book),
                **_hosts_of_play(self.inventory, hosts),
            },
            check=selection.check,
            diff=selection.diff,
            whole_results=selection.whole_results,
            foresight=selection.foresight,
            lockstep=strategy in ("linear", "debug") and len(hosts) > 1,
            become=self._word("become", selection.become),
            become_user=self._word("become_user", selection.become_user),
            force_handlers=self._known(local, "force_handlers", selection.force_handlers) is True,
            modules=tuple(sorted({step.module for step in steps if not is_flow(step.module)})),
        )


def _others(inventory: Inventory, selection: Selection, host: str, names: frozenset[str]) -> Mapping[str, Any]:
    try:
        known = inventory.hosts[host]  # also the local machine, which is in no inventory
    except KeyError:
        return {}
    return shown_variables(known, inventory, names, selection)


def _hosts_of_play(inventory: Inventory, hosts: tuple[str, ...]) -> dict[str, Any]:
    return {
        "groups": {group: list(members) for group, members in inventory.groups.items()},
        "ansible_play_hosts_all": list(hosts),
    }


# Names that steer the connection are read from a host's variables even when no expression names them.
_ALWAYS = frozenset({"ansible_host", "ansible_become", "ansible_become_user", "ansible_user"})


# What the play itself takes care of; its steps do not inherit it one by one.
_OF_THE_PLAY = ("vars", "become", "become_user", *CONNECTION_KEYWORDS)


def _instructions(
    play: Play, compiler: TaskCompiler, around: Context, known: bool
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    context = around.inside(
        {name: value for name, value in play.keywords.items() if name not in _OF_THE_PLAY}
    )
    parts: list[Any] = [*compiler.nodes(gathering(play, compiler.selection.gathering, known), context)]
    for section in (play.pre_tasks, None, play.post_tasks):
        before = len(parts)
        if section is None:
            for use in play.roles:
                parts.extend(compiler.role_use(use, context))
            parts.extend(compiler.nodes(play.tasks, context))
        else:
            parts.extend(compiler.nodes(section, context))
        if len(parts) > before:
            parts.append(Flush(0))
    if compiler.selection.resume:
        _resume_at_the_end_of_tasks(parts, bool(play.roles or play.tasks) and bool(play.post_tasks))
    early = [handler for handler in compiler.role_handlers if not compiler.met_in((handler,)) & compiler.book.late]
    late = [handler for handler in compiler.role_handlers if handler not in early]
    return tuple(parts), (*early, *compiler.handlers(play.handlers, context), *late)


def _resume_at_the_end_of_tasks(parts: list[Any], before_post_tasks: bool) -> None:
    """Handlers that an unfinished run left run after roles and tasks, or at the end when there are none."""
    flushes = [index for index, part in enumerate(parts) if isinstance(part, Flush)]
    if flushes:
        parts[flushes[-2 if before_post_tasks and len(flushes) > 1 else -1]] = Flush(0, resumes=True)
