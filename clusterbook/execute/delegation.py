"""Steps that a host has run elsewhere (`delegate_to`, another `connection`): evaluated here, run by another agent.

The host says only which step, which item of its loop, and the values that it alone knows (facts, registered results).
Module, parameters, literal values, user and target come from the compiled play: a host cannot turn a delegated step
into another one, and what it says never replaces a variable of the play or the inventory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from clusterbook.compile.context import CONNECTION_KEYWORDS
from clusterbook.compile.hosts import sent_variables
from clusterbook.compile.plan import PlayPlan
from clusterbook.compile.reach import closure, texts, words
from clusterbook.execute.heard import value_of
from clusterbook.execute.session import Answer, Refusal
from clusterbook.language.elsewhere import elsewhere, target_of
from clusterbook.language.environment import ExpressionError
from clusterbook.language.program import EVERY_NAME, Program, Step
from clusterbook.language.results import DELEGATED, place_of
from clusterbook.language.runtime import Call, Refused
from clusterbook.language.scope import Scope, Unknown
from clusterbook.language.state import HostState, is_connection_variable, layers_for
from clusterbook.language.stepping import StepRunner
from clusterbook.language.values import decode
from clusterbook.records import dataclass

SET_FACT = "ansible.builtin.set_fact"
# Questions that a module asks while it runs for another host; the others are the interpreter's.
_OF_MODULES = frozenset(("source", "content", "contents", "sign", "fetch", "authority"))
_TEXTS = ("arguments", "layers", "parameters", "environment", "defaults", "become", "become_user", "delegate_to",
          "timeout", "check_mode", "run_async", "poll", "connection")  # fmt: skip


@dataclass(frozen=True)
class Errand:
    """A step to run elsewhere. chosen_by_host: its target depends on what the host said.

    connection: keywords, which a host's variables beat; way: variables of the step itself, which beat those.
    """

    call: Call
    asker: str
    target: str
    connection: Mapping[str, Any]
    chosen_by_host: bool
    facts: bool
    way: Mapping[str, Any] = field(default_factory=dict)


Run = Callable[[Errand, Answer], dict[str, Any]]


class Delegation:
    """Evaluates the delegated steps of one host in one play."""

    def __init__(
        self, plan: PlayPlan, host: str, answer: Answer, run: Run, learnable: frozenset[str],
        files: dict[int, dict[str, Any]],
    ) -> None:
        """answer: to questions of the host (and of modules that run for it); run: carries an errand out.

        learnable: names that steps of the run register or set; for those a host's word counts. files: of HostState.
        """
        self._files = files
        self._plan, self._host, self._answer, self._run = plan, host, answer, run
        self._learnable = learnable
        self._part = plan.parts[host]
        if plan.dynamic:  # an include may bring steps that read more than what was known when the play began
            self._part = replace(self._part, variables=sent_variables(plan.hosts[host], frozenset({EVERY_NAME})))
        self._needs: dict[int, frozenset[str]] = {}

    def __call__(self, step: Step, question: Mapping[str, Any]) -> dict[str, Any]:
        """The result of the step, or the names whose values the host has to send. Raises Refusal."""
        if not elsewhere(step):
            raise Refusal("this step is not delegated by the play")
        needs = self._names(step)
        if question.get("values") is None:
            return {"needs": sorted(needs)}
        item, runner = question.get("item"), self._runner(self._given(step, question["values"]))
        scope, told = runner.scope(step, self._item(runner, step, item)), {}
        try:
            told[DELEGATED] = self._target(step, scope)
            return {**self._carry_out(step, item, runner, scope, told[DELEGATED]), **told}
        except Unknown as reason:
            return {"unknown": True, "changed": False, "msg": str(reason), **told}
        except (ExpressionError, Refused) as error:
            where = place_of(getattr(error, "template", None))
            return {"failed": True, "changed": False, "msg": str(error), **where, **told}

    def _carry_out(
        self, step: Step, item: int | None, runner: StepRunner, scope: Scope, target: str
    ) -> dict[str, Any]:
        facts = scope.evaluate(step.delegate_facts) is True
        if step.module == SET_FACT:
            values = scope.evaluate(step.arguments or {})
            call = Call(step.id, SET_FACT, {name: value for name, value in values.items() if name != "cacheable"})
        else:
            call = runner.call(step, scope, item)
        connection = {name: scope.evaluate(value) for name, value in step.connection}
        names = frozenset(CONNECTION_KEYWORDS.values())
        way = {name: scope.evaluate(layer[name]) for layer in step.layers for name in names.intersection(layer)}
        errand = Errand(call, self._host, target, connection, self._chosen(step, item, target), facts, way)
        result = self._run(errand, self._for_modules(step))
        if facts:
            result["facts_elsewhere"] = True
        return runner.tainted(result, scope)

    def _target(self, step: Step, scope: Scope) -> str:
        """Whom the step runs on: the host itself where that is omitted, or only the way to it is another one."""
        return target_of(step, scope) or self._host

    @property
    def _program(self) -> Program:
        """The play with the roles that includes have brought by now."""
        program, expander = self._plan.program, self._plan.expander
        return replace(program, roles=expander.roles) if expander is not None else program

    def _runner(self, given: Mapping[str, Any]) -> StepRunner:
        state = HostState(registered=dict(given), files=self._files)
        return StepRunner(self._program, self._part, state, _Local(self._answer))

    def _item(self, runner: StepRunner, step: Step, item: int | None) -> Mapping[str, Any]:
        if step.loop is None or item is None:
            return {}
        try:
            return runner.items(step)[item]
        except (ExpressionError, IndexError, Unknown):
            return {}  # the host has told its loop variable, when it alone knows the list

    def _chosen(self, step: Step, item: int | None, target: str) -> bool:
        """Whether the target cannot be told from the play and the inventory alone."""
        if step.delegate_to is None:
            return False
        runner = self._runner({})
        try:
            scope = runner.scope(step, self._item(runner, step, item))
            return self._target(step, scope) != target
        except (ExpressionError, Unknown, Refused):
            return True

    def _given(self, step: Step, values: Any) -> dict[str, Any]:
        """What the host says, without names that the play or the inventory sets and those that steer connections."""
        names, defined = self._names(step), self._defined(step)
        return {
            str(name): decode(value_of(value))
            for name, value in dict(values).items()
            if (name in names or EVERY_NAME in names)
            and (name not in defined or name in self._learnable)
            and not is_connection_variable(str(name))
        }

    def _layers(self, step: Step) -> Sequence[Mapping[str, Any]]:
        return layers_for(step, self._program, self._part, HostState(files=self._files), ())

    def _defined(self, step: Step) -> set[str]:
        return {str(name) for layer in self._layers(step) for name in layer} - {"ansible_facts"}

    def _names(self, step: Step) -> frozenset[str]:
        """Every name that evaluating the step may use."""
        if step.id not in self._needs:
            found = [*texts([getattr(step, name) for name in _TEXTS]), *self._file_texts(step)]
            if step.loop is not None:
                found.extend(texts(step.loop.items))
                named = isinstance(step.loop.variable, str)
                found.append(step.loop.variable if named else "vars[q]")
            start = {word for text in found for word in words(text)}
            self._needs[step.id] = closure(start, self._layers(step))
        return self._needs[step.id]

    def _file_texts(self, step: Step) -> list[str]:
        """A template file that the step names literally; with any other name every variable may be used."""
        if step.module != "ansible.builtin.template" or not isinstance(step.arguments, Mapping):
            return []
        name = step.arguments.get("src")
        if not isinstance(name, str):
            return ["vars[q]"]
        return [self._answer({"ask": "template", "step": step.id, "name": name})["text"]]

    def _for_modules(self, step: Step) -> Answer:
        def answer(question: dict[str, Any]) -> Any:
            steps = {question.get("step")} if "wanted" not in question else {number for number, _ in question["wanted"]}
            if question.get("ask") not in _OF_MODULES or steps != {step.id}:
                raise Refusal("a step that runs for another host may only ask for its own files")
            return self._answer(question)

        return answer


class _Local:
    """language.runtime.Runtime for evaluating alone: questions are answered here."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def emit(self, event: dict[str, Any]) -> None:
        """Nothing is reported by an evaluation."""

    def ask(self, kind: str, **question: Any) -> Any:
        """As the host would ask."""
        try:
            return self._answer({"ask": kind, **question})
        except Refusal as refusal:
            raise Refused(str(refusal)) from refusal

    def expect(self, kind: str, step: int, names: Sequence[str]) -> None:
        """What is here need not be asked for ahead."""

    def perform(self, call: Call) -> dict[str, Any]:
        """Never called."""
        raise Refused("an evaluation runs no module")

    def delegate(self, question: dict[str, Any], notify: Sequence[str]) -> dict[str, Any]:
        """Never called."""
        raise Refused("an evaluation delegates nothing")

    def pending(self) -> set[str]:
        """None here."""
        return set()

    def pause(self, seconds: float) -> None:
        """Never called."""
        raise Refused("an evaluation waits for nothing")

    def once(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Never called."""
        raise Refused("an evaluation runs nothing")

    def settle(self, handler: str) -> None:
        """None here."""
