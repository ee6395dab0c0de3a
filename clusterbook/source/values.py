"""Mappings and sequences that know where they were written. Plain dicts and lists in every other respect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from clusterbook.errors import Position
from clusterbook.language.values import Template

_EXPRESSION = re.compile(r"\{\{|\{%|\{#")


class SourceMapping(dict[Any, Any]):
    """A mapping that knows where it, each of its keys and each of its values was written."""

    __slots__ = ("keys_at", "position", "values_at")

    def __init__(self, position: Position) -> None:
        """position: where the mapping starts."""
        super().__init__()
        self.position = position
        self.keys_at: dict[Any, Position] = {}
        self.values_at: dict[Any, Position] = {}


class UnreadVariables(SourceMapping):
    """A file of variables whose name needs a host: empty before the run. names: as written; the first that exists."""

    __slots__ = ("names",)

    def __init__(self, names: list[Any], position: Position) -> None:
        """position: of the file among its likes."""
        super().__init__(position)
        self.names = names


class SourceSequence(list[Any]):
    """A sequence that knows where it and each of its items was written."""

    __slots__ = ("items_at", "position")

    def __init__(self, position: Position) -> None:
        """position: where the sequence starts."""
        super().__init__()
        self.position = position
        self.items_at: list[Position] = []


def position_of(value: Any, key: Any = None, default: Position | None = None) -> Position:
    """Where a loaded value was written; with a key, where that key (or item number) was."""
    if isinstance(value, SourceMapping):
        return value.keys_at.get(key, value.position) if key is not None else value.position
    if isinstance(value, SourceSequence):
        return value.items_at[key] if isinstance(key, int) and key < len(value) else value.position
    if isinstance(value, Template):
        return Position(value.file, value.line, value.column)
    return default or Position("")


def chosen(values: Mapping[Any, Any], keys: Iterable[Any]) -> SourceMapping:
    """Some keys of a mapping with their values and, as far as it knows them, their places."""
    found = SourceMapping(position_of(values))
    for key in keys:
        found[key] = values[key]
        if isinstance(values, SourceMapping):
            found.keys_at[key], found.values_at[key] = values.keys_at[key], values.values_at[key]
    return found


def text_value(text: str, position: Position) -> Any:
    """A Template when the text holds an expression, else the text. Only for what a person wrote on this machine."""
    if _EXPRESSION.search(text):
        return Template(text, position.file, position.line, position.column)
    return text
