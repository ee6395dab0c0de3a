"""`module_defaults`: what is wrong with the modules and parameters that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template, holds_template
from clusterbook.model import Block, Node, Play, Role
from clusterbook.modules import registry
from clusterbook.modules.parameters import value_problems
from clusterbook.project import modules
from clusterbook.schema import suggestion
from clusterbook.source import position_of

GROUP = "group/"


def with_defaults(plays: Iterable[Play], roles: Iterable[Role], files: Iterable[tuple[Node, ...]]) -> set[str]:
    """The modules for which some play, block or task gives defaults: their tasks may leave out what is required."""
    plays, roles = list(plays), list(roles)
    own = [*files, *(nodes for role in roles for nodes in (*role.task_files.values(), role.handlers))]
    own += [nodes for play in plays for nodes in (play.pre_tasks, play.tasks, play.post_tasks, play.handlers)]
    keywords = [*(play.keywords for play in plays), *(found for nodes in own for found in _keywords(nodes))]
    names = (name for found in keywords for part in _parts(found) if isinstance(part, Mapping) for name in part)
    return {registry.canonical(str(name)) or str(name) for name in names}


def _keywords(nodes: Iterable[Node]) -> Iterator[Mapping[str, Any]]:
    for node in nodes:
        yield node.keywords
        if isinstance(node, Block):
            yield from _keywords((*node.body, *node.rescue, *node.always))


def _parts(keywords: Mapping[str, Any]) -> Iterable[Any]:
    written = keywords.get("module_defaults") or ()
    return (written,) if isinstance(written, Mapping) else written


def default_problems(keywords: Mapping[str, Any]) -> Iterator[InvalidInput]:
    """Of the module_defaults among the keywords of a play, block or task. In Ansible unknown names say nothing."""
    for part in _parts(keywords):
        for name, given in part.items() if isinstance(part, Mapping) else ():
            canonical = registry.canonical(str(name))
            if canonical is None:
                yield _unknown(str(name), position_of(part, name))
            elif isinstance(given, Mapping):
                yield from _parameters(canonical, given, position_of(part, name))


def _unknown(name: str, where: Position) -> InvalidInput:
    if name.startswith(GROUP):
        return InvalidInput(
            f"module_defaults: {name!r} names a group of modules, and there are none here", where=where,
            next_step="Name each module; those that have groups, such as the clouds', are not supported.",
        )
    instead = registry.alternative(name)
    if instead:
        return InvalidInput(f"module_defaults: module {name!r} is not supported", where=where,
                            next_step=f"Remove it; {instead}.")
    names = registry.names()
    known = {*names, *(full.rpartition(".")[2] for full in names)}
    return InvalidInput(f"module_defaults: there is no module {name!r}{suggestion(name, known)}", where=where,
                        next_step="Correct the module's name, or remove it.")


def _parameters(module: str, given: Mapping[Any, Any], where: Position) -> Iterator[InvalidInput]:
    specification = registry.specification(module)
    by_name = {alias: item for name, item in specification.parameters.items() for alias in (name, *item.aliases)}
    for name, value in given.items():
        place = position_of(given, name, where)
        if isinstance(name, Template) or specification.open or str(name).startswith("_"):
            continue
        if name not in by_name:
            yield modules.unknown_parameter(module, name, set(by_name), place)
        elif value is not None and not holds_template(value):
            for message in value_problems(str(name), by_name[name], value):
                yield InvalidInput(f"module_defaults of {modules.short(module)!r}: {message}", where=place,
                                   next_step="Correct the value.")
