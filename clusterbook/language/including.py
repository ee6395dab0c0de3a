"""Includes on a host: which steps they bring, and what of roles, handlers and variables comes with them."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional

from clusterbook.language.loops import with_parameters
from clusterbook.language.program import Expansion, HostPart, Parts, Program, RolePart, Step, from_wire
from clusterbook.language.runtime import Runtime
from clusterbook.language.scope import Scope
from clusterbook.language.values import holds_template
from clusterbook.records import replace

INCLUDES = ("ansible.builtin.include_tasks", "ansible.builtin.include_role")
_NAMED = ("file", "_raw_params", "name", "tasks_from", "vars_from", "defaults_from", "handlers_from")


class Including:
    """What one host knows of its play; grows with every include that is compiled when it runs."""

    def __init__(self, program: Program, host: HostPart, runtime: Runtime) -> None:
        """program and host: as they were sent."""
        self.program = program
        self.host = host
        self._handlers: list[Any] = list(program.handlers)
        self._known = set(range(len(program.roles))) - set(program.late)
        # Included roles -> the parameters that their last include, for the last item of its loop, gave them.
        self._given: dict[int, Parts] = {}
        self._runtime = runtime

    @property
    def handlers(self) -> list[Any]:
        """The handlers that are known by now, those of included roles as their last include has them."""
        known = [handler for handler in self._handlers if handler.role is None or handler.role in self._known]
        return [_with_given(handler, self._given.get(handler.role)) for handler in known]

    def body(self, step: Step, arguments: Mapping[str, Any]) -> tuple[tuple[Any, ...], str]:
        """The steps of an include for one item and, where the run shows it, the file or role that they are from.

        arguments: as include_arguments gives them. Raises Refused with the local machine's words.
        """
        if step.body is not None:
            self._expose(step.exposes)
            self._known.update(step.brings)
            return step.body, step.brought
        names = {name: arguments[name] for name in _NAMED if name in arguments}
        expansion = from_wire(self._runtime.ask("include", step=step.id, arguments=names))
        self._learn(expansion)
        steps, around, depth = tuple(expansion.instructions), step.parameters, expansion.depth
        if len(around) > depth:
            steps = tuple(with_parameters(part, lambda own: (*around, *own[depth:])) for part in steps)
        return steps, expansion.brought

    def give(self, step: Step, body: Iterable[Any]) -> None:
        """Note what an include's body, with the variables of its item, gives to the handlers of its roles."""
        around = () if step.role is None else (step.role, *self.program.roles[step.role].parents)
        for part in body:
            if hasattr(part, "rescue"):
                self.give(step, part.body)
            elif part.role is not None and part.role not in around:
                self._given[part.role] = part.parameters

    def add_variables(self, variables: Mapping[str, Any]) -> None:
        """Variables of this host that only now were named."""
        if variables:
            self.host = replace(self.host, variables={**variables, **self.host.variables})

    def change_variables(self, variables: Mapping[str, Any]) -> None:
        """Variables of this host that are others now, as it joined a group."""
        if variables:
            self.host = replace(self.host, variables={**self.host.variables, **variables})

    def _learn(self, expansion: Expansion) -> None:
        roles = list(self.program.roles)
        for index, part in expansion.roles:
            roles.extend([RolePart("", "")] * (index + 1 - len(roles)))
            roles[index] = part
        self.program = replace(self.program, roles=tuple(roles))
        known = {handler.id for handler in self._handlers}
        new = [handler for handler in expansion.handlers if handler.id not in known]
        again = {handler.role for handler in new}
        self._handlers = [*(handler for handler in self._handlers if handler.role not in again), *new]
        self._known.update(index for index, _ in expansion.roles)
        self.add_variables(expansion.variables)
        self._expose(expansion.exposes)

    def _expose(self, index: Any) -> None:
        if index is None:
            return
        part = self.program.roles[index]
        self.program = replace(
            self.program,
            role_defaults={**self.program.role_defaults, **part.defaults},
            role_variables={**self.program.role_variables, **part.variables},
        )


def _with_given(handler: Step, given: Optional[Parts]) -> Any:
    depth = len(handler.parameters)
    return handler if given is None else with_parameters(handler, lambda own: (*given, *own[depth:]))


def include_arguments(step: Step, scope: Scope) -> dict[str, Any]:
    """An include's arguments for one item. What only its tasks need (`apply`) may not be known before they run."""
    arguments = step.arguments if isinstance(step.arguments, dict) else {"_raw_params": step.arguments}
    known = {name: value for name, value in arguments.items() if name in _NAMED or not holds_template(value)}
    return dict(scope.evaluate(known))


def included_names(step: Step, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What `register` keeps of an include with these arguments."""
    named = dict(arguments)
    file = named.pop("file", named.pop("_raw_params", None))
    return {"include_args": named} if step.module.endswith("include_role") else {"include": file, "include_args": named}
