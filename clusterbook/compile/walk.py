"""Every step, text and layer of a compiled play: what is looked at to know what a host may be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from clusterbook.compile.context import as_list
from clusterbook.compile.reach import texts
from clusterbook.language.program import Group, Program, RolePart, Step

# Templates are smaller.
LARGEST = 1 << 20
_LOOKED_UP = re.compile(
    r"\b(?:lookup|query|q)\(\s*['\"](?:ansible\.builtin\.)?template['\"]\s*,\s*(?:['\"]([^'\"]+)['\"]\s*[,)])?"
)
# What a name may mean that is no literal.
_ANY = "templates/*"
_EXPRESSION = re.compile(r"\{\{.*?\}\}")
VALIDATION = "ansible.builtin.validate_argument_spec"


def every_step(instructions: Sequence[Any]) -> Iterator[Step]:
    """Every step, those inside blocks and includes too."""
    for instruction in instructions:
        if isinstance(instruction, Group):
            yield from every_step((*instruction.body, *instruction.rescue, *instruction.always))
        elif isinstance(instruction, Step):
            yield instruction
            if instruction.body is not None:
                yield from every_step(instruction.body)


def steps_of(program: Program) -> Iterator[Step]:
    """Every step of a play, its handlers and the files of variables that hosts choose."""
    yield from every_step((*program.instructions, *program.handlers, *(step for _, step in program.files)))


def every_text(steps: Iterable[Step], roles: Iterable[RolePart]) -> Iterator[str]:
    """Every text that evaluation on a host may meet: of the steps, and the templates of their roles."""
    for step in steps:
        for name in ("when", "until", "changed_when", "failed_when"):
            yield from (str(getattr(item, "text", item)) for item in getattr(step, name))
        yield from _assertions(step)
        named = list(texts([
            step.name, step.arguments, step.layers, step.parameters, step.notify, step.environment, step.defaults,
            step.become, step.become_user, step.delegate_to, step.no_log,
            step.ignore_errors, step.any_errors_fatal, step.check_mode, step.retries, step.delay, step.run_once,
            step.timeout, step.throttle, step.ignore_unreachable, step.run_async, step.poll, step.delegate_facts,
            step.connection,
        ]))
        yield from named
        if step.role is None:
            yield from _own_templates(step, named)
        if step.loop is not None:
            yield from _of_loop(step)
    for role in roles:
        for path in sorted(Path(role.path, "templates").rglob("*")):
            if path.is_file():
                yield path.read_text(encoding="utf-8", errors="replace")


def _of_loop(step: Step) -> Iterator[str]:
    assert step.loop is not None
    yield from texts([step.loop.items, step.loop.label, step.loop.pause, step.loop.variable, step.loop.index_variable])
    yield from (str(getattr(item, "text", item)) for item in step.loop.break_when)


def _assertions(step: Step) -> Iterator[str]:
    arguments = step.arguments
    if isinstance(arguments, Mapping):
        yield from (str(getattr(item, "text", item)) for item in as_list(arguments.get("that")))
        yield str(getattr(arguments.get("var"), "text", arguments.get("var")))
        if step.module == VALIDATION and isinstance(arguments.get("argument_spec"), Mapping):
            yield from map(str, arguments["argument_spec"])  # variables that it looks at by their names


def _own_templates(step: Step, found: Iterable[str]) -> Iterator[str]:
    """The texts of template files outside of roles: of the step's src, and of lookups in its texts."""
    arguments = step.arguments if isinstance(step.arguments, Mapping) else {}
    names = {name or _ANY for text in found for name in _LOOKED_UP.findall(text)}
    if step.module == "ansible.builtin.template":
        names.add(str(getattr(arguments.get("src"), "text", arguments.get("src")) or ""))
    patterns = [_EXPRESSION.sub("*", name).strip() for name in sorted(names)]
    for folder in (Path(step.place[0]).parent / "templates", Path(step.place[0]).parent):
        for path in sorted({path for pattern in patterns for path in _matching(folder, pattern)}):
            yield path.read_text(encoding="utf-8", errors="replace")


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    """The files that a name may mean in which `*` stands for what only the run knows."""
    if not pattern.strip("*/") or Path(pattern).is_absolute():
        return
    found = folder.glob(pattern) if "*" in pattern else [folder / pattern]
    yield from (path for path in found if path.is_file() and path.stat().st_size <= LARGEST)


def layers_of(steps: Iterable[Step], roles: Iterable[RolePart]) -> list[Mapping[str, Any]]:
    """What steps and roles set, each layer once."""
    found: list[Mapping[str, Any]] = []
    for role in roles:
        found.extend((role.defaults, role.variables))
    for step in steps:
        found.extend((*step.layers, *step.parameters))
    return list({id(layer): layer for layer in found}.values())
