"""Where expressions call a word: lookups, and the filters and tests that the local machine evaluates."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Tuple

from jinja2 import nodes
from jinja2.exceptions import UndefinedError

from clusterbook.language.environment import Expressions, Resolve, UndefinedName
from clusterbook.language.local_words import NOT_SET, TEST_ALIASES
from clusterbook.records import dataclass

LOOKUP_FUNCTIONS = ("lookup", "query", "q")
# Filters that apply another filter or a test, named by their first argument, to each item.
_EACH = {"map": "filter", "select": "test", "reject": "test"}


@dataclass(frozen=True)
class CallSite:
    """One call, unevaluated. kind: lookup, filter or test; each: it is applied to every item of its one argument.

    name: the short one, '' when it is an expression itself; line: within the text, from 1.
    """

    kind: str
    name: str
    arguments: Tuple[nodes.Expr, ...]
    options: Tuple[nodes.Keyword, ...]
    each: bool = False
    line: int = 1

    def evaluate(self, expressions: Expressions, resolve: Resolve) -> Iterator[Tuple[List[Any], Mapping[str, Any]]]:
        """The arguments and options of the call, or of each of the calls."""
        values = list(expressions.values(self.arguments, resolve))
        named = [option for option in self.options if option.key not in ("errors", "wantlist")]
        options = {option.key: self._option(option, expressions, resolve) for option in named}
        if self.each:
            yield from (([item, *values[1:]], options) for item in values[0])
        else:
            yield values, options

    def _option(self, option: nodes.Keyword, expressions: Expressions, resolve: Resolve) -> Any:
        try:
            return expressions.values((option.value,), resolve)[0]
        except (UndefinedError, UndefinedName):
            if (self.name, option.key) == ("env", "default"):
                return NOT_SET
            raise


def call_sites(tree: nodes.Template) -> Iterator[CallSite]:
    """Every call in a parsed text."""
    found: Iterator[Any] = tree.find_all((nodes.Call, nodes.Filter, nodes.Test))
    for node in found:
        if isinstance(node, nodes.Call):
            if isinstance(node.node, nodes.Name) and node.node.name in LOOKUP_FUNCTIONS and node.args:
                yield CallSite("lookup", _constant(node.args[0]) or "", tuple(node.args[1:]), tuple(node.kwargs),
                               line=node.lineno)
            continue
        subject = (node.node,) if node.node is not None else ()
        kind = "filter" if isinstance(node, nodes.Filter) else "test"
        yield CallSite(kind, _short(node.name), (*subject, *node.args), tuple(node.kwargs), line=node.lineno)
        inner = _EACH.get(_short(node.name)) if kind == "filter" else None
        if inner and subject and node.args and _constant(node.args[0]):
            yield CallSite(inner, _constant(node.args[0]) or "", (*subject, *node.args[1:]), tuple(node.kwargs), True,
                           node.lineno)


def _constant(node: nodes.Expr) -> Optional[str]:
    return _short(node.value) if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def _short(name: str) -> str:
    short = name.rpartition(".")[2]
    return TEST_ALIASES.get(short, short)
