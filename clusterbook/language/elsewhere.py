"""Steps that another agent runs (`delegate_to`, another `connection`): the local machine evaluates them.

The host says which step, which item of its loop, and what it alone knows of the names that the local machine asks for.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from clusterbook.language.program import Step
from clusterbook.language.runtime import Runtime
from clusterbook.language.scope import Scope
from clusterbook.language.state import HostState
from clusterbook.language.values import OMIT, decode, encode, holds_template


def elsewhere(step: Step) -> bool:
    """Whether the step runs on another agent than the host's own: another host, or another way to the same one."""
    return step.delegate_to is not None or bool(step.connection)


def target_of(step: Step, scope: Scope) -> str:
    """The host that a delegated step names; empty for the host itself: nothing is delegated, or that is omitted."""
    target = None if step.delegate_to is None else scope.evaluate(step.delegate_to)
    return "" if target is None or target is OMIT else str(target)


def known_here(step: Step, state: HostState, more: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What only this host knows: facts, results, variables of included items. more: what goes over all of it."""
    known = {**state.fact_layer(), **state.included, **state.registered}
    for layer in (*step.parameters, *more):
        known.update(layer)
    return known


class Errands:
    """Asks the local machine to run steps elsewhere."""

    def __init__(self, runtime: Runtime) -> None:
        """runtime: the connection to the local machine."""
        self._runtime = runtime
        # Step -> the names that the local machine must be told to evaluate it.
        self._needs: dict[int, list[str]] = {}

    def run(
        self, step: Step, index: Optional[int], known: Mapping[str, Any], notify: Sequence[str]
    ) -> dict[str, Any]:
        """The result of one step for one item."""
        question = {"step": step.id, "item": index, "values": self._told(step, known)}
        answer = self._runtime.delegate(question, notify)
        if "needs" in answer:
            self._needs[step.id] = [str(name) for name in answer["needs"]]
            answer = self._runtime.delegate({**question, "values": self._told(step, known)}, notify)
        return dict(decode(answer))

    def _told(self, step: Step, known: Mapping[str, Any]) -> Optional[dict[str, Any]]:
        names = self._needs.get(step.id)
        if names is None:
            return None
        wanted = known if "*" in names else {name: known[name] for name in names if name in known}
        return {name: encode(value) for name, value in wanted.items() if not holds_template(value)}
