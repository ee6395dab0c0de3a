"""What the plays themselves give to roles, compared with what meta/argument_specs.yml says, and what nobody gives.

Values of the inventory and the command line are looked at by `compile/inputs.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from clusterbook.compile.inputs import is_plain, next_step_of, parameter_of
from clusterbook.compile.plan import PlayPlan
from clusterbook.compile.walk import steps_of
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template
from clusterbook.model import Play, Project, Role, RoleUse
from clusterbook.modules.parameters import value_problems
from clusterbook.records import dataclass
from clusterbook.source import SourceMapping
from clusterbook.variables import PRECEDENCE, Layer

_INVENTORY_ENDS = PRECEDENCE.index("facts")


@dataclass(frozen=True)
class _Given:
    """The layers that a role sees: those below the inventory's, and those above them. named: what steps may set."""

    below: tuple[Mapping[str, Any], ...]
    above: tuple[Mapping[str, Any], ...]
    named: frozenset[str]


def problems(
    play: Play, plan: PlayPlan, project: Project, layers: Mapping[str, Sequence[Layer]], extra: Mapping[str, Any]
) -> Iterator[InvalidInput]:
    """What is wrong with the inputs of the roles in a play's `roles:`, each wrong value once."""
    named = frozenset(_set_by_steps(plan))
    seen: set[tuple[Position | None, str]] = set()
    for use in play.roles:
        role = project.roles.get(use.name)
        options = _options(role)
        if role is None or not options or "*" in named:
            continue
        if any(name in options for name in extra):
            options = {name: option for name, option in options.items() if name not in extra}
        over = [play.variables, *play.vars_files, role.variables, use.keywords.get("vars"), use.parameters]
        given = _Given((role.defaults,), tuple(part for part in over if isinstance(part, Mapping)), named)
        for problem in _of_role(role, use, options, given, _inventories(plan, layers)):
            key = (problem.where, problem.message)
            if key not in seen:
                seen.add(key)
                yield problem


def _options(role: Role | None) -> Mapping[str, Any]:
    main = role.argument_specs.get("main") if role is not None else None
    found = main.get("options") if isinstance(main, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _set_by_steps(plan: PlayPlan) -> Iterator[str]:
    """Names that steps set during the run; '*' when only the run knows them."""
    for step in steps_of(plan.program):
        yield step.register
        if step.module == "ansible.builtin.include_vars":  # as files of vars_files are, too
            yield "*"
        if step.module == "ansible.builtin.set_fact" and isinstance(step.arguments, Mapping):
            yield from ("*" if isinstance(name, Template) else str(name) for name in step.arguments)


def _inventories(plan: PlayPlan, layers: Mapping[str, Sequence[Layer]]) -> dict[str, list[Mapping[str, Any]]]:
    return {
        host: [layer.values for layer in layers.get(host, ()) if PRECEDENCE.index(layer.kind) < _INVENTORY_ENDS]
        for host in plan.hosts
    }


def _of_role(
    role: Role, use: RoleUse, options: Mapping[str, Any], given: _Given,
    inventories: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Iterator[InvalidInput]:
    for name, option in options.items():
        if name in given.named or not isinstance(option, Mapping):
            continue
        checked: set[int] = set()
        for host, own in inventories.items():
            layer = _winner(name, (*given.below, *own, *given.above))
            if layer is None:
                if option.get("required") and "default" not in option and "when" not in use.keywords:
                    yield _missing(role, use, name, option, host)
                    break
            elif id(layer) not in checked and any(layer is one for one in given.above):
                checked.add(id(layer))
                yield from _wrong(role, name, option, layer)


def _winner(name: str, layers: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    found = [layer for layer in layers if name in layer]
    return found[-1] if found else None


def _missing(role: Role, use: RoleUse, name: str, option: Mapping[str, Any], host: str) -> InvalidInput:
    about = " ".join(str(option.get("description") or "").split())
    return InvalidInput(
        f"nothing sets {name} of the role {role.name} for host {host!r}, and it is required", where=use.position,
        next_step=f"Set it in the play or the inventory. {about}".rstrip(),
    )


def _wrong(role: Role, name: str, option: Mapping[str, Any], layer: Mapping[str, Any]) -> Iterator[InvalidInput]:
    value = layer[name]
    where = layer.values_at.get(name) if isinstance(layer, SourceMapping) else None
    about = f"{name} of the role {role.name}"
    for message in value_problems(about, parameter_of(option), value) if is_plain(value) else ():
        yield InvalidInput(message, where=where, next_step=next_step_of(option))
