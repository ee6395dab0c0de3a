"""Includes that are compiled when they run: the name came from the host, or the file includes itself.

A host chooses only among what the play could name: files in the role's and the playbook's directories, roles in the
directories of roles. What it is told then are the play's own instructions; secrets that the play did not name before
stay closed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

from clusterbook.compile.hosts import sent_variables
from clusterbook.compile.hostvars import other_host_names
from clusterbook.compile.names import NAMED, arguments_of, is_dynamic
from clusterbook.compile.reach import closure, local_texts, texts, words
from clusterbook.compile.tasks import TaskCompiler
from clusterbook.compile.walk import every_step, every_text, layers_of
from clusterbook.errors import InvalidInput
from clusterbook.language.program import Expansion, Program, RolePart, Step
from clusterbook.model import Host


class PlayExpander:
    """The includes of one play. The same include with the same names is compiled once for all hosts."""

    def __init__(self, compiler: TaskCompiler, program: Program) -> None:
        """compiler: as it compiled the play; program: what it gave."""
        self._compiler = compiler
        self._program = program
        self._known: dict[tuple[int, str], tuple[Expansion, frozenset[str]]] = {}
        self._steps: dict[int, Step] = {}
        self._shared: frozenset[str] = frozenset()
        self._local_texts: dict[str, None] = {}
        self._lock = Lock()

    @property
    def shared(self) -> frozenset[str]:
        """Variables of other hosts that the included steps read."""
        return self._shared

    @property
    def local_texts(self) -> tuple[str, ...]:
        """Texts of the included steps, and of variables that they use, that may call the local machine."""
        return tuple(self._local_texts)

    @property
    def roles(self) -> tuple[RolePart, ...]:
        """Every role of the play that is known by now, at its index."""
        return tuple(self._compiler.roles)

    def step(self, number: int) -> Step | None:
        """A step that an earlier answer brought."""
        return self._steps.get(number)

    def expand(self, step: int, arguments: Mapping[str, Any], host: Host) -> Expansion:
        """The steps of an include for one host. Raises InvalidInput."""
        if step not in self._compiler.open:
            raise InvalidInput(f"step {step} includes nothing that is named during the run")
        task = self._compiler.open[step][0]
        named = {name: str(arguments[name]) for name in NAMED if name in arguments and name in arguments_of(task)}
        with self._lock:
            key = (step, json.dumps(named, sort_keys=True))
            if key not in self._known:
                self._known[key] = self._compiled(step, named)
            expansion, used = self._known[key]
        layers = [*self._layers(expansion), host.variables]
        names = closure(used, layers)
        found = local_texts(text for layer in layers for name in names & layer.keys() for text in texts(layer[name]))
        self._local_texts.update(dict.fromkeys(found))
        return replace(expansion, variables=sent_variables(host, names))

    def _compiled(self, number: int, named: Mapping[str, str]) -> tuple[Expansion, frozenset[str]]:
        task, context = self._compiler.open[number]
        free = not is_dynamic(task)
        filled = replace(task, arguments={**arguments_of(task), **named})
        instructions = self._compiler.include_body(filled, context, free)
        indexes = self._compiler.met_in(instructions)
        exposed = self._compiler.exposed(filled, context)
        indexes |= set() if exposed is None else {exposed}
        handlers = tuple(
            item for item in self._compiler.role_handlers if any(step.role in indexes for step in every_step((item,)))
        )
        roles = tuple((index, self._compiler.roles[index]) for index in sorted(indexes))
        brought = self._compiler.brought(filled, context, free)
        depth = len(context.parameters)
        expansion = Expansion(instructions, roles, handlers, exposes=exposed, brought=brought, depth=depth)
        steps = list(every_step((*instructions, *handlers)))
        self._steps.update({step.id: step for step in steps})
        found = list(every_text(steps, [part for _, part in roles]))
        self._shared |= other_host_names(found)
        self._local_texts.update(dict.fromkeys(local_texts(found)))
        return expansion, frozenset(word for text in found for word in words(text))

    def _layers(self, expansion: Expansion) -> list[Mapping[str, Any]]:
        program = self._program
        own = layers_of(every_step(expansion.instructions), [part for _, part in expansion.roles])
        return [program.role_defaults, program.role_variables, *program.variables, program.extra_variables, *own]
