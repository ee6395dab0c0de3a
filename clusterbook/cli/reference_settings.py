"""The reference of what a person can set: keys of cluster.yaml as its schema describes them, and inputs of roles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from clusterbook.schema.files import load_schema

SCHEMA = "cluster.schema.json"
# Longer defaults are linked to instead of shown; characters.
LONGEST = 100
HEAD = """# Settings: the keys of cluster.yaml, and the inputs of roles

What a cluster is stands in its `cluster.yaml` ([the store](store.md)); `invoke edit-cluster NAME` opens it, and a key
that is not here is refused, with the nearest one that is. Each key is also a variable of the inventory's lowest level;
one that an inventory sets for `all` is taken into the `cluster.yaml` of a cluster that is made from it. An input of a
role is set in the inventory, for all hosts, a group or one; `invoke explain NAME HOST` shows every place that sets it,
and which one wins.

This page is made from `schemas/cluster.schema.json` and from the roles' own `meta/argument_specs.yml` and
`defaults/main.yml`.
"""
TABLE = "| {} | type | default | |\n|---|---|---|---|"


def page(root: Path) -> str:
    """docs/settings.md. root: the folder with roles/."""
    lines = [HEAD, "## cluster.yaml\n", *_keys(load_schema(SCHEMA))]
    lines += ["## Inputs of roles\n"]
    for role in sorted(path for path in (root / "roles").iterdir() if path.is_dir()):
        lines += _role(role)
    return "\n".join(lines).rstrip() + "\n"


def _keys(schema: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """The table of an object's keys, then those of the objects in it. where: the keys that lead there."""
    if where:
        yield f"### {where}\n"
        yield f"{schema['description']}\n"
    yield TABLE.format("key")
    properties = {name: _resolved(about) for name, about in schema["properties"].items()}
    for name, about in properties.items():
        yield _row(name, _type(about), _default(about, name in schema.get("required", ())), about["description"])
    yield ""
    for name, about in properties.items():
        inner = _resolved(about["items"]) if about.get("type") == "array" else about
        if "properties" in inner:
            yield from _keys(inner, f"{where}.{name}".lstrip(".") + (", each" if inner is not about else ""))


def _resolved(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to, with the description of the place that refers."""
    if "$ref" not in about:
        return about
    target: Mapping[str, Any] = load_schema(SCHEMA)
    for part in about["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**target, **{name: value for name, value in about.items() if name != "$ref"}}


def _type(about: Mapping[str, Any]) -> str:
    if "enum" in about:
        return " or ".join(f"`{value}`" for value in about["enum"])
    if about["type"] == "array":
        return f"list of {_type(_resolved(about['items']))}"
    if "minimum" in about or "maximum" in about:
        return f"integer, {about['minimum']} to {about['maximum']}"
    return str(about["type"])


def _default(about: Mapping[str, Any], required: bool) -> str:
    if required:
        return "**required**"
    return _shown(about["default"]) if "default" in about else ""


def _role(role: Path) -> Iterator[str]:
    """A role's heading and the table of its inputs."""
    spec = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text("utf-8"))["argument_specs"]["main"]
    defaults = role / "defaults" / "main.yml"
    values = (yaml.safe_load(defaults.read_text("utf-8")) or {}) if defaults.is_file() else {}
    yield f"### {role.name}\n"
    yield f"{spec['short_description'].rstrip('.')}. ([more](../roles/{role.name}/README.md))\n"
    if not spec.get("options"):
        yield "It takes no input.\n"
        return
    yield TABLE.format("input")
    for name, about in spec["options"].items():
        kind = f"list of {about['elements']}" if about["type"] == "list" and "elements" in about else about["type"]
        shown = "**required**" if name not in values else _shown(values[name])
        if len(shown) > LONGEST:
            shown = f"[defaults](../roles/{role.name}/defaults/main.yml)"
        yield _row(name, kind, shown, about["description"])
    yield ""


def _shown(value: Any) -> str:
    if value == "":
        return '`""`'
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _row(name: str, *cells: str) -> str:
    return " | ".join([f"| `{name}`", *(" ".join(cell.replace("|", "\\|").split()) for cell in cells)]) + " |"
