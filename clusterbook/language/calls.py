"""One run of a module as the runtime takes it: evaluated arguments, user, environment."""

from __future__ import annotations

from typing import Any, Optional

from jinja2.utils import missing

from clusterbook.language.environment import ExpressionError, UndefinedName
from clusterbook.language.program import Program, Step
from clusterbook.language.runtime import Call
from clusterbook.language.scope import Scope, Unknown
from clusterbook.language.sources import Sources
from clusterbook.language.times import as_parameters
from clusterbook.language.values import OMIT


def call_of(
    step: Step, scope: Scope, program: Program, sources: Sources, index: Optional[int], notify: tuple[str, ...]
) -> Call:
    """index: of the loop's item; notify: the handlers that a change notifies."""
    arguments: dict[str, Any] = {}
    for layer in (*step.defaults, step.arguments or {}):
        arguments.update(scope.evaluate(layer))
    arguments.update(sources.beside(step, arguments, scope.resolve))
    environment: dict[str, str] = {}
    for part in step.environment:
        environment.update(_environment(step, part, scope))
    return Call(
        step=step.id,
        module=step.module,
        arguments=as_parameters(step.module, arguments),
        check=_told(scope, step.check_mode, program.check),
        user=_user(step, scope, program),
        environment=environment,
        timeout=number(scope, step.timeout),
        notify=notify,
        item=index,
        run_async=number(scope, step.run_async),
        poll=number(scope, step.poll),
        shown=_may_be_shown(step, scope),
        diff=_told(scope, step.diff, program.diff),
        tells_arguments=bool(step.register and step.loop is not None),  # elsewhere Ansible leaves it out
    )


def _user(step: Step, scope: Scope, program: Program) -> str:
    """Whom the step becomes, empty for nobody. Variables (ansible_become, ansible_become_user) beat keywords.

    They are the host's: a step that runs elsewhere does not heed them. Facts and set_fact never set them.
    """
    become = step.become if step.become is not None else program.become
    user = step.become_user if step.become_user is not None else program.become_user
    here = step.delegate_to is None or scope.evaluate(step.delegate_to) is OMIT
    if here:
        become = _set(scope, "ansible_become", become)
    if not truth(scope, become):
        return ""
    return str(scope.evaluate(_set(scope, "ansible_become_user", user) if here else user))


def _set(scope: Scope, name: str, default: Any) -> Any:
    value = scope.value(name)
    return default if value is missing or value is OMIT else value


def _environment(step: Step, part: Any, scope: Scope) -> dict[str, str]:
    """One `environment` of a play, block or task. What names facts is left out while facts are gathered."""
    given: Any
    if step.module == "ansible.builtin.setup" and isinstance(part, dict):
        given = {}
        for name, value in part.items():
            try:
                given[name] = scope.evaluate(value)
            except UndefinedName:
                continue
    else:
        given = scope.evaluate(part)
    given = {} if given is OMIT else given or {}
    return {str(name): str(value) for name, value in given.items() if value is not OMIT}


def _told(scope: Scope, keyword: Any, default: bool) -> bool:
    """A keyword that is true or false; what the run is told where the keyword is omitted."""
    value = scope.evaluate(keyword)
    return default if value is None or value is OMIT else truth(scope, value)


def truth(scope: Scope, value: Any) -> bool:
    """A keyword that is true or false, also as text."""
    evaluated = scope.evaluate(value)
    if isinstance(evaluated, str):
        return evaluated.strip().lower() in ("yes", "true", "1", "on")
    return bool(evaluated)


def number(scope: Scope, value: Any) -> float:
    """A keyword that is a number of seconds, or of hosts."""
    return float(scope.evaluate(value) or 0)


def _may_be_shown(step: Step, scope: Scope) -> bool:
    """Whether people may see what the step says while it runs; in doubt they may not."""
    try:
        return not (scope.used_secrets or truth(scope, step.no_log))
    except (ExpressionError, Unknown):
        return False
