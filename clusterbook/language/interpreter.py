"""Runs a compiled play on one host: order, conditions, loops, blocks, handlers. Effects are `Runtime`'s."""

from __future__ import annotations

import contextlib
from typing import Any, Iterable

from clusterbook.language.files import PlayFiles
from clusterbook.language.flow import META_FOR_ALL, meta_action
from clusterbook.language.including import INCLUDES
from clusterbook.language.program import Flush, Group, HostPart, Program, Step
from clusterbook.language.runtime import HostEnded, HostUnreachable, RoleEnded, Runtime, StepFailed
from clusterbook.language.state import HostState
from clusterbook.language.stepping import StepRunner


class Interpreter:
    """One play on one host."""

    def __init__(self, program: Program, host: HostPart, state: HostState, runtime: Runtime) -> None:
        """program and host as sent; state: what the host has learnt in earlier plays."""
        self._program = program
        self._runtime = runtime
        state.accept(host.given)
        self._steps = StepRunner(program, host, state, runtime)
        self._files = PlayFiles(self._steps, runtime)
        self._handlers = self._steps.handlers
        self._left: set[str] = self._runtime.pending()
        # Uses of roles that have run here, see Group.
        self._over: set[str] = set()
        self._tell_of_marks()

    def run(self) -> bool:
        """Run the whole play; False when a step failed. Every failure has been emitted by then."""
        try:
            self._instructions(self._program.instructions, ())
        except HostEnded:
            return True
        except HostUnreachable:
            return False
        except StepFailed as failure:
            if self._steps.is_fatal(failure.step):
                self._runtime.emit({"type": "fatal", "id": failure.step.id})
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
            self._instruction(instruction, (*key, index))

    def _instruction(self, instruction: Any, place: tuple[int, ...]) -> None:
        if isinstance(instruction, Flush):
            if instruction.resumes:
                self._handlers.notify(sorted(self._left))
            self._flush(place)
        elif isinstance(instruction, Group):
            work = self._group if instruction.role is None else self._use
            work(instruction, place)
        else:
            self._step(instruction, place)

    def _use(self, group: Group, key: tuple[int, ...]) -> None:
        """A use of a role. As in Ansible it has run here once a step of its own was not left out."""
        if not group.again and group.use in self._over:
            return
        around, self._steps.ran = self._steps.ran, set()
        try:
            with contextlib.suppress(RoleEnded):
                self._instructions(group.body, (*key, 0))
            if group.role in self._steps.ran:
                self._over.add(group.use)
        finally:
            self._steps.ran |= around

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
            if not failure.shared:
                self._steps.set_failure(failure)
                self._runtime.emit({"type": "rescued", "id": group.id})
            self._instructions(group.rescue, (*key, 1))

    def _step(self, step: Step, key: tuple[int, ...]) -> None:
        try:
            self._files.read(step)
            self._run_step(step, key)
        except StepFailed as failure:
            self._steps.fails_all(failure, key)
            raise

    def _run_step(self, step: Step, key: tuple[int, ...]) -> None:
        if step.module == "ansible.builtin.meta":
            self._meta(step, key)
        elif step.module in INCLUDES:
            for index, body in enumerate(self._steps.include(step, key)):
                self._instructions(body, (*key, step.id, index))
        else:
            notified = self._steps.run(step, key)
            self._steps.fail_with_others(step, key)
            self._handlers.notify(notified)

    def _meta(self, step: Step, key: tuple[int, ...]) -> None:
        action = meta_action(step)
        if not self._steps.agreed(step, key, action in META_FOR_ALL):
            return
        if action == "flush_handlers":
            self._flush(key)
        elif action in ("end_host", "end_play", "end_batch"):
            if action == "end_play":
                self._runtime.emit({"type": "end_play", "id": step.id})
            raise HostEnded()
        elif action == "end_role" and step.role is not None:
            raise RoleEnded()
        elif action == "clear_facts":
            self._steps.state.facts.clear()
        elif action == "clear_host_errors":
            self._runtime.emit({"type": "clear_host_errors", "id": step.id})

    def _flush(self, key: tuple[int, ...]) -> None:
        """Handlers run in the order in which they are written; one may notify a later one."""
        for handler in self._handlers.waiting():
            with contextlib.suppress(RoleEnded):
                self._step(handler, (*key, self._handlers.place(handler)))
            if not self._program.check:
                for name in self._handlers.settled_by(handler):
                    self._runtime.settle(name)
