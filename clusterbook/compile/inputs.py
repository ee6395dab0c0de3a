"""Inputs of roles as the inventory and the command line give them, against what meta/argument_specs.yml says of each.

Looked at before a host is touched. What an expression gives is known on hosts alone and is left out, as is a name that
the play or a role sets itself, for then the inventory's value is not the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.compile.plan import Plan, PlayPlan
from clusterbook.compile.walk import layers_of, steps_of
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Secret, Template
from clusterbook.model import Project
from clusterbook.modules.contract import Parameter
from clusterbook.modules.parameters import CONVERTERS, value_problems
from clusterbook.variables import Layer


def input_problems(project: Project, plan: Plan, layers: Mapping[str, tuple[Layer, ...]]) -> list[InvalidInput]:
    """Every value of a wrong type or outside of the choices, once. layers: what sets each host's variables."""
    found: dict[tuple[str, str], InvalidInput] = {}
    for play in plan.plays:
        for name, role, option in _inputs(project, play):
            for host in play.hosts:
                value, where = _given(play, host, name, layers)
                about = f"{name} of the role {role}"
                for message in value_problems(about, parameter_of(option), value) if is_plain(value) else ():
                    problem = InvalidInput(message, where=where, next_step=next_step_of(option))
                    found.setdefault((message, str(where)), problem)
    return list(found.values())


def _inputs(project: Project, play: PlayPlan) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Name, role and description of each input that the play leaves to the inventory."""
    program = play.program
    if program.files:
        return  # what they hold is known on the hosts
    steps = steps_of(program)
    own: set[str] = set().union(*program.variables, *(role.variables for role in program.roles), *layers_of(steps, ()))
    for name in dict.fromkeys(role.name for role in program.roles):
        role = project.roles.get(name)
        main = role.argument_specs.get("main") if role is not None else None
        options = main.get("options") if isinstance(main, Mapping) else None
        for input_name, option in options.items() if isinstance(options, Mapping) else ():
            if input_name not in own and isinstance(option, Mapping):
                yield str(input_name), name, option


def _given(
    play: PlayPlan, host: str, name: str, layers: Mapping[str, tuple[Layer, ...]]
) -> tuple[Any, Position | None]:
    """The value that a host has for an input, None without one, and where it is written."""
    if name in play.program.extra_variables:
        return play.program.extra_variables[name], Position("--extra-vars")
    setting = [layer for layer in layers.get(host, ()) if name in layer.values]
    return play.hosts[host].variables.get(name), setting[-1].position(name) if setting else None


def parameter_of(option: Mapping[str, Any]) -> Parameter:
    """A role's input as a parameter of a module. A type that is not known here takes everything."""
    kind, elements = (str(option.get(word) or default) for word, default in (("type", "str"), ("elements", "")))
    return Parameter(
        kind if kind in CONVERTERS else "raw", "", elements=elements if elements in CONVERTERS else "",
        choices=tuple(option.get("choices") or ()),
    )  # fmt: skip


def is_plain(value: Any) -> bool:
    """Whether a value is there and holds nothing that is only known later."""
    if isinstance(value, Mapping):
        return all(is_plain(item) or item is None for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(is_plain(item) or item is None for item in value)
    return value is not None and not isinstance(value, (Template, Secret))


def next_step_of(option: Mapping[str, Any]) -> str:
    """What to do about a wrong value, with what the input is for."""
    words = str(option.get("description") or "").strip().rstrip(".")
    return f"Correct the value: {words}." if words else "Correct the value."
