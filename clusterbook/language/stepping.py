"""One step: condition, loop, retries, the module's run, and what its result means."""

from __future__ import annotations

import time
from typing import Any, Mapping, Optional

from clusterbook.language.calls import call_of, number, truth
from clusterbook.language.elsewhere import elsewhere, known_here
from clusterbook.language.environment import ExpressionError
from clusterbook.language.expecting import kind_of, names_of
from clusterbook.language.flow import PAUSES, Task, written
from clusterbook.language.including import include_arguments, included_names
from clusterbook.language.keeping import SET_FACT, Key, Result
from clusterbook.language.loops import loop_items, loop_variables, named_loop, with_item
from clusterbook.language.program import Step
from clusterbook.language.results import (
    DELEGATED,
    OF_ITEM,
    at_parameter,
    combine,
    expression_failure,
    named,
    no_items,
    unmet_condition,
    without_changes,
)
from clusterbook.language.runtime import Call, HostUnreachable, Refused, StepFailed
from clusterbook.language.scope import Scope, Unknown
from clusterbook.language.state import is_connection_variable
from clusterbook.language.times import refuse_differences
from clusterbook.language.trying import StepTrier
from clusterbook.language.values import decode, encode, holds_template

# A loop says so often how far it is.
PROGRESS_SECONDS = 1.0
JOINING = ("ansible.builtin.add_host", "ansible.builtin.group_by")
INCLUDE_VARS = "ansible.builtin.include_vars"


