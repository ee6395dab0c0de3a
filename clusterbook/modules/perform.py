"""Observe, compare, change, observe again: the one way in which every module runs."""

from __future__ import annotations

import errno
from types import ModuleType
from typing import Any, Dict, List, Mapping

from clusterbook.modules import registry
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Outcome, State, Unknown
from clusterbook.modules.differences import with_difference
from clusterbook.modules.invocation import complete_arguments
from clusterbook.modules.parameters import coerce
from clusterbook.modules.system import System
from clusterbook.records import replace

LEFT_OUT = Outcome(skipped=True, message="this module does not run in check mode")


def perform(name: str, arguments: Mapping[str, Any], system: System, check: bool) -> Outcome:
    """Run a module. Failures are outcomes, not exceptions; whatever else is raised is a bug of the module.

    In check mode with a PredictedSystem the step's effect is put into the prediction, so that later steps see it.
    An answer "unchanged" that rests on something an earlier step may still change is reported as unknown.
    """
    system.doubts.clear()
    try:
        outcome = run(name, arguments, system, check)
    except Unknown as unknown:
        outcome = Outcome(unknown=True, message=unknown.reason)
    except ModuleFailed as failure:
        changed = bool(failure.values.get("changed"))
        outcome = Outcome(
            changed, failure.values, failed=True, message=failure.message, next_step=failure.next_step,
            parameter=failure.parameter,
        )  # fmt: skip
    except OSError as error:
        outcome = Outcome(failed=True, message=operating_system_words(error), next_step=operating_system_step(error))
    if system.predicting and system.doubts and not outcome.changed and not outcome.unknown:
        outcome = Outcome(unknown=True, message=system.doubts[0])
    outcome = complete(outcome)
    if system.tells_arguments:
        told = {"module_args": complete_arguments(name, arguments)}
        outcome = replace(outcome, values={**outcome.values, "invocation": told})
    return outcome


def run(name: str, arguments: Mapping[str, Any], system: System, check: bool) -> Outcome:
    """Find the module, bring its arguments into their types and let it work."""
    canonical = registry.canonical(name)
    if canonical is None:
        raise ModuleFailed(f"no module is called {name!r}")
    module = registry.load(canonical)
    ready = coerce(registry.specification(canonical), arguments)
    if module.KIND == "state":
        return converge(module, ready, system, check)
    if check and module.KIND == "action":
        outcome: Outcome = module.check(ready, system) if hasattr(module, "check") else LEFT_OUT
        system.left_out = system.left_out or outcome.unknown or outcome.skipped
        return outcome
    if module.KIND == "action":
        system.before_change()
    result: Outcome = module.run(ready, system)
    return result


def converge(module: ModuleType, arguments: Arguments, system: System, check: bool) -> Outcome:
    """The life of a state module. prepare, where a module has it, is what must run each time before observing."""
    if hasattr(module, "prepare") and not check and not system.predicting:
        module.prepare(arguments, system)
    if (module.NAME, subject(module, arguments)) in system.unforeseen:
        raise Unknown(f"an earlier step of module {module.NAME} has not been applied")
    before = observed(module, arguments, system)
    changes: List[Change] = module.diff(arguments, before)
    if not changes or (check and not system.predicting):
        return Outcome(bool(changes), told(module, arguments, system, before, before, changes), tuple(changes))
    if system.predicting:
        return predict(module, arguments, system, before, changes)
    system.before_change()
    module.apply(arguments, before, system)
    after = module.observe(arguments, system)
    settled = getattr(module, "settled", None)
    left: List[Change] = settled(arguments, before, after) if settled else module.diff(arguments, after)
    values = told(module, arguments, system, before, after, changes)
    if left:
        words = ", ".join(f"{item.what} is {short(item.before)}, wanted {short(item.after)}" for item in left)
        why = module.why_left(arguments, after, system) if hasattr(module, "why_left") else ""
        step = "See what else on the host changes it back."
        raise ModuleFailed(f"the change did not hold: {words}{why}", values, "" if why else step)
    return Outcome(True, values, tuple(changes))


def observed(module: ModuleType, arguments: Arguments, system: System) -> State:
    """What is. Where that is unknown, so is what the step leaves, and later steps about the same SUBJECT."""
    try:
        found: State = module.observe(arguments, system)
    except Unknown:
        if hasattr(module, "SUBJECT"):
            system.unforeseen.add((module.NAME, subject(module, arguments)))
        raise
    return found


def predict(
    module: ModuleType, arguments: Arguments, system: System, before: Dict[str, Any], changes: List[Change]
) -> Outcome:
    """Apply to the prediction. That something changes is certain; what it leads to may not be known."""
    after = before
    try:
        module.apply(arguments, before, system)
        after = module.observe(arguments, system)
    except Unknown:
        system.unforeseen.add((module.NAME, subject(module, arguments)))
    return Outcome(True, told(module, arguments, system, before, after, changes), tuple(changes))


def told(
    module: ModuleType, arguments: Arguments, system: System, before: State, after: State, changes: List[Change]
) -> Dict[str, Any]:
    """The module's return keys, and what differed where the step wants it."""
    values: Dict[str, Any] = module.returns(arguments, before, after)
    return with_difference(module, values, before, changes) if system.tells_difference else values


def subject(module: ModuleType, arguments: Arguments) -> str:
    """What on the host a step is about, by the parameter that the module calls its SUBJECT."""
    name = getattr(module, "SUBJECT", "")
    return str(arguments[name]) if name else ""


def complete(outcome: Outcome) -> Outcome:
    """Add the return keys that every module has."""
    values: Dict[str, Any] = {"changed": outcome.changed, "failed": outcome.failed, **outcome.values}
    if outcome.message and "msg" not in values:
        values["msg"] = outcome.message
    if outcome.skipped:
        values["skipped"] = True
    return replace(outcome, values=values)


def short(value: Any) -> str:
    """A value for a message, cut to a line's length."""
    text = "absent" if value is None else str(value)
    return repr(text[:60] + "…") if len(text) > 60 else text


def operating_system_step(error: OSError) -> str:
    """What to do about an error whose cause is the host itself; empty when it says nothing about that."""
    place = error.filename or "it"
    known = {
        errno.ENOSPC: f"Make room on the file system that holds {place} (see df -h and df -i on the host).",
        errno.EDQUOT: f"Make room within the quota of the file system that holds {place}.",
        errno.EROFS: f"The file system that holds {place} is read-only: mount it for writing, or choose another path.",
    }
    return known.get(error.errno or 0, "")


def operating_system_words(error: OSError) -> str:
    """An error of the operating system with the path it is about."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
