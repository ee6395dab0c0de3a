"""Parser events to values, bounded in depth and size while they are read.

The rules for plain scalars are PyYAML's (YAML 1.1), because Ansible reads with them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import yaml
from yaml import events

from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Secret, Template
from clusterbook.source.syntax import syntax_error
from clusterbook.source.values import SourceMapping, SourceSequence, text_value
from clusterbook.source.vault import Vault

MAXIMUM_DEPTH = 60
MAXIMUM_VALUES = 500_000

_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_PREFIX + name for name in ("null", "bool", "int", "float", "timestamp", "binary")}
_TEXT_TAGS = {_PREFIX + name for name in ("str", "merge", "value")}

# PyYAML's event classes share no typed attributes.
Event = Any


class Builder:
    """One text to one value, from parser events, so that depth and size are bounded while it is read."""

    def __init__(self, text: str, file: str, as_json: bool, vault: Vault) -> None:
        """file: the name that positions carry; as_json: scalars follow JSON; vault: opens values tagged !vault."""
        self._loader = yaml.CSafeLoader(text)
        self._text = text
        self._file = file
        self._vault = vault
        self._as_json = as_json
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open_anchors: set[str] = set()
        self._values = 0
        self._unsafe = False

    def document(self) -> Any:
        """The value of the only document."""
        found = self._read(several=False)
        return found[0] if found else None

    def documents(self) -> list[Any]:
        """The value of each document."""
        return self._read(several=True)

    def _read(self, several: bool) -> list[Any]:
        try:
            return [self._value(event, 0) for event in self._starts(several)]
        except yaml.MarkedYAMLError as error:
            raise syntax_error(error, self._text, self._file) from None
        finally:
            self._loader.dispose()

    def _starts(self, several: bool) -> Iterator[Event]:
        """The first event of each document's value. several: else a second document is refused."""
        seen = False
        while True:
            event = self._loader.get_event()
            if event is None or isinstance(event, events.StreamEndEvent):
                return
            if isinstance(event, events.StreamStartEvent | events.DocumentStartEvent | events.DocumentEndEvent):
                continue
            if seen and not several:
                raise InvalidInput(
                    "the file holds more than one YAML document",
                    where=self._at(event),
                    next_step="Move the part after the second '---' to a file of its own.",
                )
            seen = True
            yield event

    def _at(self, event: Event) -> Position:
        return Position(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _value(self, event: Event, depth: int) -> Any:
        if isinstance(event, events.AliasEvent):
            return self._alias(event)
        before = self._values
        self._count(1, event)
        if depth > MAXIMUM_DEPTH:
            raise InvalidInput(
                f"values are nested deeper than {MAXIMUM_DEPTH} levels",
                where=self._at(event),
                next_step="Split the structure.",
            )
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._open_anchors.add(anchor)
        if isinstance(event, events.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, events.SequenceStartEvent):
            value = self._sequence(event, depth)
        else:
            value = self._mapping(event, depth)
        if anchor:
            self._open_anchors.discard(anchor)
            self._anchors[anchor] = (value, self._values - before)
        return value

    def _count(self, more: int, event: Event) -> None:
        self._values += more
        if self._values > MAXIMUM_VALUES:
            raise InvalidInput(
                f"the file holds more than {MAXIMUM_VALUES} values once its aliases are followed",
                where=self._at(event),
                next_step="Remove the aliases that multiply each other.",
            )

    def _alias(self, event: Event) -> Any:
        name = event.anchor
        if name not in self._anchors:
            inside = name in self._open_anchors
            raise InvalidInput(
                f"alias '*{name}' is inside of its own anchor"
                if inside
                else f"alias '*{name}' has no anchor '&{name}'",
                where=self._at(event),
                next_step="Write the value out." if inside else f"Add '&{name}' to a value above, or quote the text.",
            )
        value, size = self._anchors[name]
        self._count(size, event)
        return value

    def _check_tag(self, event: Event, expected: str) -> None:
        if event.tag not in (None, "!", "!unsafe", f"tag:yaml.org,2002:{expected}"):
            raise self._unknown_tag(event)

    @contextlib.contextmanager
    def _inside(self, event: Event) -> Iterator[None]:
        """Texts below `!unsafe` are plain."""
        before = self._unsafe
        self._unsafe = before or event.tag == "!unsafe"
        yield
        self._unsafe = before

    def _unknown_tag(self, event: Event) -> InvalidInput:
        shown = str(event.tag).replace("tag:yaml.org,2002:", "!!")
        return InvalidInput(
            f"unknown tag '{shown}'",
            where=self._at(event),
            next_step="Remove it: values are plain YAML, '!unsafe' and '!vault' are the only special tags.",
        )

    def _sequence(self, event: Event, depth: int) -> SourceSequence:
        self._check_tag(event, "seq")
        result = SourceSequence(self._at(event))
        with self._inside(event):
            while not isinstance(item := self._loader.get_event(), events.SequenceEndEvent):
                result.items_at.append(self._at(item))
                result.append(self._value(item, depth + 1))
        return result

    def _mapping(self, event: Event, depth: int) -> SourceMapping:
        self._check_tag(event, "map")
        result = SourceMapping(self._at(event))
        merged: list[SourceMapping] = []
        with self._inside(event):
            while not isinstance(start := self._loader.get_event(), events.MappingEndEvent):
                merging = self._is_merge(start)
                key = None if merging else self._key(start, result, depth)
                item = self._loader.get_event()
                value = self._value(item, depth + 1)
                if merging:
                    merged += reversed(self._merge_sources(value, item))
                    continue
                result[key] = value
                result.keys_at[key] = self._at(start)
                result.values_at[key] = self._at(item)
        return _over(merged, result) if merged else result

    def _is_merge(self, event: Event) -> bool:
        return isinstance(event, events.ScalarEvent) and event.value == "<<" and not event.style

    def _merge_sources(self, value: Any, event: Event) -> list[SourceMapping]:
        parts = value if isinstance(value, SourceSequence) else [value]
        if all(isinstance(part, SourceMapping) for part in parts):
            return list(parts)
        raise InvalidInput(
            "'<<' merges mappings only",
            where=self._at(event),
            next_step="Point it to a mapping, or to a list of mappings.",
        )

    def _key(self, event: Event, mapping: SourceMapping, depth: int) -> Any:
        if isinstance(event, events.MappingStartEvent | events.SequenceStartEvent):
            raise InvalidInput(
                "a mapping or list is used as a key",
                where=self._at(event),
                next_step='If this is an expression, quote the whole value: "{{ name }}".',
            )
        key = self._value(event, depth + 1)
        if key in mapping:
            raise InvalidInput(
                f"duplicate key {_shown(key)}, first set in line {mapping.keys_at[key].line}",
                where=self._at(event),
                next_step="Keep one of the two.",
            )
        return key

    def _scalar(self, event: Event) -> Any:
        if event.tag == "!unsafe":
            return event.value
        if event.tag in ("!vault", "!vault-encrypted"):
            return self._decrypted(event)
        if self._as_json:
            plain = not event.style
            return json.loads(event.value) if plain else self._text_value(event)
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
        if tag in _TEXT_TAGS:
            return self._text_value(event)
        if tag not in _PLAIN_TAGS:
            raise self._unknown_tag(event)
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            return self._loader.construct_object(node)
        except ValueError as error:
            raise InvalidInput(
                f"{event.value!r} is not a {tag.rsplit(':', 1)[1]}: {error}",
                where=self._at(event),
                next_step="Quote it if it is text.",
            ) from None

    def _decrypted(self, event: Event) -> Any:
        """The text of a value tagged !vault; expressions in it are never evaluated."""
        try:
            found = self._vault.open(event.value.strip().encode(), self._at(event)).decode()
        except UnicodeDecodeError:
            raise InvalidInput("the encrypted value is not text", where=self._at(event)) from None
        except InvalidInput as problem:
            if not self._vault.tolerant:
                raise
            return Secret(f"{problem.message} at {problem.where}")
        self._vault.remember(found)
        return found

    def _text_value(self, event: Event) -> Any:
        if self._unsafe:
            return event.value
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if event.style in ("|", ">"):
            line, column = line + 1, 1
        return text_value(event.value, Position(self._file, line, column))


def _shown(key: Any) -> str:
    return repr(key.text if isinstance(key, Template) else key)


def _over(merged: list[SourceMapping], own: SourceMapping) -> SourceMapping:
    """A mapping's own keys over those of `<<`, which come first, as Ansible's loader has them."""
    whole = SourceMapping(own.position)
    for source in (*merged, own):
        whole.update(source)
        whole.keys_at.update(source.keys_at)
        whole.values_at.update(source.values_at)
    return whole
