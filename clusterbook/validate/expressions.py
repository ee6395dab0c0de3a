"""Expressions that cannot work whatever the values are: wrong syntax, words that there are not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from clusterbook.errors import InvalidInput
from clusterbook.language.call_sites import LOOKUP_FUNCTIONS
from clusterbook.language.environment import ExpressionError, LanguageEnvironment, keep_backslashes, new_environment
from clusterbook.language.lookups import every_lookup, short_name
from clusterbook.language.template_header import BEGINNING, without_header
from clusterbook.language.values import Template
from clusterbook.records import dataclass
from clusterbook.schema import nearest
from clusterbook.source import place_of

# Texts that are one name, as most are, need no parser.
_NAME = re.compile(r"\{\{ ?(?!(?:not|if|else|and|or|in|is)\b)[a-z_]\w*(?:\.[a-z_]\w*)* ?\}\}")
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
# Filters that take the name of a filter or a test: which, and which argument it is.
_NAMING = {"map": ("filter", 0), "select": ("test", 0), "reject": ("test", 0),
           "selectattr": ("test", 1), "rejectattr": ("test", 1)}  # fmt: skip
_GUARD = re.compile(r"\bis\s+(?:not\s+)?(?:filter|test)\b")
SHOWN = 60


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a text. piece: where it is, as written; line: of the text, from 1."""

    message: str
    next_step: str
    piece: str
    line: int = 1


class Reader:
    """Reads texts, each different one once."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._environment = new_environment()
        self._seen: dict[tuple[str, str], tuple[Mistake, ...]] = {}

    def problems(self, template: Template) -> Iterator[InvalidInput]:
        """What is wrong with a text of YAML."""
        return self._at_their_places(template, template.text, "text")

    def of_condition(self, template: Template) -> Iterator[InvalidInput]:
        """What is wrong with a condition, written without braces."""
        return self._at_their_places(template, bare(template.text), "condition")

    def of_file(self, template: Template, settings: Mapping[str, Any]) -> Iterator[InvalidInput]:
        """What is wrong with the text of a template file. settings: parameters of the module, such as trim_blocks."""
        try:
            text, own = without_header(template.text)
        except ExpressionError as error:
            yield _problem(template, Mistake(error.message, "Correct the template's first line.", BEGINNING))
            return
        chosen = {**settings, **own}
        environment = new_environment(**chosen) if chosen else self._environment
        text = "\n" * (template.text.count("\n") - text.count("\n")) + text
        for mistake in mistakes(environment, text):
            yield _problem(template, mistake)

    def _at_their_places(self, template: Template, text: str, kind: str) -> Iterator[InvalidInput]:
        if kind == "text" and _NAME.fullmatch(text):
            return
        key = (kind, text)
        if key not in self._seen:
            whole = "{{ " + text + " }}" if kind == "condition" else keep_backslashes(self._environment, text)
            self._seen[key] = tuple(mistakes(self._environment, whole, text if kind == "condition" else ""))
        for mistake in self._seen[key]:
            yield _problem(template, mistake)


def bare(text: str) -> str:
    """A condition without braces around all of it."""
    stripped = text.strip()
    if stripped.startswith("{{") and stripped.endswith("}}") and "{{" not in stripped[2:]:
        return stripped[2:-2].strip()
    return stripped


def _problem(template: Template, mistake: Mistake) -> InvalidInput:
    return InvalidInput(
        mistake.message, where=place_of(template, mistake.piece, mistake.line), next_step=mistake.next_step
    )


def mistakes(environment: LanguageEnvironment, text: str, condition: str = "") -> Iterator[Mistake]:
    """All that is wrong with a text. condition: what was written, when the braces around it are ours."""
    try:
        tree = environment.parse(text)
    except TemplateSyntaxError as error:
        yield _unreadable(environment, text, condition, error)
        return
    except RecursionError:
        yield Mistake("the expression is nested too deeply", "Split it into variables.", "{{")
        return
    if not _GUARD.search(text):
        yield from _unknown_words(environment, tree)


def _unreadable(
    environment: LanguageEnvironment, text: str, condition: str, error: TemplateSyntaxError
) -> Mistake:
    said, line, piece = str(error.message), error.lineno, condition
    for start, found in _pieces(text) if not condition else ():
        try:
            environment.parse(found)
        except TemplateSyntaxError as own:
            said, line, piece = str(own.message), text.count("\n", 0, start) + 1, found
            break
    shown = " ".join(piece.split())
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    what = f"the expression {shown!r}" if shown else "the template"
    return Mistake(f"{what} cannot be read: {said}", "Correct the syntax at this place.",
                   (piece or _statement(text, line)).split("\n")[0].strip(), line)  # fmt: skip


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Where each expression of a text begins, and the expression; a lone one may hold braces of its own."""
    if text.count("{{") == 1 and "}}" in text:
        start = text.index("{{")
        yield start, text[start : text.rindex("}}") + 2]
        return
    for found in _EXPRESSION.finditer(text):
        yield found.start(), found.group()


def _statement(text: str, line: int) -> str:
    """The first tag of that line of a text, or its first character."""
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    found = re.search(r"\{[%{#]", written)
    return written[found.start() :] if found else written.strip()


def _unknown_words(environment: LanguageEnvironment, tree: nodes.Template) -> Iterator[Mistake]:
    known: Mapping[str, Any] = {"filter": environment.filters, "test": environment.tests, "lookup": every_lookup()}
    for kind, name, line in _words(tree):
        if name not in known[kind] and not (kind == "lookup" and short_name(name) in known[kind]):
            yield _unknown(kind, name, known[kind], line)


def _words(tree: nodes.Template) -> Iterator[tuple[str, str, int]]:
    """(kind, name, line) of every filter, test and lookup, those that are named by a text (`map('trim')`) too."""
    found: Iterator[Any] = tree.find_all((nodes.Filter, nodes.Test, nodes.Call))
    for node in found:
        if isinstance(node, nodes.Call):
            if isinstance(node.node, nodes.Name) and node.node.name in LOOKUP_FUNCTIONS:
                yield from _named(node, "lookup", 0)
            continue
        yield "filter" if isinstance(node, nodes.Filter) else "test", node.name, node.lineno
        if isinstance(node, nodes.Filter) and node.name in _NAMING:
            yield from _named(node, *_NAMING[node.name])


def _named(node: nodes.Call | nodes.Filter, kind: str, place: int) -> Iterator[tuple[str, str, int]]:
    argument = node.args[place] if len(node.args) > place else None
    if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
        yield kind, argument.value, node.lineno


def _unknown(kind: str, name: str, known: Any, line: int) -> Mistake:
    prefix, _, short = name.rpartition(".")
    alike = {word.rpartition(".")[2]: word for word in known if word.rpartition(".")[0] == prefix}
    near = nearest(short, alike)
    listed = f"docs/expressions.md lists every {kind}."
    return Mistake(
        f"there is no {kind} {name!r}" + (f"; did you mean {alike[near]!r}?" if near else ""),
        f"Write {alike[near]!r} instead; {listed}" if near else f"Use another one: {listed}",
        name, line,
    )  # fmt: skip


def condition_of(value: Any, where: Template) -> Template | None:
    """A condition as a text with its place; None when it is no text (true, false, a number)."""
    if isinstance(value, Template):
        return value
    return replace(where, text=value) if isinstance(value, str) and value.strip() else None
