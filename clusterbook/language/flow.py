"""Tasks that the interpreter does itself because they only touch the language: debug, assert, set_fact …"""

from __future__ import annotations

import keyword
import time
from datetime import datetime
from functools import partial
from typing import Any, Callable, Mapping

from jinja2.utils import missing

from clusterbook.language.environment import ExpressionError, UndefinedName
from clusterbook.language.program import Step
from clusterbook.language.results import place_of
from clusterbook.language.scope import Scope
from clusterbook.language.state import HostState, is_connection_variable
from clusterbook.language.values import OMIT, Template, whole
from clusterbook.modules.argument_spec import spec_errors

_EVALUATED = {"ansible.builtin.assert": ("that",), "ansible.builtin.debug": ("var",)}
_VERBOSITY = Template("{{ ansible_verbosity | default(0) }}")
_CONSTANTS = ("true", "false", "none")
Arguments = Mapping[str, Any]
Result = dict[str, Any]
Wait = Callable[[float], None]


def written(step: Step, scope: Scope) -> Arguments:
    """The parameters of a step as they are written, above those of `module_defaults`. Raises ExpressionError."""
    found: dict[str, Any] = {}
    for layer in (*step.defaults, step.arguments or {}):
        found.update(_of_layer(step, layer, scope))
    return found


def _of_layer(step: Step, layer: Any, scope: Scope) -> Arguments:
    """Parameters as they are written, or those of a mapping that an expression gives.

    In the latter every text is data: what would be evaluated (assertions, `debug: var`) is refused.
    """
    if not isinstance(layer, Template):
        return dict(layer)
    found = scope.evaluate(layer)
    if not isinstance(found, Mapping):
        raise ExpressionError(f"the parameters are a {type(found).__name__}, expected a mapping", layer)
    name = next((name for name in _EVALUATED.get(step.module, ()) if name in found), None)
    if name is not None:
        raise ExpressionError(f"'{name}' that comes out of data is not evaluated; write it in the task", layer)
    return found


def _given(arguments: Arguments, scope: Scope, name: str, default: Any) -> Any:
    """The value of a parameter; the default also of one that is omitted."""
    value = scope.evaluate(arguments.get(name, default))
    return default if value is OMIT else value


def debug(arguments: Arguments, scope: Scope, state: HostState) -> Result:
    """Show a message or a variable, where the run is to tell that much."""
    if int(_given(arguments, scope, "verbosity", 0)) > int(scope.evaluate(_VERBOSITY)):
        return {"changed": False, "failed": False, "skipped": True, "skipped_reason": "Verbosity threshold not met."}
    if "var" in arguments and "msg" in arguments:
        return {"failed": True, "changed": False, "msg": "parameters are mutually exclusive: msg|var"}
    if "var" in arguments:
        name = _shown_name(arguments["var"], scope)
        value = _shown(name, scope) if name else ""
        return {"changed": False, name: value, "shown": [name]}
    return {"changed": False, "msg": whole(_given(arguments, scope, "msg", "Hello world!")), "shown": ["msg"]}


def _shown_name(expression: Any, scope: Scope) -> str:
    """The expression as written. One in braces may give the name of a variable, which is looked up and never run."""
    text = expression.text if isinstance(expression, Template) else str(expression)
    if not (isinstance(expression, Template) and "{{" in text):
        return text
    inner = text.strip()[2:-2].strip() if text.count("{{") == 1 and text.strip().endswith("}}") else text
    try:
        named = scope.evaluate(expression)
    except ExpressionError:
        return inner
    return named if isinstance(named, str) and may_be_named(named) else inner


def _shown(name: str, scope: Scope) -> Any:
    """The value of an expression; where there is none, Ansible's words for that instead of a failure."""
    try:
        return whole(scope.evaluate(Template("{{ " + name + " }}")))
    except UndefinedName as error:
        return f"<< error 1 - {error.message} >>"


def check_assertions(arguments: Arguments, scope: Scope, state: HostState) -> Result:
    """Fail with the first assertion that does not hold; where it is written is told when no words of its own are."""
    assertions = arguments.get("that", [])
    for assertion in assertions if isinstance(assertions, (list, tuple)) else [assertions]:
        if not scope.condition(assertion):
            shown = assertion.text if isinstance(assertion, Template) else assertion
            other = _given(arguments, scope, "msg", "Assertion failed")
            message = _given(arguments, scope, "fail_msg", other)
            said = "msg" in arguments or "fail_msg" in arguments
            place = {} if said else place_of(assertion)
            return {"failed": True, "assertion": shown, "evaluated_to": False, "msg": message, **place}
    said, quiet = (_given(arguments, scope, name, default) for name, default in
                   (("success_msg", "All assertions passed"), ("quiet", False)))
    return {"changed": False, "msg": said, "quiet": quiet is True}


def fail(arguments: Arguments, scope: Scope, state: HostState) -> Result:
    """Fail with a message."""
    return {"failed": True, "msg": _given(arguments, scope, "msg", "Failed as requested from task")}


