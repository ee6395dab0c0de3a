"""Runs a compiled play on one host: order, conditions, loops, blocks, handlers. Effects are `Runtime`'s."""

from __future__ import annotations

from typing import Any, Iterable

from clusterbook.language.including import INCLUDES
from clusterbook.language.program import Flush, Group, HostPart, Program, Step
from clusterbook.language.runtime import HostEnded, HostUnreachable, Runtime, StepFailed
from clusterbook.language.state import HostState
from clusterbook.language.stepping import StepRunner


class Interpreter:
    """One play on one host."""

    def __init__(self, program: Program, host: HostPart, state: HostState, runtime: Runtime) -> None:
        """program and host as sent; state: what the host has learnt in earlier plays."""
        self._program = program
        self._runtime = runtime
        self._steps = StepRunner(program, host, state, runtime)
        self._handlers = self._steps.handlers
        self._left: set[str] = self._runtime.pending()
        self._tell_of_marks()

    def run(self) -> bool:
        """Run the whole play; False when a step failed. Every failure has been emitted by then."""
        try:
            self._instructions(self._program.instructions, ())
        except HostEnded:
            return True
        except HostUnreachable:
            return False
        except StepFailed:
            if self._program.force_handlers:
                self._forced()
            return False
        return True

    def _forced(self) -> None:
        """Handlers of a host that failed, where the play wants them to run."""
        try:
            self._flush((len(self._program.instructions),))
        except (HostEnded, StepFailed):
            return

    def _tell_of_marks(self) -> None:
        known = [self._handlers.names(handler) for handler in self._program.handlers]
        names = [own[0] for own in known if self._left & set(own)]
        if names:
            self._runtime.emit({"type": "pending", "handlers": names})

    def _instructions(self, instructions: Iterable[Any], key: tuple[int, ...]) -> None:
        for index, instruction in enumerate(instructions):
            place = (*key, index)
            if isinstance(instruction, Flush):
                if instruction.resumes:
                    self._handlers.notify(sorted(self._left))
                self._flush(place)
            elif isinstance(instruction, Group):
                self._group(instruction, place)
            else:
                self._step(instruction, place)

    def _group(self, group: Group, key: tuple[int, ...]) -> None:
        """block, rescue, always. A host that ends or is stopped runs neither of the latter."""
        try:
            self._body(group, key)
        except StepFailed:
            self._instructions(group.always, (*key, 2))
            raise
        self._instructions(group.always, (*key, 2))

    def _body(self, group: Group, key: tuple[int, ...]) -> None:
        try:
            self._instructions(group.body, (*key, 0))
        except StepFailed as failure:
            if not group.rescue:
                raise
            self._steps.set_failure(failure)
            self._runtime.emit({"type": "rescued", "id": group.id})
            self._instructions(group.rescue, (*key, 1))

    def _step(self, step: Step, key: tuple[int, ...]) -> None:
        if step.module == "ansible.builtin.meta":
            self._meta(step, key)
        elif step.module in INCLUDES:
            for index, body in enumerate(self._steps.include(step, key)):
                self._instructions(body, (*key, step.id, index))
        else:
            self._handlers.notify(self._steps.run(step, key))

    def _meta(self, step: Step, key: tuple[int, ...]) -> None:
        action = step.arguments.get("free_form") if isinstance(step.arguments, dict) else step.arguments
        if not self._steps.wanted(step):
            return
        if action == "flush_handlers":
            self._flush(key)
        elif action in ("end_host", "end_play", "end_batch"):
            raise HostEnded()
        elif action == "clear_facts":
            self._steps.state.facts.clear()

    def _flush(self, key: tuple[int, ...]) -> None:
        """Handlers run in the order in which they are written; one may notify a later one."""
        for handler in self._handlers.waiting():
            self._step(handler, (*key, self._handlers.place(handler)))
            if not self._program.check:
                for name in self._handlers.settled_by(handler):
                    self._runtime.settle(name)
