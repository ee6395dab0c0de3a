"""Which names an expression reads, which of them it can do without, and what in it cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import meta, nodes
from jinja2.exceptions import TemplateSyntaxError

from clusterbook.language.environment import LanguageEnvironment, new_environment

_FUNCTIONS = ("lookup", "query", "q", "now", "undef", "range", "dict", "lipsum", "cycler", "joiner", "namespace")


@dataclass(frozen=True)
class Reading:
    """names: name -> line within the text, from 1; guarded: those with a default or asked whether they are defined."""

    names: dict[str, int]
    guarded: frozenset[str]
    mistake: str = ""
    mistake_line: int = 1


@cache
def _environment() -> LanguageEnvironment:
    made = new_environment()
    made.globals.update(dict.fromkeys(_FUNCTIONS))
    return made


def read(text: str) -> Reading:
    """What a text with expressions reads."""
    try:
        tree = _environment().parse(text)
        wanted = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        return Reading({}, frozenset(), str(error.message), error.lineno)
    lines: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        if node.name in wanted and node.ctx == "load" and node.name not in _FUNCTIONS:
            lines.setdefault(node.name, node.lineno)
    return Reading(lines, frozenset(_guarded(tree)))


def _guarded(tree: nodes.Template) -> Iterator[str]:
    for kind in (nodes.Filter, nodes.Test):
        for node in tree.find_all(kind):
            if node.name in ("default", "d", "defined", "undefined") and node.node is not None:
                for name in [node.node, *node.node.find_all(nodes.Name)]:
                    if isinstance(name, nodes.Name):
                        yield name.name


@cache
def lines_of(file: str) -> tuple[str, ...]:
    """The lines of a file; none when it cannot be read."""
    try:
        return tuple(Path(file).read_text("utf-8-sig", errors="replace").splitlines())
    except OSError:
        return ()
