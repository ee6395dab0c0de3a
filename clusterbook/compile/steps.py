"""One task with everything that it inherits -> Step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.compile.context import CONNECTION_KEYWORDS, Context, as_list, conditions
from clusterbook.compile.loops import loop_of
from clusterbook.compile.names import arguments_of
from clusterbook.language.program import Step
from clusterbook.language.values import Template
from clusterbook.model import Task


def make_step(task: Task, inner: Context, number: int) -> Step:
    """inner: the context with the task's own keywords in it."""
    own, near = task.keywords, inner.keywords
    (arguments, defaults), action = _parameters(task, inner), action_of(task)
    return Step(
        id=number,
        name=task.name or action,
        module=task.module,
        action="" if action == task.module else action,
        tags=inner.tags,
        arguments=arguments,
        place=(task.position.file, task.position.line, task.position.column),
        role=inner.role,
        layers=inner.layers,
        parameters=inner.parameters,
        when=inner.when,
        loop=loop_of(task),
        register=str(own.get("register") or ""),
        until=conditions(own, "until"),
        retries=own.get("retries"),
        delay=own.get("delay", 5),
        changed_when=conditions(own, "changed_when"),
        failed_when=conditions(own, "failed_when"),
        ignore_errors=near.get("ignore_errors", False),
        any_errors_fatal=near.get("any_errors_fatal", False),
        notify=inner.notify,
        listen=as_list(own.get("listen")),
        become=near.get("become"), become_user=near.get("become_user"), delegate_to=near.get("delegate_to"),
        check_mode=near.get("check_mode"), diff=near.get("diff"),
        environment=inner.environment,
        no_log=near.get("no_log", False),
        delegate_facts=near.get("delegate_facts", False),
        run_once=True if task.module == "ansible.builtin.add_host" else near.get("run_once", False),
        connection=_way(near, own.get("vars")),
        timeout=near.get("timeout", 0),
        throttle=near.get("throttle", 0),
        ignore_unreachable=near.get("ignore_unreachable", False),
        run_async=own.get("async", 0),
        poll=own.get("poll", 10),
        defaults=defaults,
    )


def _parameters(task: Task, inner: Context) -> tuple[Any, tuple[Any, ...]]:
    """What a task writes above its `module_defaults`, and of these what is left to merge when the step runs.

    Only what an expression gives is not known before.
    """
    defaults, given = inner.defaults.get(task.module, ()), task.arguments
    if task.module == "ansible.builtin.assert" and isinstance(given, Mapping) and "that" in given:
        given = {**given, "that": conditions(given, "that")}
    if not defaults or not all(isinstance(part, Mapping) for part in (*defaults, given or {})):
        return given, defaults
    return {name: value for part in (*defaults, given or {}) for name, value in part.items()}, ()


def _way(near: Mapping[str, Any], variables: Any) -> tuple[tuple[str, Any], ...]:
    """Another way to the host than the play's: by keywords, or by variables of the task itself, which win."""
    given = {CONNECTION_KEYWORDS[word]: near[word] for word in CONNECTION_KEYWORDS if word in near}
    if isinstance(variables, Mapping):
        given.update({name: variables[name] for name in CONNECTION_KEYWORDS.values() if name in variables})
    return tuple(given.items())


def plain_name(name: Any) -> str:
    """A name for reports before it is evaluated."""
    return name.text if isinstance(name, Template) else str(name or "")


def action_of(task: Task) -> str:
    """The task's module as it is written; of a task that nobody wrote its short name."""
    return task.action or task.module.rpartition(".")[2]


def shown_name(task: Task) -> str:
    """A task's name; one without is called by its module, an include of a role by that, too."""
    action, arguments = action_of(task), arguments_of(task)
    role = arguments.get("name", arguments.get("role")) if task.module == "ansible.builtin.include_role" else None
    return plain_name(task.name) or (f"{action} : {plain_name(role)}" if role else action)


def fixed_names(task: Task) -> tuple[str, ...]:
    """The names of local files that the task gives literally; any other name is held to the role's directories."""
    arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
    keys = ("src", "file", "cmd", "dir", "_raw_params")
    return tuple(arguments[key] for key in keys if isinstance(arguments.get(key), str))
