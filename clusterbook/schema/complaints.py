"""A value against a schema, by the library: every problem as an InvalidInput, in the order of the file.

Annotations that our schemas add to JSON Schema: `noun` (what its keys are called), `expected` (the value in words),
`literal` (a template is not allowed). A template matches everything else, because its value is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import jsonschema
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Secret, Template
from clusterbook.schema.files import load_schema, resolve, schema_directory
from clusterbook.schema.names import nearest, suggestion
from clusterbook.source import SourceMapping, SourceSequence, position_of

SHOWN_LENGTH = 80
_ARTICLES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def problems(value: Any, name: str, pointer: str = "", where: Position | None = None) -> list[InvalidInput]:
    """What is wrong with a loaded value, or nothing. Parameters as of validate.problems."""
    validator = _validator(name, pointer)
    found = [
        problem
        for error in validator.iter_errors(_plain(value))
        for problem in _translate(error, value, where or position_of(value))
    ]
    return sorted(_distinct(found), key=_place)


@cache
def registry() -> Registry[Any]:
    """Every schema by file name, so that they can refer to each other; any other reference is an error."""
    found: Registry[Any] = Registry()
    for path in sorted(schema_directory().glob("*.schema.json")):
        found = found.with_resource(path.name, DRAFT202012.create_resource(load_schema(path.name)))
    return found


@cache
def _validator(name: str, pointer: str) -> Any:
    schema = load_schema(name) if not pointer else {"$ref": f"{name}#/{pointer}"}
    base = Draft202012Validator.VALIDATORS
    skipping = {keyword: _unless_template(function) for keyword, function in base.items()}
    keywords = {**skipping, "literal": _literal}
    kind = jsonschema.validators.extend(Draft202012Validator, keywords)  # type: ignore[no-untyped-call]
    return kind(schema, registry=registry().with_resource("", registry()[name]))


def _unless_template(function: Any) -> Any:
    def keyword(validator: Any, argument: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if isinstance(instance, Template | Secret):
            return iter(())
        return iter(function(validator, argument, instance, schema) or ())

    return keyword


def _literal(validator: Any, argument: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if argument and isinstance(instance, Template):
        yield ValidationError("literal")


def _plain(value: Any) -> Any:
    """The same data with text as keys, as JSON Schema wants it."""
    if isinstance(value, Mapping):
        return {_key_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _key_text(key: Any) -> str:
    return key.text if isinstance(key, Template) else str(key)


def _translate(error: Any, root: Any, where: Position) -> Iterator[InvalidInput]:
    path = list(error.absolute_path)
    value, place, name = _find(root, path, where)
    keyword = str(error.validator)
    if keyword == "additionalProperties" and isinstance(error.validator_value, bool):
        yield from _unknown_keys(error, value, place)
    elif keyword == "required":
        yield from _missing_keys(error, value, place)
    elif keyword in ("anyOf", "oneOf") and error.context:
        yield from _alternatives(error, root, value, place, name, where)
    elif "propertyNames" in error.absolute_schema_path:
        yield _wrong_name(error, root, path, where)
    elif keyword == "literal":
        yield InvalidInput(
            f"{name} is {_shown(value)}, which is only known during the run",
            where=place,
            next_step="Write it literally, without an expression.",
        )
    else:
        yield InvalidInput(
            f"{name} is {_shown(value)}, expected {_expected(error)}",
            where=place,
            next_step=_next_step(error.schema),
        )


def _unknown_keys(error: Any, value: Any, place: Position) -> Iterator[InvalidInput]:
    schema = error.schema
    known = sorted(schema.get("properties", {}))
    noun, title = schema.get("noun", "key"), schema.get("title", "this mapping")
    for key in value:
        if _key_text(key) in known:
            continue
        meant = nearest(_key_text(key), known)
        step = f"Write {meant!r} instead, or remove it." if meant else f"Remove it; known are: {', '.join(known)}."
        yield InvalidInput(
            f"unknown {noun} {_key_text(key)!r} of {_article(title)}{suggestion(_key_text(key), known)}",
            where=position_of(value, key, place),
            next_step=step,
        )


def _missing_keys(error: Any, value: Any, place: Position) -> Iterator[InvalidInput]:
    schema = error.schema
    for key in error.validator_value:
        if key not in value:
            noun, title = schema.get("noun", "key"), schema.get("title", "this mapping")
            yield InvalidInput(
                f"{noun} {key!r} is missing in {_article(title)}", where=place, next_step=f"Add '{key}:'."
            )


def _alternatives(
    error: Any, root: Any, value: Any, place: Position, name: str, where: Position
) -> Iterator[InvalidInput]:
    """The problems of the one alternative that fits the value's type, else what would have been right."""
    parts: dict[int, list[Any]] = {}
    for part in error.context or ():
        parts.setdefault(int(str(part.schema_path[0])), []).append(part)
    depth = len(error.absolute_path)
    fitting = [
        part
        for part in parts.values()
        if not any(len(item.absolute_path) == depth and item.validator in ("type", "enum", "required") for item in part)
    ]
    if len(fitting) == 1:
        for item in fitting[0]:
            yield from _translate(item, root, where)
        return
    yield InvalidInput(
        f"{name} is {_shown(value)}, expected {_expected(error)}", where=place, next_step=_next_step(error.schema)
    )


