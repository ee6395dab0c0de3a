"""Which calls of the local machine a play makes by itself: lookups, filters and tests as its texts spell them out.

A host asks for the value of a call. It is answered when the play's own texts make that call with values of the
inventory alone; so what a host says never chooses what is read or run here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from clusterbook.language.call_sites import CallSite, call_sites
from clusterbook.language.environment import Expressions
from clusterbook.language.local_words import Local
from clusterbook.language.program import Step
from clusterbook.language.scope import Scope
from clusterbook.language.values import decode, encode
from clusterbook.lookups import LocalMachine, Surroundings
from clusterbook.lookups.expressions import local_expressions

MOST_ITEMS = 1000
# Answers of the local machine's calls: a host that asks without end must not fill the memory.
MOST_REMEMBERED = 1000
Call = tuple[str, str, str]
# scope(step, loop variables, expressions) -> what the inventory alone lets the step see
ScopeFor = Callable[[Step, Mapping[str, Any], Expressions], Scope]


def call_key(kind: str, name: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Call:
    """A call as something to compare."""
    return kind, name, repr((encode(list(arguments)), sorted(encode(dict(options)).items())))


class LocalCalls:
    """The calls in a play's texts, evaluated for one host when it asks."""

    def __init__(self, texts: Callable[[], Iterable[str]], scope: ScopeFor) -> None:
        """texts: those that may make calls, as known by now; scope: see ScopeFor, it knows the host."""
        self._texts = texts
        self._scope = scope
        self._sites: dict[str, list[CallSite]] = {}
        self._answered: dict[Call, Any] = {}

    def remember(self, call: Call, value: Any) -> None:
        """An answer that was given: calls inside of calls need not be made twice, and these come soon after."""
        self._answered.pop(call, None)
        self._answered[call] = value
        if len(self._answered) > MOST_REMEMBERED:
            del self._answered[next(iter(self._answered))]

    def made_by(self, step: Step, call: Call, surroundings: Surroundings) -> bool:
        """Whether the step itself makes that call."""
        made = self._made(step, call, surroundings)
        return any(call_key(call[0], call[1], arguments, options) == call for arguments, options in made)

    def names(self, step: Step, lookup: str, argument: str, surroundings: Surroundings) -> bool:
        """Whether the step itself makes a call of this lookup with such an argument, whatever its options are."""
        return any(argument in arguments for arguments, _ in self._made(step, ("lookup", lookup, ""), surroundings))

    def _made(
        self, step: Step, call: Call, surroundings: Surroundings
    ) -> Iterator[tuple[Sequence[Any], Mapping[str, Any]]]:
        """Arguments and options of all calls of that kind and name, for each item of a loop."""
        expressions = local_expressions(self._remembering(LocalMachine(surroundings)))
        for extra in self._items(step, expressions):
            yield from self._evaluated(step, call, self._scope(step, extra, expressions), expressions)

    def _evaluated(
        self, step: Step, call: Call, scope: Scope, expressions: Expressions
    ) -> Iterator[tuple[Sequence[Any], Mapping[str, Any]]]:
        loop = step.loop
        if loop is not None and call[0] == "lookup" and loop.kind == call[1]:
            for items in _attempt(lambda: [scope.evaluate(loop.items)]):
                yield (items if isinstance(items, list) else [items]), {}
        for site in self._known_sites(expressions):
            if (site.kind, site.name or call[1]) == call[:2]:
                yield from _attempt(lambda site=site: list(site.evaluate(expressions, scope.resolve)))  # type: ignore[misc]

    def _known_sites(self, expressions: Expressions) -> list[CallSite]:
        for text in self._texts():
            if text not in self._sites:
                trees = _attempt(lambda text=text: [expressions.parse(text)])  # type: ignore[misc]
                self._sites[text] = [site for tree in trees for site in call_sites(tree)]
        return [site for sites in self._sites.values() for site in sites]

    def _items(self, step: Step, expressions: Expressions) -> Iterator[Mapping[str, Any]]:
        yield {}
        if step.loop is None:
            return
        loop, scope = step.loop, self._scope(step, {}, expressions)
        for items, variable in _attempt(lambda: [(scope.evaluate(loop.items), str(scope.evaluate(loop.variable)))]):
            for item in items[:MOST_ITEMS] if isinstance(items, list) else ():
                for part in item if isinstance(item, list) and loop.kind == "items" else [item]:
                    yield {variable: part}

    def _remembering(self, machine: Local) -> Local:
        def local(kind: str, name: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
            call = call_key(kind, name, arguments, options)
            return self._answered[call] if call in self._answered else machine(kind, name, arguments, options)

        return local


def _attempt(evaluate: Callable[[], list[Any]]) -> list[Any]:
    """What cannot be evaluated without a host's values, for whatever reason, is no call of the play itself."""
    try:
        return list(evaluate())
    except Exception:
        return []


def plain_arguments(question: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments and options of a question; nothing in them is ever evaluated."""
    arguments, options = decode(question.get("arguments", [])), decode(question.get("options", {}))
    return list(arguments), dict(options)
