"""Tries of one step: how often it runs, and what changed_when, failed_when and until make of its result."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from clusterbook.language.elsewhere import target_of
from clusterbook.language.environment import ExpressionError
from clusterbook.language.keeping import Result, StepKeeper
from clusterbook.language.program import Step
from clusterbook.language.results import (
    DELEGATED,
    NO_TRACEBACK,
    expression_failure,
    failed_again,
    foreseen,
    told_plainly,
    unmet_condition,
)
from clusterbook.language.scope import Scope


class StepTrier(StepKeeper):
    """Runs a step once or until it is as it should be."""

    def once(self, step: Step, scope: Scope, extra: Mapping[str, Any], index: Optional[int]) -> Result:
        """Run the step's module one time."""
        raise NotImplementedError

    def attempts(self, step: Step, extra: Mapping[str, Any], index: Optional[int]) -> Result:
        """The result for one item, after as many tries as the step wants."""
        scope = self.scope(step, extra)
        unmet = unmet_condition(scope, step.when)
        if unmet is not None:
            return unmet
        repeated = bool(step.until) or step.retries is not None
        tries = int(scope.evaluate(3 if step.retries is None else step.retries)) + 1 if repeated else 1
        result: Result = {}
        for attempt in range(1, max(1, tries) + 1):
            result = self.once(step, scope, extra, index)
            if step.delegate_to is not None and DELEGATED not in result:
                result[DELEGATED] = target_of(step, scope)
            if repeated:
                result["attempts"] = attempt
            result = self._judge(step, extra, told_plainly(result))
            if not repeated or _is_final(result) or self._is_enough(step, extra, result):
                return result
            if attempt < tries:
                about = {"delegated_to": result[DELEGATED]} if result.get(DELEGATED) else {}
                self._runtime.emit({"type": "retry", "id": step.id, "attempt": attempt, "tries": tries, **about})
                self._runtime.pause(float(scope.evaluate(step.delay)))
        return failed_again(result, tries)

    def _is_enough(self, step: Step, extra: Mapping[str, Any], result: Result) -> bool:
        """Whether a step that is tried again may end: by `until`, or without one when it did not fail."""
        if not step.until:
            return not result.get("failed")
        done = self.after(step, extra, result)
        return all(done.condition(condition) for condition in step.until)

    def after(self, step: Step, extra: Mapping[str, Any], result: Result) -> Scope:
        """What conditions on the result see."""
        own = {step.register: result} if step.register else {}
        return self.scope(step, {**extra, **own})

    def _judge(self, step: Step, extra: Mapping[str, Any], result: Result) -> Result:
        if any(result.get(name) for name in ("unknown", "unreachable", "skipped")):
            return foreseen(result, step.changed_when)
        if result.get("failed"):
            result.setdefault("exception", NO_TRACEBACK)
        if not step.changed_when and not step.failed_when:
            return result
        scope, about = self.after(step, extra, result), "changed_when_result"
        try:
            if step.changed_when:
                result["changed"] = all(scope.condition(condition) for condition in step.changed_when)
            if step.failed_when:
                about = "failed_when_result"
                failed = all(scope.condition(condition) for condition in step.failed_when)
                result["failed"] = result["failed_when_result"] = failed
                why = result.pop("exception", None)
                if failed:
                    result["exception"] = why or NO_TRACEBACK
                elif why:
                    result["failed_when_suppressed_exception"] = why
        except ExpressionError as error:
            changed = result.get("changed", False)
            result.update(expression_failure(error), changed=changed)
            result[about] = error.message
        return result


def _is_final(result: Result) -> bool:
    """Whether another try would say the same: the host is gone, check mode cannot know, or leaves the step out.

    Of a command that check mode left out `until` is asked, as in Ansible: it has a result, with rc 0.
    """
    left_out = result.get("skipped") and "rc" not in result
    return bool(result.get("unreachable") or result.get("unknown") or left_out)
