"""Handlers of one play on one host: by which names they are known, which are notified."""

from __future__ import annotations

from itertools import chain, groupby, islice
from operator import attrgetter
from typing import Any, Callable, Iterable, Iterator, Optional

from clusterbook.language.environment import ExpressionError
from clusterbook.language.including import Including
from clusterbook.language.program import Step
from clusterbook.language.scope import Scope, Unknown
from clusterbook.language.values import Template


class Handlers:
    """Notified handlers run at the next flush, in the order in which they are written."""

    def __init__(self, including: Including, scope: Callable[[Step, dict[str, Any]], Scope]) -> None:
        """scope: what a step sees, for names with expressions."""
        self._including = including
        self._scope = scope
        self._names: list[str] = []
        self._notified: set[int] = set()

    def notify(self, names: Iterable[str]) -> None:
        """Note these names. Which handlers they mean is found when they run: includes may bring more until then."""
        self._names.extend(name for name in names if name not in self._names)

    def unknown(self, names: Iterable[str]) -> str:
        """What is wrong with the first name that no handler has; empty when all are known."""
        for name in names:
            if not any(True for _ in self._known_as(name)):
                import difflib  # only for a mistake

                every = sorted({known for handler in self._including.handlers for known in self.names(handler)})
                near = difflib.get_close_matches(name, every, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; handlers are: {', '.join(every) or 'none'}"
                return f"there is no handler {name!r}{hint}"
        return ""

    def waiting(self) -> Iterator[Step]:
        """The notified handlers in their order, each one once; one may notify a later one meanwhile."""
        for handler in self._including.handlers:
            self._find()
            if handler.id in self._notified:
                yield handler
                self._notified.discard(handler.id)
        self._find()

    def _find(self) -> None:
        self._notified.update(handler.id for name in self._names for handler in self._known_as(name))
        self._names.clear()

    def place(self, handler: Step) -> int:
        """Where a handler stands among all: hosts that flush together meet at the same handlers."""
        return self._including.handlers.index(handler)

    def names(self, handler: Step) -> list[str]:
        """Every name under which a handler can be notified."""
        topics = [str(topic) for topic in handler.listen]
        name = self._name(handler)
        if name is None:
            return topics
        found = [name, *topics]
        if handler.role is not None:
            found.append(f"{self._including.program.roles[handler.role].name} : {name}")
        return found

    def settled_by(self, handler: Step) -> list[str]:
        """Names under which nothing is left to run after this one: a topic stays until its last listener ran."""
        waiting = [h for h in self._including.handlers if h.id in self._notified and h.id != handler.id]
        kept = {name for other in waiting for name in self.names(other)}
        return [name for name in self.names(handler) if name not in kept]

    def _known_as(self, name: str) -> Iterator[Step]:
        """One handler by its name; all that listen to a topic, of equal names one.

        Of equal names it is as in Ansible the first one of the last list (a role's file, the play) that has it.
        """
        lists = [list(found) for _, found in groupby(self._including.handlers, attrgetter("role"))]
        searched = list(chain.from_iterable(reversed(lists)))
        yield from islice((h for h in searched if name in self.names(h) and name not in map(str, h.listen)), 1)
        seen: set[str] = set()
        for handler in searched:
            if name in map(str, handler.listen):
                own = str(self._name(handler) or handler.id)
                if own not in seen:
                    seen.add(own)
                    yield handler

    def _name(self, handler: Step) -> Optional[str]:
        if not isinstance(handler.name, Template):
            return str(handler.name)
        try:
            return str(self._scope(handler, {}).evaluate(handler.name))
        except (ExpressionError, Unknown):
            return None
