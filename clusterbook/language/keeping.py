"""What a step's result means for its host: registered, shared, reported, notified."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from clusterbook.language.calls import truth
from clusterbook.language.elsewhere import Errands
from clusterbook.language.environment import ExpressionError
from clusterbook.language.flow import flow, meta_action
from clusterbook.language.handlers import Handlers
from clusterbook.language.including import Including
from clusterbook.language.program import EVERY_NAME, HostPart, Program, Step
from clusterbook.language.results import DELEGATED, outline, registered
from clusterbook.language.runtime import HostEnded, Runtime, StepFailed
from clusterbook.language.scope import Scope, Unknown
from clusterbook.language.sources import Sources
from clusterbook.language.state import HostState, layers_for
from clusterbook.language.values import Template, UnknownValue, decode, encode
from clusterbook.modules.invocation import shown_arguments

Result = dict[str, Any]
Key = tuple[int, ...]
# Behind everything in a step.
AFTER = 1 << 30
SET_FACT = "ansible.builtin.set_fact"
WOULD_HAVE_RUN = "Command would have run if not in check mode"


class StepKeeper:
    """One play on one host: what its steps see and what they leave behind."""

    def __init__(self, program: Program, host: HostPart, state: HostState, runtime: Runtime) -> None:
        """See Interpreter."""
        self.state = state
        self.including = Including(program, host, runtime)
        self._runtime = runtime
        self._sources = Sources(program, host, runtime)
        self._sources.own_host.learnt = self._learnt
        self._flow = flow(runtime.pause)
        self._expressions = self._sources.expressions()
        self._failure: dict[str, Any] = {}
        # Roles of which a step was not left out.
        self.ran: set[int] = set()
        self._errands = Errands(runtime)
        # Step that ran last -> its evaluated parameters.
        self.given: dict[int, Mapping[str, Any]] = {}
        self.handlers = Handlers(self.including, self.scope)

    @property
    def program(self) -> Program:
        """The play as it is known by now."""
        return self.including.program

    def set_failure(self, failure: StepFailed) -> None:
        """Give a rescue, and what comes after it, `ansible_failed_task` and `ansible_failed_result`."""
        step, result = failure.step, failure.result
        action = step.action or step.module
        name = self.shown_name(step, self.scope(step, {})) or str(step.name)
        task = {
            "name": "" if name == action else name, "action": action, "resolved_action": step.module,
            "args": {} if result.get("no_log") else shown_arguments(step.module, self.given.get(step.id, {})),
            "tags": list(step.tags), "register": step.register or None, "delegate_to": result.get(DELEGATED) or None,
        }  # fmt: skip
        self._failure = {"ansible_failed_task": task, "ansible_failed_result": registered(result)}

    def scope(self, step: Step, extra: Mapping[str, Any], state: Optional[HostState] = None) -> Scope:
        """What the step sees. state: instead of all that the host has learnt."""
        self._sources.begin(step)
        own = {**self._sources.magic(), **self._failure}
        more = (own, self._sources.company, extra)
        layers = layers_for(step, self.program, self.including.host, state or self.state, more)
        scope = Scope(layers, self._expressions, self._sources.secret)
        self._sources.variable_names, self._sources.own_host.evaluate = scope.names, scope.evaluate
        return scope

    def _learnt(self) -> dict[str, Any]:
        return {**self.state.fact_layer(), **self.state.included, **self.state.registered}

    def meet(self, step: Step, key: Key, run_once: bool) -> Optional[Mapping[str, Any]]:
        """Wait where hosts meet; what was decided there for this one, None when it goes on."""
        verdict = self._runtime.ask("gate", key=list(key), step=step.id, run_once=run_once)
        if verdict is None or "given" not in verdict:
            return verdict
        self.state.accept(decode(verdict["given"]))
        return {name: value for name, value in verdict.items() if name != "given"} or None

    def fails_all(self, failure: StepFailed, key: Key) -> None:
        """Of hosts that go step by step all fail with one whose failure is fatal; each goes through its own rescue."""
        if self.program.lockstep and not failure.told and self.is_fatal(failure.step):
            self._runtime.ask("fails_all", step=failure.step.id, key=[*key, failure.step.id])
        failure.told = True

    def fail_with_others(self, step: Step, key: Key) -> None:
        """Wait for the others after a step whose failure is everybody's. Raises StepFailed when it failed on one."""
        if not self.program.lockstep or not step.any_errors_fatal:
            return
        verdict = self.meet(step, (*key, step.id, AFTER), run_once=False)
        if verdict is not None:
            self.heed(step, verdict)

    def is_fatal(self, step: Step) -> bool:
        """Whether a failure of this step ends the play for every host."""
        try:
            return truth(self.scope(step, {}), step.any_errors_fatal)
        except (ExpressionError, Unknown):
            return True

    def wanted(self, step: Step) -> bool:
        """Whether all of the step's conditions hold."""
        scope = self.scope(step, {})
        return all(scope.condition(condition) for condition in step.when)

    def heed(self, step: Step, verdict: Mapping[str, Any]) -> None:
        """What was decided where hosts meet: the play stops here, or has failed for all (any_errors_fatal)."""
        if "abort" in verdict:
            raise HostEnded()
        if "failed" in verdict:
            raise StepFailed(step, {"failed": True, "changed": False, "msg": str(verdict["failed"])}, shared=True)

    def take_over(self, step: Step, verdict: Mapping[str, Any]) -> list[str]:
        """Another host ran this run_once step: its result is ours too. See heed."""
        self.heed(step, verdict)
        result = dict(verdict["result"])
        if result.get("passed_over"):  # a person said so, see execute/asking.py
            return []
        self.register(step, result)
        if step.delegate_to is not None and truth(self.scope(step, {}), step.delegate_facts):
            pass  # they are another host's
        elif step.module == SET_FACT:
            self.state.registered.update(result.get("ansible_facts", {}))
        else:
            self.learn(result)
        if result.get("failed") and not result.get("ignored"):
            raise StepFailed(step, result)
        return []

    def notified_by(self, step: Step, result: Result) -> list[str]:
        """The handlers that this result notifies."""
        changed = bool(result.get("changed")) or (result.get("unknown") is True and "foreseen" not in result)
        return self.notify_names(step) if changed else []

    def notify_names(self, step: Step) -> list[str]:
        """The names in the step's notify, evaluated."""
        scope = self.scope(step, {})
        names: list[str] = []
        for name in step.notify:
            value = scope.evaluate(name)
            names.extend(map(str, value if isinstance(value, list) else [value]))
        return names

    def register(self, step: Step, result: Result) -> None:
        """Keep the result under the name that the step gives it."""
        if step.register:
            known = registered(result)
            unknown = result.get("unknown") is True and not result.get("failed")
            self.state.registered[step.register] = UnknownValue(self._until(step, result)) if unknown else known
            if not result.get("no_log"):
                self.share({step.register: self.state.registered[step.register]})

    def share(self, values: Mapping[str, Any]) -> None:
        """Report what plays read of other hosts."""
        for name, value in values.items():
            if name in self.program.shared or EVERY_NAME in self.program.shared:
                self._runtime.emit({"type": "learnt", "name": name, "value": encode(value)})

    def learn(self, result: Result) -> None:
        """Keep the facts that a module found."""
        facts = result.get("ansible_facts")
        if isinstance(facts, dict):
            self.state.learn_facts(facts)
            self.share(self.state.fact_layer())

    def conclude(self, step: Step, result: Result, seconds: float, times: int = 1) -> Result:
        """Report the result; an ignored failure becomes one."""
        scope = self.scope(step, {})
        keyword = step.ignore_unreachable if result.get("unreachable") else step.ignore_errors
        if (result.get("failed") or result.get("unreachable")) and truth(scope, keyword):
            result["ignored"] = True
        hidden = truth(scope, step.no_log) or bool(result.get("no_log"))
        kind = "unreachable" if result.get("unreachable") and not result.get("ignored") else "result"
        event = {"type": kind, "id": step.id, "seconds": round(seconds, 4),
                 **outline(result, hidden, self.program.whole_results)}
        if result.get("ignored") and result.get("changed"):
            event["changed"] = True
        if times > 1:
            event["times"] = times
        name = self.shown_name(step, scope)
        if name is not None:
            event["name"] = name
        self._runtime.emit(event)
        if step.role is not None and not (result.get("skipped") or result.get("unreachable")):
            self.ran.add(step.role)
        return result

    def tell_meta(self, step: Step, met: bool) -> None:
        """For a screen of whole results: that a `meta` step was met; as in Ansible not of each that it was left out."""
        if self.program.whole_results:
            skipped = not met and meta_action(step) not in ("noop", "refresh_inventory", "reset_connection")
            self._runtime.emit({"type": "meta", "id": step.id, "skipped": skipped})

    def shown_name(self, step: Step, scope: Scope) -> Optional[str]:
        """A step's name with its expressions evaluated, None when it has none."""
        if not isinstance(step.name, Template):
            return None
        try:
            return str(scope.evaluate(step.name))
        except (ExpressionError, Unknown):
            return step.name.text

    def as_foretold(self, result: Result) -> Result:
        """What a command says that check mode did not run: to us that nobody knows, to Ansible that it was left out."""
        if self.program.whole_results and result.get("unknown") and "rc" in result:
            told = {name: value for name, value in result.items() if name != "unknown"}
            return {**told, "changed": not result.get("skipped"), "msg": WOULD_HAVE_RUN}
        return result

    def tainted(self, result: Result, scope: Scope) -> Result:
        """A step that used a secret shows no values."""
        if scope.used_secrets or self._sources.tells_secrets:
            result["no_log"] = True
        return result

    def _until(self, step: Step, result: Result) -> str:
        """Why a step's result is not known: an earlier step's reason, or that the step itself has to run first."""
        if "rc" not in result and "results" not in result:
            return str(result.get("msg", ""))
        return f'not known before "{self.shown_name(step, self.scope(step, {})) or step.name}" has run'
