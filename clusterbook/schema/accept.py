"""A quick yes to what is right: our schemas as functions, made once from the keywords that they use.

Almost every file of almost every run is right, and the library that finds the words for what is wrong takes longer to
load than all of them to read. So a value is first given to these functions. They may say no to something that is
allowed (then the library decides); they must never say yes to something that is not, which a property test checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from clusterbook.language.values import Secret, Template
from clusterbook.schema.files import load_schema, resolve

Check = Callable[[Any], bool]
_ANNOTATIONS = frozenset({
    "$schema", "$id", "$defs", "title", "description", "default", "examples", "deprecated", "noun", "expected",
    "then", "else",
})  # fmt: skip


class NotCompiled(Exception):
    """A schema has a keyword that is not known here."""


def accepts(value: Any, name: str, pointer: str = "") -> bool:
    """Whether the value is surely right by that (part of a) schema."""
    try:
        return _compiled(name, pointer)(value)
    except NotCompiled:
        return False


@cache
def _compiled(name: str, pointer: str) -> Check:
    return compile_schema(resolve(name, pointer) if pointer else load_schema(name), name)


def compile_schema(schema: Any, file: str) -> Check:
    """A schema as a function. file: what references without a file refer to."""
    if schema is True:
        return lambda value: True
    if schema is False:
        return lambda value: False
    checks = tuple(_KEYWORDS[keyword](argument, schema, file) if keyword in _KEYWORDS else _unknown(keyword)
                   for keyword, argument in schema.items() if keyword not in _ANNOTATIONS)  # fmt: skip
    literal = bool(schema.get("literal"))

    def check(value: Any) -> bool:
        if isinstance(value, (Template, Secret)):
            return not literal
        return all(one(value) for one in checks)

    return check


def _unknown(keyword: str) -> Check:
    raise NotCompiled(keyword)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Check] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": _number,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _type(argument: Any, schema: Any, file: str) -> Check:
    kinds = [_TYPES[name] for name in ([argument] if isinstance(argument, str) else argument)]
    return kinds[0] if len(kinds) == 1 else lambda value: any(kind(value) for kind in kinds)


def _reference(argument: str, schema: Any, file: str) -> Check:
    target, _, pointer = argument.partition("#")
    known = (target or file, pointer.strip("/"))
    # Looked up when it is used, because schemas refer to themselves.
    return lambda value: _compiled(*known)(value)


def _enum(argument: Any, schema: Any, file: str) -> Check:
    allowed = {(type(item), item) for item in argument if item is None or isinstance(item, str | int | float | bool)}
    return lambda value: isinstance(value, str | int | float | bool | None) and (type(value), value) in allowed


def _const(argument: Any, schema: Any, file: str) -> Check:
    return _enum([argument], schema, file)


def _items(argument: Any, schema: Any, file: str) -> Check:
    check = compile_schema(argument, file)
    return lambda value: not isinstance(value, list) or all(check(item) for item in value)


def _properties(argument: Any, schema: Any, file: str) -> Check:
    checks = {name: compile_schema(part, file) for name, part in argument.items()}

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        return all(checks[name](item) for name, item in _named(value) if name in checks)

    return check


def _additional(argument: Any, schema: Any, file: str) -> Check:
    known, check = frozenset(schema.get("properties", ())), compile_schema(argument, file)
    return lambda value: not isinstance(value, dict) or all(
        check(item) for name, item in _named(value) if name not in known
    )


def _names(argument: Any, schema: Any, file: str) -> Check:
    check = compile_schema(argument, file)
    return lambda value: not isinstance(value, dict) or all(check(name) for name, _ in _named(value))


def _required(argument: Any, schema: Any, file: str) -> Check:
    wanted = tuple(argument)
    return lambda value: not isinstance(value, dict) or all(name in value for name in wanted)


def _pattern(argument: str, schema: Any, file: str) -> Check:
    found = re.compile(argument).search
    return lambda value: not isinstance(value, str) or found(value) is not None


def _any(argument: Any, schema: Any, file: str) -> Check:
    checks = [compile_schema(part, file) for part in argument]
    return lambda value: any(check(value) for check in checks)


def _if(argument: Any, schema: Any, file: str) -> Check:
    """Only for conditions on which keys there are: a condition must be known to hold or not, a quick no will not do."""
    if not _only_keys(argument):
        raise NotCompiled("if")
    condition = compile_schema(argument, file)
    then, otherwise = (compile_schema(schema.get(word, True), file) for word in ("then", "else"))
    return lambda value: then(value) if condition(value) else otherwise(value)


def _only_keys(schema: Any) -> bool:
    return set(schema) <= {"required", "anyOf"} and all(_only_keys(part) for part in schema.get("anyOf", ()))


def _all(argument: Any, schema: Any, file: str) -> Check:
    checks = [compile_schema(part, file) for part in argument]
    return lambda value: all(check(value) for check in checks)


def _limit(kind: type | tuple[type, ...], holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, str], Check]:
    def make(argument: Any, schema: Any, file: str) -> Check:
        return lambda value: not isinstance(value, kind) or isinstance(value, bool) or holds(value, argument)

    return make


def _unique(argument: Any, schema: Any, file: str) -> Check:
    def check(value: Any) -> bool:
        if not argument or not isinstance(value, list):
            return True
        return all(isinstance(item, str) for item in value) and len(set(value)) == len(value)

    return check


def _nothing(argument: Any, schema: Any, file: str) -> Check:
    return lambda value: True


def _named(value: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    """Items with their keys as text, as the library is given them."""
    return [(key if type(key) is str else key.text if isinstance(key, Template) else str(key), item)
            for key, item in value.items()]  # fmt: skip


_KEYWORDS: Mapping[str, Callable[[Any, Any, str], Check]] = {
    "type": _type, "$ref": _reference, "enum": _enum, "const": _const, "items": _items, "properties": _properties,
    "additionalProperties": _additional, "propertyNames": _names, "required": _required, "pattern": _pattern,
    "anyOf": _any, "allOf": _all, "if": _if, "uniqueItems": _unique, "literal": _nothing,
    "minimum": _limit((int, float), lambda value, limit: bool(value >= limit)),
    "maximum": _limit((int, float), lambda value, limit: bool(value <= limit)),
    "minItems": _limit(list, lambda value, limit: len(value) >= limit),
    "maxItems": _limit(list, lambda value, limit: len(value) <= limit),
    "minProperties": _limit(dict, lambda value, limit: len(value) >= limit),
    "minLength": _limit(str, lambda value, limit: len(value) >= limit),
    "maxLength": _limit(str, lambda value, limit: len(value) <= limit),
}