def set_fact(arguments: Arguments, scope: Scope, state: HostState) -> Result:
    """Set variables of this host for the rest of the run."""
    found = {scope.evaluate(name): scope.evaluate(value) for name, value in arguments.items()}
    given = {name: whole(value) for name, value in found.items() if value is not OMIT and name != "cacheable"}
    wrong = [name for name in given if not may_be_named(name)]
    if wrong:
        kind = "" if isinstance(wrong[0], str) else f" of type {type(wrong[0]).__name__!r}"
        return {"failed": True, "changed": False, "msg": f"Invalid variable name {str(wrong[0])!r}{kind}."}
    values = {str(name): value for name, value in given.items()}
    refused = sorted(name for name in values if is_connection_variable(name))
    if refused:
        return {"failed": True, "msg": f"set_fact may not set {', '.join(refused)}: it steers the connection"}
    return {"changed": False, "ansible_facts": values}


def may_be_named(name: Any) -> bool:
    """Whether a variable can have this name."""
    return str(name).isascii() and str(name).isidentifier() and name not in _CONSTANTS and not keyword.iskeyword(name)


def set_stats(arguments: Arguments, scope: Scope, state: HostState) -> Result:
    """Give values to the report of the run."""
    own = {name: _given(arguments, scope, name, default) for name, default in
           (("data", {}), ("per_host", False), ("aggregate", True))}
    if not isinstance(own["data"], dict):
        return {"failed": True, "changed": False, "msg": "The 'data' option needs to be a dictionary/hash"}
    wrong = [str(name) for name in own["data"] if not may_be_named(name)]
    if wrong:
        return {"failed": True, "changed": False, "msg": f"Invalid variable name {wrong[0]!r}."}
    return {"changed": False, "ansible_stats": own}


def validate_argument_spec(arguments: Arguments, scope: Scope, state: HostState) -> Result:
    """Compare variables that a specification names, and values that are given with it, with what it says of them."""
    spec, given, context = (
        scope.evaluate(arguments.get(name) or {})
        for name in ("argument_spec", "provided_arguments", "validate_args_context")
    )
    for name, value in (("argument_spec", spec), ("provided_arguments", given)):
        if not isinstance(value, dict):
            return {"failed": True, "changed": False,
                    "msg": f"Incorrect type for {name}, expected dict and got {type(value)}"}
    values = {**{name: scope.value(name) for name in map(str, spec)}, **given}
    known = {name: value for name, value in values.items() if value is not missing and value is not OMIT}
    errors = spec_errors(spec, known)
    result = {"changed": False, "validate_args_context": context}
    if not errors:
        return {**result, "msg": "The arg spec validation passed"}
    message = "Validation of arguments failed:\n" + "\n".join(errors)
    return {**result, "failed": True, "msg": message, "argument_errors": errors, "argument_spec_data": spec}


def pause(wait: Wait, arguments: Arguments, scope: Scope, state: HostState) -> Result:
    """Wait; prompts are not possible on a host."""
    seconds = float(_given(arguments, scope, "seconds", 0)) + 60 * float(_given(arguments, scope, "minutes", 0))
    started, start = time.monotonic(), str(datetime.now())
    wait(max(0.0, seconds))
    passed = time.monotonic() - started
    shown, unit = (passed / 60, "minutes") if "minutes" in arguments else (passed, "seconds")
    return {"changed": False, "rc": 0, "start": start, "stop": str(datetime.now()), "delta": int(passed), "echo": True,
            "user_input": "", "stderr": "", "stdout": f"Paused for {round(shown, 2)} {unit}"}


Task = Callable[[Arguments, Scope, HostState], Result]
FLOW: Mapping[str, Task] = {
    "ansible.builtin.debug": debug,
    "ansible.builtin.assert": check_assertions,
    "ansible.builtin.fail": fail,
    "ansible.builtin.set_fact": set_fact,
    "ansible.builtin.set_stats": set_stats,
    "ansible.builtin.validate_argument_spec": validate_argument_spec,
}


def flow(wait: Wait) -> dict[str, Task]:
    """All such tasks by the names of their modules. wait: seconds, unless the run is stopped."""
    return {**FLOW, "ansible.builtin.pause": partial(pause, wait)}



# What `meta` does for every host of the batch once the first one's conditions hold.
META_FOR_ALL = ("end_play", "end_batch", "clear_facts", "clear_host_errors", "refresh_inventory")


def meta_action(step: Step) -> str:
    """What a `meta` step does."""
    arguments = step.arguments
    return str(arguments.get("free_form") if isinstance(arguments, Mapping) else arguments)


# What the start of a step says when the interpreter itself then waits: that it be sent before.
PAUSES: Mapping[str, Result] = {
    f"ansible.builtin.{name}": {"waits": True} for name in ("pause", "wait_for_connection")
}
