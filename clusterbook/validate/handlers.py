"""Steps that notify a handler which the play does not have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from clusterbook.compile.plan import PlayPlan
from clusterbook.compile.walk import every_step, steps_of
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.program import Step
from clusterbook.language.values import Template
from clusterbook.schema import nearest, suggestion

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
# Where a step starts, a keyword of it, the item of its list -> where that is written.
Place = Callable[[Position, str, object], Position]


def problems(play: PlayPlan, place: Place) -> Iterator[InvalidInput]:
    """One problem for each name; nothing when an include may still bring the handler."""
    if play.dynamic:
        return
    handlers = list(every_step(play.program.handlers))
    names = {name for handler in handlers for name in _names(handler, play)}
    open_names = [_pattern(handler.name) for handler in handlers if isinstance(handler.name, Template)]
    for step in steps_of(play.program):
        for name in step.notify:
            if isinstance(name, str) and name not in names and not any(one.search(name) for one in open_names):
                yield _unknown(name, sorted(names), place(Position(*step.place), "notify", name))


def _names(handler: Step, play: PlayPlan) -> Iterator[str]:
    yield from map(str, handler.listen)
    if not isinstance(handler.name, Template):
        yield str(handler.name)
        if handler.role is not None:
            yield f"{play.program.roles[handler.role].name} : {handler.name}"


def _pattern(name: Template) -> re.Pattern[str]:
    """What a name with expressions may become."""
    return re.compile(".*".join(re.escape(part) for part in _EXPRESSION.split(name.text)) + r"\Z", re.DOTALL)


def _unknown(name: str, known: list[str], where: Position) -> InvalidInput:
    meant = nearest(name, known)
    listed = f"Handlers of the play are: {', '.join(known)}." if known else "The play has no handlers."
    return InvalidInput(
        f"there is no handler {name!r}{suggestion(name, known)}", where=where,
        next_step=f"Write {meant!r} instead. {listed}" if meant else f"Add it. {listed}",
    )
