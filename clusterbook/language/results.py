"""What the result of a step means: for events, for loops, for failures."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional, Sequence

from clusterbook.language.environment import ExpressionError, RefusedName, UndefinedName
from clusterbook.language.program import Step
from clusterbook.language.scope import Scope
from clusterbook.language.values import Template

Result = dict[str, Any]
# What on the host a module's result is about, of these the first that it has.
_ABOUT = ("dest", "path", "name")
# Failed results have an `exception`, by which playbooks tell failures.
NO_TRACEBACK = "(traceback unavailable)"
# What events say themselves: a variable with such a name is shown in the message.
_OF_EVENTS = ("host", "time", "step", "at", "role", "module", "handler", "kind", "type", "id", "name", "seconds",
              "status", "times", "hidden", "ignored", "items", "place", "changes", "about", "attempts", "next_step",
              "quiet", "delegated_to")  # fmt: skip
# What a run of a loop knew of its item; any name may be among it, also one by which the engine tells of a result.
OF_ITEM = "of_item"
# The parameter whose value made a module fail.
OF_PARAMETER = "of_parameter"
# Whom a delegated step ran on.
DELEGATED = "_ansible_delegated_to"
_UNREGISTERED = ("ignored", "changes", "shown", "no_log", "quiet", "explained", "foreseen", "names_only", "in_vain",
                 "place", "_ansible_item_label", DELEGATED, OF_ITEM, OF_PARAMETER)  # fmt: skip


def outline(result: Mapping[str, Any], hidden: bool, whole: bool = False) -> dict[str, Any]:
    """What of a result goes into an event: its status, and for people the message, output and changes.

    whole: all that a step registers goes along under `result`.
    """
    status = _status(result)
    shown = result.get("shown", ())
    # A variable that `debug` shows may have any name, also of what the engine says of a step.
    own = {name: value for name, value in result.items() if name == "msg" or name not in shown}
    event: dict[str, Any] = {"status": status}
    if own.get("ignored") and status != "skipped":
        event["ignored"] = True
        if result.get("changed"):
            event["changed"] = True
    if result.get(DELEGATED):
        event["delegated_to"] = str(result[DELEGATED])
    if hidden:
        event["hidden"] = True
        if status == "failed":
            event["msg"] = "the details are hidden: the step holds a secret (no_log)"
            if result.get("names_only"):
                event["msg"] = result["msg"]
        return event
    if whole:
        event["result"] = registered(result)
    if own.get("quiet"):
        event["quiet"] = True
    for name in ("msg", "next_step", "place", "changes", "attempts"):
        if own.get(name):
            event[name] = own[name]
    if status == "failed" and own.get("explained"):
        event["msg"] = own["explained"]
    if status == "changed":
        known = [result[name] for name in _ABOUT if isinstance(result.get(name), str)]
        event.update({"about": known[0]} if known else {})
    if result.get("unknown") and status in ("changed", "unknown") and "cmd" in result:
        event["would_run"] = result["cmd"]
    if status == "failed" or "shown" in result:
        names = ("rc", "stdout", "stderr", "cmd", *shown)
        event.update({name: result[name] for name in names if name in result and name not in (*event, *_OF_EVENTS)})
        taken = [f"{name}: {result[name]}" for name in shown if name in _OF_EVENTS]
        event.update({"msg": taken[0]} if taken and "msg" not in event else {})
    if "results" in own:
        event["items"] = [outline(item, False) | named(item) for item in own["results"]]
    return event


def _status(result: Mapping[str, Any]) -> str:
    """The word for a result; what is certain of a command that check mode left out comes before that it is unknown."""
    if result.get("unreachable"):
        return "failed"
    found = next((name for name in ("failed", "unknown", "skipped", "changed") if result.get(name)), "ok")
    return str(result.get("foreseen", found)) if found == "unknown" else found


def unmet_condition(scope: Scope, conditions: Iterable[Any]) -> Optional[Result]:
    """The result of a step whose conditions do not all hold, None when they do."""
    for condition in conditions:
        if not scope.condition(condition):
            shown = getattr(condition, "text", condition)
            reason = "Conditional result was False"
            return {"changed": False, "skipped": True, "skip_reason": reason, "false_condition": shown}
    return None


def no_items() -> Result:
    """The result of a loop over nothing."""
    return {"changed": False, "skipped": True, "skipped_reason": "No items in the list", "results": []}


def registered(result: Mapping[str, Any]) -> Result:
    """A result as `register` keeps it: without what is for reports and for the engine."""
    shown = result.get("shown", ())
    left_out = set(_UNREGISTERED).difference(shown) | {"shown"}
    kept = {key: value for key, value in result.items() if key not in left_out}
    kept.update(result.get(OF_ITEM, {}) if OF_ITEM not in shown else {})
    if result.get("in_vain"):
        kept.update(failed=True, exception=NO_TRACEBACK)
    if "results" in kept and "results" not in shown:
        kept["results"] = [registered(item) if isinstance(item, dict) else item for item in kept["results"]]
    return kept


def told_plainly(result: Result) -> Result:
    """The result of what ran: it always says whether it failed and changed, as playbooks ask `x.failed` of anything."""
    return result if result.get("skipped") or result.get("unknown") else {"changed": False, "failed": False, **result}


def foreseen(result: Result, changed_when: Sequence[Any]) -> Result:
    """Of a command that check mode left out: what it will say is not known, whether it is a change often is.

    Without changed_when it is one, as every command is that runs; where that is plain `false` it is none.
    """
    if not result.get("unknown") or "rc" not in result:
        return result
    if False in changed_when:
        return {**result, "changed": False, "foreseen": "skipped"}
    if all(one is True for one in changed_when):
        return {**result, "changed": True, "foreseen": "changed"}
    return result


def label(item: Mapping[str, Any]) -> Any:
    """The item that a result belongs to."""
    own = item.get(OF_ITEM, item)
    return own.get(own.get("ansible_loop_var", "item"))


def named(item: Mapping[str, Any]) -> Result:
    """What of an item a line shows: itself, and its label where it has one."""
    own = {"label": item["_ansible_item_label"]} if "_ansible_item_label" in item else {}
    return {"item": label(item), **own}


def combine(results: list[Result]) -> Result:
    """The result of a loop from those of its items."""
    combined: Result = {"results": results, "changed": any(item.get("changed") for item in results)}
    combined["msg"] = "All items completed"
    if any(item.get("failed") for item in results):
        combined["failed"] = True
        combined["msg"] = "One or more items failed"
    elif any(item.get("unknown") for item in results):
        combined["unknown"] = True
        if all("foreseen" in item for item in results if item.get("unknown")):
            combined["foreseen"] = "changed" if combined["changed"] else "skipped"
    if any(item.get("in_vain") for item in results) and "failed" not in combined:
        combined.update(in_vain=True, msg="One or more items failed")
    if any(item.get("unreachable") for item in results):
        combined.update(unreachable=True, msg=next(item["msg"] for item in results if item.get("unreachable")))
    combined["skipped"] = all(item.get("skipped") for item in results)
    if combined["skipped"]:
        combined["msg"] = "All items skipped"
    if any(item.get("no_log") for item in results):
        combined["no_log"] = True
    return combined


def expression_failure(error: ExpressionError) -> Result:
    """A step whose expression could not be evaluated."""
    result: Result = {"failed": True, "changed": False, "msg": error.message, "exception": NO_TRACEBACK}
    if isinstance(error, (RefusedName, UndefinedName)):
        result["names_only"] = True  # says which name, never a value
    return {**result, **place_of(error.template)}


def place_of(value: Any) -> Result:
    """What a result tells of where a person wrote an expression or a condition; nothing of other values."""
    known = isinstance(value, Template) and value.file
    return {"place": [value.file, value.line, value.column]} if known else {}


def at_parameter(step: Step, result: Result) -> Result:
    """A module's result: what one parameter's value did is told where the expression for that value is written."""
    given = step.arguments.get(result.pop(OF_PARAMETER, "")) if isinstance(step.arguments, Mapping) else None
    return {**result, **place_of(given)}


def without_changes(result: Result) -> Result:
    """A result for another host: without what only reports show."""
    return {key: value for key, value in result.items() if key != "changes"}


def failed_again(result: Result, tries: int) -> Result:
    """The result of the last of several tries.

    With failed_when that decides whether the step failed, but what it registers has failed all the same (in_vain).
    """
    result["attempts"] = max(1, tries - 1)  # Ansible counts the repetitions, not the first try
    if "failed_when_result" not in result:
        result["failed"] = True
        result.setdefault("exception", NO_TRACEBACK)
    elif not result["failed_when_result"]:
        result["in_vain"] = True
    return result
