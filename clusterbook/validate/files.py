"""Files of the local machine that steps name literally: they must be there, and templates among them readable."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.compile.plan import Plan, PlayPlan, StepInfo
from clusterbook.compile.reach import local_texts
from clusterbook.compile.walk import every_step, steps_of
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.program import Group, Step
from clusterbook.language.values import Template, holds_template
from clusterbook.lookups.places import directories, find
from clusterbook.model import Task
from clusterbook.modules import registry
from clusterbook.project.mistakes import no_file
from clusterbook.source import SourceMapping, read_text
from clusterbook.validate.expressions import Reader

# Module -> (the folder of such files, the parameters that may name one)
_NAMES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ansible.builtin.copy": ("files", ("src",)),
    "ansible.builtin.template": ("templates", ("src",)),
    "ansible.builtin.unarchive": ("files", ("src",)),
    "ansible.builtin.script": ("files", ("_raw_params", "cmd")),
    "ansible.builtin.include_vars": ("vars", ("file", "_raw_params", "dir")),
}
_KINDS = {"files": "file", "templates": "template", "vars": "file of variables"}
_SETTINGS = (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string", "comment_start_string",
    "comment_end_string", "trim_blocks", "lstrip_blocks",
)
_HERE = ("localhost", "127.0.0.1", "::1")
_LOCAL = ("local", "ansible.builtin.local")


def problems(plan: Plan, tasks: Mapping[Position, Task], reader: Reader) -> Iterator[InvalidInput]:
    """What is missing, once for each place, and what is wrong in templates, once for each file.

    After a step that may write on the local machine nothing can be said of files that are not there yet.
    """
    places: set[Position] = set()
    seen: set[Path] = set()
    written_here = False
    for play in plan.plays:
        expected = set(_failures_are_expected(play))
        for step in steps_of(play.program):
            name = _name(step)
            if name and step.id in play.steps:
                path = find(name, directories(_NAMES[step.module][0], play.steps[step.id].bases))
                place = _place(tasks.get(Position(*step.place)), step)
                if path is not None and step.module.endswith(".template") and path not in seen and path.is_file():
                    seen.add(path)
                    yield from _of_template(path, step, reader)
                elif path is None and place not in places and not written_here and step.id not in expected:
                    places.add(place)
                    yield _missing(name, play.steps[step.id], _NAMES[step.module][0], place)
            written_here = written_here or _writes_here(step, play)


def _name(step: Step) -> str:
    """The file that the step names literally; empty when it names none, or an expression does."""
    arguments = step.arguments
    if step.module not in _NAMES or not isinstance(arguments, Mapping):
        return ""
    if arguments.get("remote_src") not in (None, False, "no", "false") or "content" in arguments:
        return ""
    found = next((arguments[name] for name in _NAMES[step.module][1] if arguments.get(name)), "")
    if not isinstance(found, str) or "://" in found:
        return ""
    if step.module.endswith(".script"):
        try:
            found = next(iter(shlex.split(found)), "")
        except ValueError:
            return ""
    return str(Path(found).expanduser()) if found.startswith("~") else found


def _failures_are_expected(play: PlayPlan) -> Iterator[int]:
    """Steps whose failure the play takes care of, or that ask before whether their file is there."""
    for step in steps_of(play.program):
        asks = any(local_texts([str(getattr(item, "text", item))]) for item in step.when)
        if step.ignore_errors or step.failed_when or asks or False in step.when:
            yield step.id
    yield from _rescued(play.program.instructions)


def _rescued(instructions: Any) -> Iterator[int]:
    for one in instructions:
        if isinstance(one, Group) and one.rescue:
            yield from (step.id for step in every_step(one.body))
        elif isinstance(one, Group):
            yield from _rescued((*one.body, *one.always))
        elif isinstance(one, Step) and one.body:
            yield from _rescued(one.body)


def _writes_here(step: Step, play: PlayPlan) -> bool:
    """Whether a step may make a file on the local machine."""
    if step.module == "ansible.builtin.fetch":
        return True
    if registry.is_flow(step.module) or registry.specification(step.module).kind == "query":
        return False
    if step.delegate_to is not None:
        return isinstance(step.delegate_to, Template) or step.delegate_to in _HERE
    ways = [value for name, value in step.connection if name == "ansible_connection"]
    ways = ways or [host.variables.get("ansible_connection") for host in play.hosts.values()]
    return any(way in _LOCAL or holds_template(way) for way in ways)


def _place(task: Task | None, step: Step) -> Position:
    arguments = task.arguments if task is not None else None
    if isinstance(arguments, SourceMapping):
        for name in _NAMES[step.module][1]:
            if name in arguments.values_at:
                return arguments.values_at[name]
    return Position(*step.place)


def _missing(name: str, info: StepInfo, folder: str, where: Position) -> InvalidInput:
    places = ["/"] if Path(name).is_absolute() else directories(folder, info.bases)
    tried = [Path(place, name) for place in places]
    return no_file(_KINDS[folder], name, tried, where)


def _of_template(path: Path, step: Step, reader: Reader) -> Iterator[InvalidInput]:
    settings = {name: step.arguments[name] for name in _SETTINGS if name in step.arguments}
    if any(holds_template(value) for value in settings.values()):
        return
    try:
        text = read_text(path)
    except InvalidInput as problem:
        yield problem
        return
    if not text.startswith("$ANSIBLE_VAULT;"):
        yield from reader.of_file(Template(text, str(path), 1, 1), settings)
