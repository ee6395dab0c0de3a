"""A task's module and its arguments, checked against the module's own table of parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template, holds_template
from clusterbook.modules import parameters, registry
from clusterbook.modules.contract import Specification
from clusterbook.project.free_form import parse
from clusterbook.schema import nearest, suggestion
from clusterbook.source import SourceMapping, position_of

# Modules whose text is a command line: only a few options are taken out of it.
_COMMANDS = ("command", "shell", "script", "raw")
# Their arguments say what is read before the run, so they must be right by then.
READ_BEFORE = tuple(f"ansible.builtin.{name}" for name in ("import_tasks", "import_role", "import_playbook"))


def arguments_of(module: str, written: Any, more: Any, where: Position) -> Any:
    """What a person wrote after a module's name, and under `args`, as one mapping (or the template that gives it)."""
    own: Any
    if written is None:
        own = {}
    elif isinstance(written, str | Template):
        own = _from_text(module, written, where)
    elif isinstance(written, Mapping):
        own = written
    else:
        raise InvalidInput(
            f"the arguments of {short(module)!r} are {written!r}, expected a mapping",
            where=where,
            next_step="Write one parameter a line.",
        )
    if not more:
        return own
    if isinstance(more, Template) or isinstance(own, Template):
        raise InvalidInput(
            "'args' cannot be combined with arguments that are only known during the run",
            where=where,
            next_step="Write the parameters below the module's name.",
        )
    return merged(more, own)


def merged(base: Mapping[Any, Any], over: Mapping[Any, Any]) -> SourceMapping:
    """Both with their positions; `over` wins."""
    result = SourceMapping(position_of(over) if isinstance(over, SourceMapping) else position_of(base))
    for part in (base, over):
        for key, value in part.items():
            result[key] = value
            if isinstance(part, SourceMapping):
                result.keys_at[key] = part.keys_at[key]
                result.values_at[key] = part.values_at[key]
    return result


def _from_text(module: str, text: str | Template, where: Position) -> Any:
    specification = registry.specification(module)
    source = text.text.strip() if isinstance(text, Template) else text
    whole = source.startswith("{{") and source.endswith("}}") and source.count("{{") == 1
    if isinstance(text, Template) and whole and not specification.free_form:
        return text
    found, rest = parse(text, short(module) in _COMMANDS, where)
    if rest in ("", None):
        return found
    if not specification.free_form:
        raise InvalidInput(
            f"module {short(module)!r} takes no text, but got {_plain(rest)!r}",
            where=where,
            next_step="Write its parameters as a mapping or as NAME=VALUE.",
        )
    arguments = SourceMapping(where)
    for name, value in {**found, specification.free_form: rest}.items():
        arguments[name], arguments.keys_at[name], arguments.values_at[name] = value, where, where
    return arguments


def _plain(value: Any) -> Any:
    return value.text if isinstance(value, Template) else value


def short(module: str) -> str:
    """The module's name without its collection, for messages."""
    return module.removeprefix("ansible.builtin.")


def problems(module: str, arguments: Any, where: Position) -> Iterator[InvalidInput]:
    """What is wrong with a task's arguments, each with the place of the parameter."""
    if not isinstance(arguments, Mapping):
        return
    specification = registry.specification(module)
    known = _known(specification)
    good, refused = {}, False
    for name, value in arguments.items():
        if isinstance(name, Template) or name in known or specification.open or str(name).startswith("_"):
            good[name] = value
        else:
            refused = True
            yield unknown_parameter(module, name, known, position_of(arguments, name, where))
    if any(isinstance(name, Template) for name in good):
        return
    for message in parameters.problems(specification, good, holds_template):
        if refused and (" is missing" in message or " is required" in message):
            continue  # most likely the misspelt one
        yield _problem(module, message, good, arguments, where)


class Lacking(InvalidInput):
    """A task's parameter is missing. module: whose."""

    module = ""


def wrong(module: str, arguments: Any, where: Position) -> str:
    """What is wrong first, as a step's message; empty when nothing is. The words are Ansible's."""
    if isinstance(arguments, Mapping) and not registry.specification(module).open:
        known = _known(registry.specification(module))
        names = [str(name) for name in arguments if not isinstance(name, Template) and name not in known]
        names = [name for name in names if not name.startswith("_")]
        if names:
            return f"Invalid options for {short(module)}: {','.join(names)}"
    return next((problem.message for problem in problems(module, arguments, where)), "")


def _known(specification: Specification) -> set[str]:
    names = set(specification.parameters)
    for parameter in specification.parameters.values():
        names.update(parameter.aliases)
    return names


def unknown_parameter(module: str, name: Any, known: set[str], where: Position) -> InvalidInput:
    """The module has no such parameter. known: those that it has, and their aliases."""
    visible = sorted(item for item in known if not item.startswith("_"))
    meant = nearest(name, visible)
    hint = f"Write {meant!r} instead" if meant else "Remove it"
    return InvalidInput(
        f"unknown parameter {str(name)!r} of module {short(module)!r}{suggestion(name, visible)}",
        where=where,
        next_step=f"{hint}. Parameters of {short(module)}: {', '.join(visible)}.",
    )


def _problem(module: str, message: str, good: Mapping[Any, Any], arguments: Any, where: Position) -> InvalidInput:
    """A problem of the table, at the parameter that it begins with."""
    text = message.removeprefix(f"{module}: ")
    name = text.split(" ", 1)[0].strip("'")
    place = where
    if name in good and isinstance(arguments, SourceMapping) and name in arguments.values_at:
        place = arguments.values_at[name]
    kind = Lacking if " is missing" in text or " is required" in text else InvalidInput
    step = f"Correct the arguments of {short(module)}."
    found = kind(f"module {short(module)!r}: {text}", where=place, next_step=step)
    if isinstance(found, Lacking):
        found.module = module
    return found
