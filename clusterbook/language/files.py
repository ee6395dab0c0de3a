"""Files of `vars_files` whose names need a host: its variables, its facts."""

from __future__ import annotations

from typing import Any

from clusterbook.language.environment import ExpressionError, UndefinedName
from clusterbook.language.keeping import Result, StepKeeper
from clusterbook.language.program import Step
from clusterbook.language.results import expression_failure
from clusterbook.language.runtime import Refused, Runtime, StepFailed
from clusterbook.language.scope import Unknown
from clusterbook.language.state import HostState
from clusterbook.language.values import decode

GATHERING = "ansible.builtin.setup"


class PlayFiles:
    """Read before the first step, or as soon as their names are known, and when facts make them others.

    As in Ansible a file whose name has an undefined variable is passed over, with a warning, until facts were gathered.
    """

    def __init__(self, steps: StepKeeper, runtime: Runtime) -> None:
        """steps: of one play on one host, which has read none of its files yet."""
        self._steps, self._runtime = steps, runtime
        self._named: dict[int, Any] = {}
        self._passed_over: set[int] = set()
        steps.state.files = {}

    def read(self, before: Step) -> None:
        """Read what is not read yet. before: the step that needs it. Raises StepFailed."""
        for place, step in self._steps.program.files:
            try:
                names = self._names(step)
                if names != self._named.get(place):
                    self._read(place, step, names)
            except Unknown as reason:
                self._pass_over(place, step, before, str(reason))
            except UndefinedName as error:
                if self._steps.state.facts:
                    self._fail(step, expression_failure(error))
                self._pass_over(place, step, before, error.message)
            except ExpressionError as error:
                self._fail(step, expression_failure(error))
            except Refused as refusal:
                self._fail(step, {"failed": True, "changed": False, "msg": str(refusal)})

    def _names(self, step: Step) -> Any:
        """The names of which the first that exists is read, by what Ansible knows of a host below its plays' tasks."""
        state = HostState(facts=self._steps.state.facts, files=self._steps.state.files)
        return self._steps.scope(step, {}, state).evaluate(step.arguments)

    def _pass_over(self, place: int, step: Step, before: Step, why: str) -> None:
        if place not in self._passed_over and before.module != GATHERING:
            self._passed_over.add(place)
            self._runtime.emit({"type": "warning", "id": step.id, "msg": f"a file of vars_files is passed over: {why}"})

    def _read(self, place: int, step: Step, names: Any) -> None:
        answer = self._runtime.ask("variables", step=step.id, arguments=names)
        self._named[place] = names
        self._steps.including.add_variables(decode(answer["variables"], trusted=True))
        self._steps.state.files[place] = decode(answer["values"], trusted=True)

    def _fail(self, step: Step, result: Result) -> None:
        self._runtime.emit({"type": "start", "id": step.id})
        raise StepFailed(step, self._steps.conclude(step, result, 0.0))