class StepRunner(StepTrier):
    """Runs steps of one play on one host and keeps what they register."""

    def include(self, step: Step, key: Key) -> list[tuple[Any, ...]]:
        """The bodies that an include brings, one for each item of its loop. Raises StepFailed."""
        verdict = self._verdict(step, key)
        if verdict is not None:
            self.take_over(step, verdict)
            return []
        self._runtime.emit({"type": "start", "id": step.id})
        bodies: list[tuple[Any, ...]] = []
        try:
            bodies, result = self._bodies(step)
        except ExpressionError as error:
            result = expression_failure(error)
        except Refused as refusal:
            result = {"changed": False, "failed": True, "reason": str(refusal), "msg": str(refusal)}
        except Unknown as reason:
            result = {"changed": False, "unknown": True, "msg": str(reason)}
        self.conclude(step, result, 0.0, len(bodies))
        self.register(step, result)
        if step.run_once:
            self._runtime.ask("ran_once", step=step.id, key=[*key, step.id], result=without_changes(result))
        if result.get("failed") and not result.get("ignored"):
            raise StepFailed(step, result)
        return bodies

    def agreed(self, step: Step, key: Key, by_first: bool) -> bool:
        """Whether a `meta` step is to be done. by_first: in a linear play the first host decides for all."""
        meet = by_first and self.program.lockstep
        verdict = self.meet(step, (*key, step.id), run_once=True) if meet else None
        if verdict is not None:
            self.heed(step, verdict)
            return bool(verdict["result"].get("met"))
        try:
            met = self.wanted(step)
        except ExpressionError as error:
            result = self.conclude(step, expression_failure(error), 0.0)
            raise StepFailed(step, result) from error
        self.tell_meta(step, met)
        if meet:
            self._runtime.ask("ran_once", step=step.id, key=[*key, step.id], result={"met": met})
        return met

    def _bodies(self, step: Step) -> tuple[list[tuple[Any, ...]], Result]:
        """The bodies of all items, and the result."""
        bodies: list[tuple[Any, ...]] = []
        results: list[Result] = []
        for extra in self.items(step):
            scope = self.scope(step, extra)
            unmet = unmet_condition(scope, step.when)
            if unmet is not None:
                results.append({**unmet, OF_ITEM: extra})
                self._tell_item(step, extra)
                continue
            arguments = include_arguments(step, scope)
            results.append({**included_names(step, arguments), OF_ITEM: extra})
            body, brought = self.including.body(step, arguments)
            self._tell_item(step, extra, brought)
            bodies.append(tuple(with_item(part, extra) for part in body) if extra else body)
            self.including.give(step, bodies[-1])
        if step.loop is None:
            return bodies, {"changed": False, **results[0]}
        return bodies, combine(results) if results else no_items()

    def _tell_item(self, step: Step, extra: Mapping[str, Any], brought: str = "") -> None:
        """For a screen of whole results: what an include brings for one item, or that it leaves that out."""
        if not self.program.whole_results or not (brought or extra):
            return
        event: Result = {"type": "included", "id": step.id, "file": brought}
        if extra and truth(self.scope(step, extra), step.no_log):
            event["hidden"] = True
        elif extra:
            item = dict(extra)
            if step.loop is not None and step.loop.label is not None:
                self._label(step, extra, item)
            event.update(named(item))
        self._runtime.emit(event)

    def run(self, step: Step, key: Key) -> list[str]:
        """Run one step; returns the handlers that it notifies. Raises StepFailed."""
        verdict = self._verdict(step, key)
        if verdict is not None:
            return self.take_over(step, verdict)
        result = self._throttled(step)
        self.register(step, result)
        if step.run_once:
            self._runtime.ask("ran_once", step=step.id, key=[*key, step.id], result=without_changes(result))
        if result.get("unreachable") and not result.get("ignored"):
            raise HostUnreachable(str(result.get("msg", "")))
        if result.get("failed") and not result.get("ignored"):
            raise StepFailed(step, result)
        return self.notified_by(step, result)

    def _verdict(self, step: Step, key: Key) -> Optional[Mapping[str, Any]]:
        """Where hosts meet before the step: what was decided for this one, None when it is to run it."""
        meets = self.program.lockstep or step.run_once
        return self.meet(step, (*key, step.id), run_once=bool(step.run_once)) if meets else None

    def _throttled(self, step: Step) -> Result:
        """Run it when fewer hosts than its `throttle` says are at it."""
        limit = int(number(self.scope(step, {}), step.throttle)) if step.throttle else 0
        if limit < 1:
            return self._guarded(step)
        self._runtime.ask("slot", step=step.id, limit=limit)
        try:
            return self._guarded(step)
        finally:
            self._runtime.ask("slot_is_free", step=step.id)

    def _guarded(self, step: Step) -> Result:
        started = time.monotonic()
        event: Result = {"type": "start", "id": step.id, **PAUSES.get(step.module, {})}
        name = self.shown_name(step, self.scope(step, {}))
        self._runtime.emit(event if name is None else {**event, "name": name})
        try:
            result = self.attempts(step, {}, None) if step.loop is None else self._loop(step)
            wrong = self.handlers.unknown(self.notified_by(step, result)) if step.notify else ""
            if wrong:
                result.update(failed=True, msg=wrong)
        except Unknown as reason:
            result = {"unknown": True, "changed": False, "msg": str(reason)}
        except ExpressionError as error:
            result = expression_failure(error)
        return self.conclude(step, result, time.monotonic() - started)

    def items(self, step: Step) -> list[dict[str, Any]]:
        """What each run of the step sees of its loop. Raises ExpressionError, Unknown."""
        if step.loop is None:
            return [{}]
        scope = self.scope(step, {})
        loop = named_loop(step.loop, scope)
        items = loop_items(loop, scope, self._sources.lookups)
        return [loop_variables(loop, items, index) for index in range(len(items))]

    def _loop(self, step: Step) -> Result:
        results: list[Result] = []
        loop = step.loop
        assert loop is not None
        try:
            variables = self.items(step)
        except ExpressionError:
            unmet = unmet_condition(self.scope(step, {}), step.when)
            if unmet is not None:
                return unmet
            raise
        if not variables:
            return no_items()
        kind = kind_of(step) if len(variables) > 1 else ""
        if kind:
            self._runtime.expect(kind, step.id, names_of(step, (self.scope(step, extra) for extra in variables)))
        told, pause = time.monotonic(), number(self.scope(step, {}), loop.pause)
        for index, extra in enumerate(variables):
            if index and pause:
                self._runtime.pause(pause)
            if time.monotonic() - told >= PROGRESS_SECONDS:
                told = time.monotonic()
                self._runtime.emit({"type": "progress", "id": step.id, "item": index + 1, "items": len(variables)})
            result = self.attempts(step, extra, index)
            result[OF_ITEM] = extra
            if loop.label is not None:
                self._label(step, extra, result)
            results.append(result)
            if loop.break_when and self._breaks(step, extra, result):
                break
        return combine(results)

    def _label(self, step: Step, extra: Mapping[str, Any], result: Result) -> None:
        """What reports show of the item; a label that cannot be evaluated fails it."""
        assert step.loop is not None
        try:
            result["_ansible_item_label"] = self.after(step, extra, result).evaluate(step.loop.label)
        except ExpressionError as error:
            result.update(expression_failure(error))

    def _breaks(self, step: Step, extra: Mapping[str, Any], result: Result) -> bool:
        assert step.loop is not None
        scope = self.after(step, extra, result)
        return all(scope.condition(condition) for condition in step.loop.break_when)

    def call(self, step: Step, scope: Scope, index: Optional[int]) -> Call:
        """The module's run that a step asks for. Raises ExpressionError, Unknown."""
        notify = tuple(self.notify_names(step)) if step.notify else ()
        return call_of(step, scope, self.program, self._sources, index, notify)

    def once(self, step: Step, scope: Scope, extra: Mapping[str, Any], index: Optional[int]) -> Result:
        """Run the step's module, or what it does in the language, one time."""
        try:
            flow = self._flow.get(step.module)
            of_modules = flow is None and step.module not in (INCLUDE_VARS, *JOINING)
            if elsewhere(step) and (of_modules or (step.delegate_facts and step.module not in JOINING)):
                return self._elsewhere(step, extra, index)
            if flow is not None and step.run_async:
                name = step.module.rpartition(".")[2]
                return {"failed": True, "changed": False, "msg": f"This action ({name}) does not support async."}
            if flow is not None:
                return self._in_the_language(flow, step, scope)
            if step.module == INCLUDE_VARS:
                return self._include_vars(step, scope)
            if step.module in JOINING:
                return self._join(step, scope, index)
            call = self.call(step, scope, index)
            self.given = {step.id: call.arguments}
            result = self.as_foretold(at_parameter(step, self._runtime.perform(call)))
        except Unknown as reason:
            return {"unknown": True, "changed": False, "msg": str(reason)}
        except ExpressionError as error:
            return expression_failure(error)
        except Refused as refusal:
            own = {"message": str(refusal), "ansible_facts": {}, "ansible_included_var_files": []}  # Ansible's keys
            more = own if step.module == INCLUDE_VARS else {}
            return {"failed": True, "changed": False, "msg": str(refusal), "names_only": True, **more}
        self.learn(result)
        return self.tainted(result, scope)

    def _in_the_language(self, flow: Task, step: Step, scope: Scope) -> Result:
        def work() -> Result:
            result = flow(written(step, scope), scope, self.state)
            refuse_differences(result)
            return self.tainted(result, scope)

        if step.module != SET_FACT:
            return work()
        result = self._runtime.once(work)
        facts = {} if result.get("failed") else result["ansible_facts"]
        self.state.registered.update(facts)
        if not result.get("no_log"):
            self.share(facts)
        return result

    def _elsewhere(self, step: Step, extra: Mapping[str, Any], index: Optional[int]) -> Result:
        notify = self.notify_names(step) if step.notify else []
        known = known_here(step, self.state, (self._failure, extra))
        result = self.as_foretold(self._errands.run(step, index, known, notify))
        if not result.pop("facts_elsewhere", False):
            self.learn(result)
        return {DELEGATED: "", **result}

    def _join(self, step: Step, scope: Scope, index: Optional[int]) -> Result:
        """add_host, group_by: what steers a connection is evaluated on the local machine alone."""
        if not isinstance(step.arguments, Mapping):
            raise ExpressionError("a host or a group that joins is described in the task, parameter by parameter")
        plain = {name: value for name, value in step.arguments.items() if not is_connection_variable(str(name))}
        own = scope.evaluate(plain)
        if scope.used_secrets:
            raise ExpressionError("a host or a group that joins may not hold a secret; set it in the inventory")
        arguments = {str(name): encode(value) for name, value in own.items()}
        answer = self._runtime.ask("join", step=step.id, item=index, arguments=arguments)
        self.including.change_variables(decode(answer["variables"], trusted=True))
        return dict(answer["result"])

    def _include_vars(self, step: Step, scope: Scope) -> Result:
        """Variables from local files, for this host and the rest of the run."""
        arguments = scope.evaluate(step.arguments or {})
        answer = self._runtime.ask("variables", step=step.id, arguments=arguments)
        values = decode(answer["values"], trusted=True)
        self.including.add_variables(decode(answer["variables"], trusted=True))
        self.state.include(values, arguments.get("hash_behaviour") == "merge")
        self.share(shown := {name: value for name, value in values.items() if not holds_template(value)})
        return {"changed": False, "ansible_facts": shown, "ansible_included_var_files": list(answer["files"])}