def _wrong_name(error: Any, root: Any, path: list[Any], where: Position) -> InvalidInput:
    holder, place, _ = _find(root, path, where)
    key = error.instance
    for candidate in holder if isinstance(holder, Mapping) else ():
        if _key_text(candidate) == key:
            place = position_of(holder, candidate, place)
    return InvalidInput(
        f"{key!r} cannot be a name here, expected {_expected(error)}", where=place, next_step="Rename it."
    )


def _find(root: Any, path: Sequence[Any], where: Position) -> tuple[Any, Position, str]:
    """The value at a path of a schema error, its place and its name for a message."""
    value, place, name = root, where, "the file"
    for part in path:
        if isinstance(value, SourceSequence):
            place, value, name = value.items_at[part], value[part], f"{name.removesuffix(' item')} item"
        elif isinstance(value, list | tuple):
            value, name = value[part], f"{name.removesuffix(' item')} item"
        else:
            key = next((key for key in value if _key_text(key) == part), part)
            if isinstance(value, SourceMapping):
                place = value.values_at.get(key, place)
            value, name = value[key], repr(_key_text(key))
    return value, place, name


def _expected(error: Any) -> str:
    """What would be right, in words."""
    schema = error.schema
    if isinstance(schema, Mapping) and schema.get("expected"):
        return str(schema["expected"])
    wanted = error.validator_value
    match str(error.validator):
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else [kind for kind in wanted if kind != "null"]
            return " or ".join(_ARTICLES[kind] for kind in kinds)
        case "enum":
            return "one of " + ", ".join(str(item) for item in wanted)
        case "const":
            return repr(wanted)
        case "minimum":
            return f"{wanted} or more"
        case "maximum":
            return f"{wanted} or less"
        case "minItems":
            return f"at least {wanted} item" + ("s" if wanted != 1 else "")
        case "anyOf" | "oneOf":
            return " or ".join(_alternative(part, error) for part in wanted)
        case "pattern":
            return f"text that matches {wanted}"
    return str(error.message)


def _alternative(part: Mapping[str, Any], error: Any) -> str:
    if "$ref" in part and "expected" not in part:
        file, _, pointer = part["$ref"].partition("#/")
        part = resolve(file, pointer) if file else part
    if "expected" in part:
        return str(part["expected"])
    if "type" in part:
        kinds = [part["type"]] if isinstance(part["type"], str) else part["type"]
        return " or ".join(_ARTICLES[kind] for kind in kinds)
    if "enum" in part:
        return " or ".join(map(repr, part["enum"]))
    return str(part.get("description", error.message))


def _next_step(schema: Any) -> str:
    description = schema.get("description") if isinstance(schema, Mapping) else None
    return f"Correct the value: {description[0].lower()}{description[1:]}" if description else "Correct the value."


def _article(title: str) -> str:
    if title.startswith(("a ", "the ", "this ")) or "/" in title or "_" in title or "." in title:
        return title
    return f"{'an' if title[0] in 'aeiou' else 'a'} {title}"


def _shown(value: Any) -> str:
    """The offending value, shortened."""
    text = repr(value.text) if isinstance(value, Template) else "empty" if value is None else repr(value)
    return text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"


def _place(problem: InvalidInput) -> tuple[str, int, int]:
    where = problem.where or Position("")
    return (where.file, where.line, where.column)


def _distinct(found: list[InvalidInput]) -> list[InvalidInput]:
    return list({(problem.message, problem.where): problem for problem in found}.values())
