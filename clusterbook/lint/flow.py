"""What can never run: tasks, handlers and files of tasks that nothing leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from clusterbook.compile.context import as_list
from clusterbook.errors import Position
from clusterbook.language.values import Template
from clusterbook.lint.findings import Finding
from clusterbook.lint.material import Material, Step

_ENDS = ("end_play", "end_host", "end_batch")
_TASKS = ("import_tasks", "include_tasks")
_ROLES = ("import_role", "include_role")


def check(material: Material) -> Iterator[Finding]:
    """All findings about what cannot run."""
    yield from _never(material)
    yield from _after_the_end(material)
    yield from _handlers(material)
    yield from _files(material)


def _never(material: Material) -> Iterator[Finding]:
    for step in material.steps:
        wanted = step.written.get("when")
        if any(one is False or str(one).strip().lower() in ("false", "no") for one in as_list(wanted)):
            yield Finding("unreachable-task", "this task's condition is always false", step.at("when"),
                          "Remove the task, or correct the condition.")  # fmt: skip


def _after_the_end(material: Material) -> Iterator[Finding]:
    """Tasks of the same list after one that always ends the play or fails."""
    ended: dict[tuple[str, tuple[int, ...], bool], Step] = {}
    for step in material.steps:
        inside = [id(part) for part in step.around]
        if any("rescue" in part or "always" in part for part in step.around) or step.handler:
            continue
        key = (step.at().file, tuple(inside), step.handler)
        if key in ended:
            by = ended.pop(key)
            yield Finding("unreachable-task", f"line {by.at().line} always ends the play before this task", step.at(),
                          "Give the task before it a 'when', or remove this one.")  # fmt: skip
        elif _ends(step):
            ended[key] = step


def _ends(step: Step) -> bool:
    guards = ("when", "ignore_errors", "failed_when", "loop", "tags")
    if any(step.inherited(name) is not None for name in guards):
        return False
    return step.module == "fail" or (step.module == "meta" and step.arguments.get("free_form") in _ENDS)


def _handlers(material: Material) -> Iterator[Finding]:
    notified = [name for step in material.steps for name in as_list(step.written.get("notify"))]
    notified += [name for step in material.steps for part in step.around for name in as_list(part.get("notify"))]
    notified += [name for play in material.plays for use in as_list(play.get("roles")) if isinstance(use, Mapping)
                 for name in as_list(use.get("notify"))]  # fmt: skip
    if any(isinstance(name, Template) for name in notified):
        return
    wanted = {str(name) for name in notified}
    for step in material.steps:
        own = [step.written.get("name"), *as_list(step.written.get("listen"))]
        own += [part.get("name") for part in step.around] if step.handler else []
        if not step.handler or any(isinstance(name, Template) for name in own):
            continue
        names = {str(name) for name in own if name} | {f"{step.role} : {step.written.get('name')}"}
        if not names & wanted:
            yield Finding("unused-handler", f"nothing notifies the handler {step.written.get('name')!r}", step.at(),
                          "Notify it, or remove it.")  # fmt: skip


def _files(material: Material) -> Iterator[Finding]:
    """Files in tasks/ of a role. main is where a role begins; others may be named by tasks_from."""
    named: set[str] = set()
    for step in material.steps:
        arguments = step.arguments
        name = (arguments.get("file", arguments.get("_raw_params")) if step.module in _TASKS
                else arguments.get("tasks_from") if step.module in _ROLES else None)  # fmt: skip
        if isinstance(name, Template):
            return
        if name:
            named.add(_stem(str(name)))
    for role in material.roles:
        for file in role.task_files:
            stem = _stem(str(PurePosixPath(file).relative_to("tasks")))
            if stem != "main" and stem not in named and PurePosixPath(stem).name not in named:
                yield Finding("unused-task-file", f"nothing includes {file} of the role {role.name}",
                              Position(str(Path(role.path, file)), 1, 1), "Include it, or remove it.")  # fmt: skip


def _stem(name: str) -> str:
    return name.removesuffix(".yml").removesuffix(".yaml")
