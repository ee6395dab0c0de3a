"""One step: condition, loop, retries, the module's run, and what its result means."""

from __future__ import annotations

import time
from typing import Any, Mapping, Optional

from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.flow import FLOW, PAUSES
from clusterbook.language.loops import flat, loop_variables, with_layer
from clusterbook.language.program import HostPart, Program, Step
from clusterbook.language.results import combine, expression_failure, outline, registered, without_changes
from clusterbook.language.runtime import Call, HostEnded, Refused, Runtime, StepFailed
from clusterbook.language.scope import OMIT, Scope, Unknown
from clusterbook.language.sources import Sources
from clusterbook.language.state import HostState, layers_for
from clusterbook.language.values import Template, UnknownValue, encode

Result = dict[str, Any]
Key = tuple[int, ...]
# A loop says so often how far it is.
PROGRESS_SECONDS = 1.0


class StepRunner:
    """Runs steps of one play on one host and keeps what they register."""

    def __init__(self, program: Program, host: HostPart, state: HostState, runtime: Runtime) -> None:
        """See Interpreter."""
        self.state = state
        self._program = program
        self._host = host
        self._runtime = runtime
        self._sources = Sources(program, host, runtime)
        self._expressions = Expressions(self._sources.names())
        self._failure: dict[str, Any] = {}

    def set_failure(self, failure: Optional[StepFailed]) -> None:
        """Give a rescue `ansible_failed_task` and `ansible_failed_result`."""
        self._failure = {}
        if failure is not None:
            task = {"name": str(failure.step.name), "action": failure.step.module}
            self._failure = {"ansible_failed_task": task, "ansible_failed_result": dict(failure.result)}

    def scope(self, step: Step, extra: Mapping[str, Any]) -> Scope:
        """What the step sees."""
        self._sources.step = step
        own = {**self._sources.magic(), **self._failure}
        layers = layers_for(step, self._program, self._host, self.state, (own, extra))
        return Scope(layers, self._expressions, self._sources.secret)

    def wanted(self, step: Step) -> bool:
        """Whether all of the step's conditions hold."""
        scope = self.scope(step, {})
        return all(scope.condition(condition) for condition in step.when)

    def include(self, step: Step) -> list[tuple[Any, ...]]:
        """The bodies that an include brings, one for each item of its loop."""
        bodies = []
        for extra in self._items(step):
            scope = self.scope(step, extra)
            if not all(scope.condition(condition) for condition in step.when):
                continue
            body = step.body
            if body is None:
                body = self._sources.include(step, scope)
            bodies.append(tuple(with_layer(part, extra) for part in body) if extra else body)
        return bodies

    def run(self, step: Step, key: Key) -> list[str]:
        """Run one step; returns the handlers that it notifies. Raises StepFailed."""
        if self._program.lockstep or step.run_once:
            verdict = self._runtime.ask("gate", key=list(key), step=step.id, run_once=bool(step.run_once))
            if verdict is not None:
                return self._take_over(step, verdict)
        result = self._guarded(step)
        self._register(step, result)
        if step.run_once:
            self._runtime.ask("ran_once", step=step.id, key=list(key), result=without_changes(result))
        if result.get("failed") and not result.get("ignored"):
            raise StepFailed(step, result)
        changed = bool(result.get("changed")) or result.get("unknown") is True
        return [str(name) for name in self._notify_names(step)] if changed else []

    def _take_over(self, step: Step, verdict: Mapping[str, Any]) -> list[str]:
        """Another host ran this run_once step: its result is ours too. Or the play stops here."""
        if "abort" in verdict:
            raise HostEnded()
        result = dict(verdict)
        self._register(step, result)
        if result.get("failed") and not result.get("ignored"):
            raise StepFailed(step, result)
        return []

    def _notify_names(self, step: Step) -> list[Any]:
        scope = self.scope(step, {})
        names: list[Any] = []
        for name in step.notify:
            value = scope.evaluate(name)
            names.extend(value if isinstance(value, list) else [value])
        return names

    def _register(self, step: Step, result: Result) -> None:
        if step.register:
            known = registered(result)
            unknown = result.get("unknown") is True and not result.get("failed")
            self.state.registered[step.register] = UnknownValue(str(result.get("msg", ""))) if unknown else known
            if not result.get("no_log"):
                self._share({step.register: self.state.registered[step.register]})

    def _share(self, values: Mapping[str, Any]) -> None:
        """Report what plays read of other hosts."""
        for name, value in values.items():
            if name in self._program.shared:
                self._runtime.emit({"type": "learnt", "name": name, "value": encode(value)})

    def _guarded(self, step: Step) -> Result:
        started = time.monotonic()
        event: Result = {"type": "start", "id": step.id, **PAUSES.get(step.module, {})}
        name = self._shown_name(step, self.scope(step, {}))
        self._runtime.emit(event if name is None else {**event, "name": name})
        try:
            result = self._attempts(step, {}, None) if step.loop is None else self._loop(step)
        except Unknown as reason:
            result = {"unknown": True, "changed": False, "msg": str(reason)}
        except ExpressionError as error:
            result = expression_failure(error)
        return self._conclude(step, result, time.monotonic() - started)

    def _conclude(self, step: Step, result: Result, seconds: float) -> Result:
        scope = self.scope(step, {})
        if result.get("failed") and _truth(scope, step.ignore_errors):
            result["ignored"] = True
        hidden = _truth(scope, step.no_log) or bool(result.get("no_log"))
        event = {"type": "result", "id": step.id, "seconds": round(seconds, 4),
                 **outline(result, hidden, self._program.whole_results)}
        name = self._shown_name(step, scope)
        if name is not None:
            event["name"] = name
        self._runtime.emit(event)
        return result

    def _shown_name(self, step: Step, scope: Scope) -> Optional[str]:
        if not isinstance(step.name, Template):
            return None
        try:
            return str(scope.evaluate(step.name))
        except (ExpressionError, Unknown):
            return step.name.text

    def _items(self, step: Step) -> list[dict[str, Any]]:
        loop = step.loop
        if loop is None:
            return [{}]
        items = self.scope(step, {}).evaluate(loop.items)
        if loop.kind == "dict" and isinstance(items, dict):
            items = [{"key": name, "value": value} for name, value in items.items()]
        if isinstance(items, str) or not hasattr(items, "__iter__") or isinstance(items, dict):
            raise ExpressionError(f"loop needs a list, got {type(items).__name__}")
        items = flat(items) if loop.kind == "items" else list(items)
        return [loop_variables(loop, items, index) for index in range(len(items))]

    def _loop(self, step: Step) -> Result:
        results: list[Result] = []
        loop = step.loop
        assert loop is not None
        try:
            variables = self._items(step)
        except ExpressionError:
            if step.when and not self.wanted(step):
                return {"skipped": True, "changed": False, "skip_reason": "Conditional result was False"}
            raise
        told = time.monotonic()
        for index, extra in enumerate(variables):
            if time.monotonic() - told >= PROGRESS_SECONDS:
                told = time.monotonic()
                self._runtime.emit({"type": "progress", "id": step.id, "item": index + 1, "items": len(variables)})
            result = self._attempts(step, extra, index)
            result[loop.variable] = extra[loop.variable]
            result["ansible_loop_var"] = loop.variable
            results.append(result)
        return combine(results)

    def _attempts(self, step: Step, extra: Mapping[str, Any], index: Optional[int]) -> Result:
        scope = self.scope(step, extra)
        if not all(scope.condition(condition) for condition in step.when):
            return {"skipped": True, "changed": False, "skip_reason": "Conditional result was False"}
        tries = int(scope.evaluate(step.retries)) + 1 if step.until else 1
        result: Result = {}
        for attempt in range(1, max(1, tries) + 1):
            result = self._judge(step, extra, self._once(step, scope, index))
            if not step.until:
                return result
            result["attempts"] = attempt
            done = self._after(step, extra, result)
            if all(done.condition(condition) for condition in step.until):
                return result
            if attempt < tries:
                self._runtime.emit({"type": "retry", "id": step.id, "attempt": attempt, "tries": tries})
                time.sleep(float(scope.evaluate(step.delay)))
        result["failed"] = True
        return result

    def _after(self, step: Step, extra: Mapping[str, Any], result: Result) -> Scope:
        own = {step.register: result} if step.register else {}
        return self.scope(step, {**extra, **own})

    def _judge(self, step: Step, extra: Mapping[str, Any], result: Result) -> Result:
        if result.get("unknown"):
            return result
        if step.changed_when or step.failed_when:
            scope = self._after(step, extra, result)
            if step.changed_when:
                result["changed"] = all(scope.condition(condition) for condition in step.changed_when)
            if step.failed_when:
                failed = all(scope.condition(condition) for condition in step.failed_when)
                result["failed"] = result["failed_when_result"] = failed
        return result

    def _once(self, step: Step, scope: Scope, index: Optional[int]) -> Result:
        try:
            flow = FLOW.get(step.module)
            if flow is not None:
                result = self._tainted(flow(step.arguments or {}, scope, self.state), scope)
                if not result.get("no_log"):
                    self._share(result.get("ansible_facts", {}))
                return result
            call = self._call(step, scope, index)
            if call.delegate_to:
                result = dict(self._runtime.ask("delegate", step=step.id, call=_call_data(call)))
            else:
                result = self._runtime.perform(call)
        except Unknown as reason:
            return {"unknown": True, "changed": False, "msg": str(reason)}
        except ExpressionError as error:
            return expression_failure(error)
        except Refused as refusal:
            return {"failed": True, "changed": False, "msg": str(refusal), "names_only": True}
        facts = result.get("ansible_facts")
        if isinstance(facts, dict):
            self.state.learn_facts({_short(name): value for name, value in facts.items()})
            self._share(self.state.fact_layer())
        return self._tainted(result, scope)

    def _tainted(self, result: Result, scope: Scope) -> Result:
        if scope.used_secrets:
            result["no_log"] = True
        return result

    def _call(self, step: Step, scope: Scope, index: Optional[int]) -> Call:
        arguments: dict[str, Any] = {}
        for layer in (*step.defaults, step.arguments or {}):
            arguments.update(scope.evaluate(layer))
        arguments = {name: value for name, value in arguments.items() if value is not OMIT}
        arguments.update(self._sources.beside(step, arguments, scope.resolve))
        become = step.become if step.become is not None else self._program.become
        user = step.become_user if step.become_user is not None else self._program.become_user
        environment: dict[str, str] = {}
        for part in step.environment:
            environment.update({str(key): str(value) for key, value in (scope.evaluate(part) or {}).items()})
        check = self._program.check if step.check_mode is None else bool(scope.evaluate(step.check_mode))
        return Call(
            step=step.id,
            module=step.module,
            arguments=arguments,
            check=check,
            user=str(scope.evaluate(user)) if _truth(scope, become) else "",
            environment=environment,
            timeout=float(scope.evaluate(step.timeout) or 0),
            notify=tuple(str(name) for name in self._notify_names(step)) if step.notify else (),
            item=index,
            delegate_to=str(scope.evaluate(step.delegate_to)) if step.delegate_to is not None else "",
            shown=_may_be_shown(step, scope),
        )


def _truth(scope: Scope, value: Any) -> bool:
    evaluated = scope.evaluate(value)
    if isinstance(evaluated, str):
        return evaluated.strip().lower() in ("yes", "true", "1", "on")
    return bool(evaluated)


def _may_be_shown(step: Step, scope: Scope) -> bool:
    """Whether people may see what the step says while it runs; in doubt they may not."""
    try:
        return not (scope.used_secrets or _truth(scope, step.no_log))
    except (ExpressionError, Unknown):
        return False


def _short(name: str) -> str:
    return name[len("ansible_"):] if name.startswith("ansible_") else name


def _call_data(call: Call) -> dict[str, Any]:
    return {"module": call.module, "arguments": dict(call.arguments), "check": call.check, "user": call.user,
            "environment": dict(call.environment), "timeout": call.timeout, "item": call.item,
            "delegate_to": call.delegate_to}
