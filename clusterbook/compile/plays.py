"""Project x inventory x selection -> Plan. Pure: nothing is connected to, nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from clusterbook import __version__
from clusterbook.compile.context import Context, as_list, tag_list
from clusterbook.compile.facts import gathering
from clusterbook.compile.hosts import batches_of, host_part
from clusterbook.compile.plan import Plan, PlayPlan, Selection
from clusterbook.compile.reach import closure, other_host_names, secrets, texts, words
from clusterbook.compile.tasks import TaskCompiler
from clusterbook.errors import InvalidInput
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.program import Flush, Group, Program, Step
from clusterbook.language.scope import Scope
from clusterbook.language.values import Template
from clusterbook.model import Inventory, Play, Project

Match = Callable[[str], Sequence[str]]


def compile_plan(project: Project, inventory: Inventory, selection: Selection, match: Match) -> Plan:
    """match(pattern) gives the names of the hosts of a play, --limit applied. Raises InvalidInput."""
    plays = []
    number = 1
    for play in project.plays:
        plan, number = _play(project, play, inventory, selection, match, number)
        plays.append(plan)
    shared = tuple(sorted(frozenset().union(*(plan.names for plan in plays)) - {"inventory_hostname", "group_names"}))
    return Plan(tuple(replace(plan, program=replace(plan.program, shared=shared)) for plan in plays))


def _play(
    project: Project, play: Play, inventory: Inventory, selection: Selection, match: Match, number: int
) -> tuple[PlayPlan, int]:
    local = Scope([*_variables(play), selection.extra_variables], Expressions({}), _no_secret)
    hosts = _hosts(match, _pattern(local, play), play)
    directory = str(Path(play.position.file).parent)
    compiler = TaskCompiler(project, selection, directory, number)
    instructions, handlers = _instructions(play, compiler, directory)
    program = _program(play, compiler, instructions, handlers, inventory, selection, hosts, local)
    members = {name: inventory.hosts[name] for name in hosts}
    every_text = tuple(_every_text(program, compiler))
    used = frozenset(word for text in every_text for word in words(text))
    layers = _layers(program, [host.variables for host in members.values()])
    names = closure(used | _ALWAYS, layers)
    of_variables = (text for layer in layers for name in names & layer.keys() for text in texts(layer[name]))
    shared = other_host_names((*every_text, *of_variables))
    parts = {name: host_part(host, inventory, names, shared, selection) for name, host in members.items()}
    keywords = play.keywords
    plan = PlayPlan(
        name=program.name,
        program=program,
        steps=compiler.steps,
        batches=batches_of(hosts, local.evaluate(keywords.get("serial"))),
        hosts=members,
        parts=parts,
        needs_root=bool(program.become) or any(_becomes(item) for item in (*instructions, *handlers)),
        secrets=secrets(names, layers),
        names=shared,
        any_errors_fatal=local.evaluate(keywords.get("any_errors_fatal", False)) is True,
        max_fail_percentage=float(local.evaluate(keywords.get("max_fail_percentage", 100))),
        pattern=_pattern(local, play),
        tags=tag_list(keywords.get("tags")),
    )
    return plan, compiler.next_id


# Names that steer the connection are read from a host's variables even when no expression names them.
_ALWAYS = frozenset({"ansible_host", "ansible_become", "ansible_become_user", "ansible_user"})


def _instructions(play: Play, compiler: TaskCompiler, directory: str) -> tuple[tuple[Any, ...], tuple[Step, ...]]:
    context = Context(directory=directory).inside(
        {name: value for name, value in play.keywords.items() if name not in ("vars", "become", "become_user")}
    )
    parts: list[Any] = [*compiler.nodes(gathering(play, compiler.selection.gathering), context)]
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
    handlers = (*compiler.role_handlers, *compiler.handlers(play.handlers, context))
    return tuple(parts), handlers


def _resume_at_the_end_of_tasks(parts: list[Any], before_post_tasks: bool) -> None:
    """Handlers that an unfinished run left run after roles and tasks, or at the end when there are none."""
    flushes = [index for index, part in enumerate(parts) if isinstance(part, Flush)]
    if flushes:
        parts[flushes[-2 if before_post_tasks and len(flushes) > 1 else -1]] = Flush(0, resumes=True)


def _program(
    play: Play, compiler: TaskCompiler, instructions: tuple[Any, ...], handlers: tuple[Step, ...],
    inventory: Inventory, selection: Selection, hosts: tuple[str, ...], local: Scope,
) -> Program:
    keywords = play.keywords
    name = str(local.evaluate(play.name) or local.evaluate(play.hosts))
    defaults, variables = _merged(compiler)
    strategy = str(local.evaluate(keywords.get("strategy", "linear"))).rpartition(".")[2]
    if strategy not in ("linear", "free", "host_pinned"):
        raise InvalidInput(
            f"unknown strategy {strategy!r}", where=play.position, next_step="use linear, free or host_pinned"
        )
    return Program(
        key=f"{Path(play.position.file).name}:{name}",
        name=name,
        instructions=instructions,
        handlers=handlers,
        roles=tuple(compiler.roles),
        variables=_variables(play),
        extra_variables=dict(selection.extra_variables),
        role_defaults=defaults,
        role_variables=variables,
        magic=_magic(play, inventory, selection, hosts, name),
        check=selection.check,
        diff=selection.diff,
        whole_results=selection.whole_results,
        lockstep=strategy == "linear" and len(hosts) > 1,
        become=keywords.get("become", selection.become),
        become_user=keywords.get("become_user", selection.become_user),
        force_handlers=local.evaluate(keywords.get("force_handlers", selection.force_handlers)) is True,
        modules=tuple(sorted({step.module for step in every_step((*instructions, *handlers)) if _loaded(step.module)})),
    )


def _merged(compiler: TaskCompiler) -> tuple[dict[str, Any], dict[str, Any]]:
    """What roles show to the whole play: later roles win."""
    defaults: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    for role in compiler.roles:
        if not role.parents:
            defaults.update(role.defaults)
            variables.update(role.variables)
    return defaults, variables


def _variables(play: Play) -> tuple[Mapping[str, Any], ...]:
    return tuple(layer for layer in (play.variables, *play.vars_files) if layer)


def _magic(
    play: Play, inventory: Inventory, selection: Selection, hosts: tuple[str, ...], name: str
) -> dict[str, Any]:
    source = inventory.source or ""
    return {
        "groups": {group: list(members) for group, members in inventory.groups.items()},
        "ansible_play_name": name,
        "ansible_play_hosts": list(hosts),
        "ansible_play_hosts_all": list(hosts),
        "ansible_play_batch": list(hosts),
        "play_hosts": list(hosts),
        "playbook_dir": str(Path(play.position.file).parent),
        "inventory_file": source,
        "inventory_dir": str(Path(source).parent) if source else "",
        "ansible_check_mode": selection.check,
        "ansible_diff_mode": selection.diff,
        "ansible_run_tags": list(selection.tags or ("all",)),
        "ansible_skip_tags": list(selection.skip_tags),
        "ansible_version": {"full": "2.19.0", "major": 2, "minor": 19, "revision": 0, "string": "2.19.0"},
        "clusterbook_version": __version__,
    }


def every_step(instructions: Sequence[Any]) -> Iterator[Step]:
    """Every step, those inside blocks and includes too."""
    for instruction in instructions:
        if isinstance(instruction, Group):
            yield from every_step((*instruction.body, *instruction.rescue, *instruction.always))
        elif isinstance(instruction, Step):
            yield instruction
            if instruction.body is not None:
                yield from every_step(instruction.body)


def _every_text(program: Program, compiler: TaskCompiler) -> Iterator[str]:
    for step in every_step((*program.instructions, *program.handlers)):
        for name in ("when", "until", "changed_when", "failed_when"):
            yield from (str(getattr(item, "text", item)) for item in getattr(step, name))
        yield from _assertions(step)
        yield from texts([
            step.name, step.arguments, step.layers, step.parameters, step.notify, step.environment, step.defaults,
            step.loop.items if step.loop else None, step.become, step.become_user, step.delegate_to, step.no_log,
            step.ignore_errors, step.check_mode, step.retries, step.delay, step.run_once,
        ])
    yield from texts([program.become, program.become_user])
    for role in compiler.roles:
        for path in sorted(Path(role.path, "templates").rglob("*")):
            if path.is_file():
                yield path.read_text(encoding="utf-8", errors="replace")


def _assertions(step: Step) -> Iterator[str]:
    arguments = step.arguments
    if isinstance(arguments, Mapping):
        yield from (str(getattr(item, "text", item)) for item in as_list(arguments.get("that")))
        yield str(getattr(arguments.get("var"), "text", arguments.get("var")))
        if step.module == "ansible.builtin.template":
            yield from _own_template(step, str(arguments.get("src", "")))


def _own_template(step: Step, name: str) -> Iterator[str]:
    if step.role is None:
        for base in (Path(step.place[0]).parent / "templates", Path(step.place[0]).parent):
            if name and (base / name).is_file():
                yield (base / name).read_text(encoding="utf-8", errors="replace")


def _layers(program: Program, hosts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = [program.role_defaults, program.role_variables, *program.variables]
    for role in program.roles:
        found.extend((role.defaults, role.variables))
    for step in every_step((*program.instructions, *program.handlers)):
        found.extend((*step.layers, *step.parameters))
    seen: dict[int, Mapping[str, Any]] = {id(layer): layer for layer in (*found, *hosts, program.extra_variables)}
    return list(seen.values())


def _becomes(instruction: Any) -> bool:
    return any(bool(step.become) for step in every_step((instruction,)))


def _loaded(module: str) -> bool:
    from clusterbook.modules.registry import is_flow

    return not is_flow(module)


def _hosts(match: Match, pattern: str, play: Play) -> tuple[str, ...]:
    """The hosts of a play; a name that is not in the inventory is shown where the play says it."""
    try:
        return tuple(match(pattern))
    except InvalidInput as error:
        error.where = error.where or play.hosts_position
        raise


def _pattern(local: Scope, play: Play) -> str:
    try:
        value = local.evaluate(play.hosts)
    except ExpressionError as error:
        raise InvalidInput(
            f"the hosts of play {str(play.name)!r} cannot be evaluated: {error.message}", where=play.position,
            next_step="only play variables and --extra-vars are known before connecting",
        ) from error
    return ",".join(str(part) for part in value) if isinstance(value, list) else str(value)


def _no_secret(name: str) -> str:
    raise ExpressionError(f"secret {name!r} is not available before connecting", Template(""))
