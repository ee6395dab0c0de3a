"""Schemas for editors: those of playbooks and tasks, with every module's parameters written in.

A run checks a module's parameters against the module's own table; an editor has only files, so these are made from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.modules import registry
from clusterbook.modules.contract import Parameter, Specification
from clusterbook.schema.files import load_schema

_COPIED = ("playbook.schema.json", "handlers.schema.json")
_TASKS = "tasks.schema.json"
_EXPRESSION = r"\{[{%]"
# An expression stands for any value.
_TYPES: Mapping[str, list[str]] = {
    "str": ["string", "number", "boolean"], "path": ["string"], "int": ["integer", "string"],
    "float": ["number", "string"], "bool": ["boolean", "string"], "list": ["array", "string", "number"],
    "dict": ["object", "string"],
}  # fmt: skip


def files() -> dict[str, str]:
    """Name of a file in schemas/editor/ -> its text."""
    made = {name: _with_expressions(load_schema(name)) for name in _COPIED}
    made[_TASKS] = _tasks()
    return {name: json.dumps(schema, indent=1, ensure_ascii=False, default=str) + "\n" for name, schema in made.items()}


def _tasks() -> Any:
    schema = _with_expressions(load_schema(_TASKS))
    schema["$defs"]["modules"] = {name: _module(registry.specification(name)) for name in registry.names()}
    named = {
        spelled: {"$ref": f"#/$defs/modules/{name}", "description": registry.specification(name).description}
        for name in registry.names() for spelled in _spellings(name)
    }  # fmt: skip
    for kind in ("task", "handler"):
        part = schema["$defs"][kind]
        part["properties"] = {**named, **part["properties"]}
        part["additionalProperties"] = False
    return schema


def _with_expressions(schema: Any) -> Any:
    """The same schema where text with an expression stands for any value, as a run reads it."""
    if isinstance(schema, list):
        return [_with_expressions(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: item if key in ("enum", "default", "examples", "required") else _with_expressions(item)
            for key, item in schema.items()}  # fmt: skip
    kinds = made.get("type")
    lists_nodes = str(made.get("items", {})).find("ode'}") >= 0 or "play'}" in str(made.get("items", {}))
    if isinstance(kinds, str | list) and "string" not in kinds and kinds != "object" and not lists_nodes:
        made["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "string"]
    if isinstance(made.get("enum"), list):
        made["anyOf"] = [{"enum": made.pop("enum")}, {"type": "string", "pattern": _EXPRESSION}]
    return made


def _spellings(name: str) -> Iterator[str]:
    """The full name, and the one without its collection, as `registry.canonical` reads them."""
    yield name
    short = name.rpartition(".")[2]
    if registry.canonical(short) == name:
        yield short


def _module(table: Specification) -> dict[str, Any]:
    known = {name: item for name, item in table.parameters.items() if not name.startswith("_")}
    properties = {name: _parameter(item) for name, item in known.items()}
    for name, item in known.items():
        properties |= {alias: {**_parameter(item), "description": f"See {name}."} for alias in item.aliases}
    return {
        "description": table.description,
        "type": ["object", "string", "array", "null"],
        "properties": properties,
        "additionalProperties": table.open,
    }


def _parameter(item: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {"description": item.description}
    if item.choices and item.type == "list":
        found |= {"type": _TYPES["list"], "items": {"anyOf": [{"enum": list(item.choices)}, {"pattern": _EXPRESSION}]}}
    elif item.choices:
        found["anyOf"] = [{"enum": list(item.choices)}, {"type": "boolean"}, {"type": "string", "pattern": _EXPRESSION}]
    elif item.type in _TYPES:
        found["type"] = _TYPES[item.type]
    if item.default not in (None, ""):
        found["default"] = item.default
    return found
