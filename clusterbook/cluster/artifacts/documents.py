"""The package's YAML files: read, checked against the schema, written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clusterbook.errors import InvalidInput, Position

PACKAGE = Path(__file__).parents[2]
SCHEMA = "artifacts.schema.json"


def checked(path: Path, kind: str) -> dict[str, Any]:
    """The document at path, checked. kind: catalog or lock, a definition of the schema."""
    import jsonschema

    raw = _read(path)
    schema = json.loads(_schema_path().read_text())
    schema["$ref"] = f"#/$defs/{kind}"
    problems = sorted(jsonschema.Draft202012Validator(schema).iter_errors(raw), key=lambda problem: list(problem.path))
    if problems:
        place = ".".join(str(part) for part in problems[0].path) or "the document"
        raise InvalidInput(f"{place}: {problems[0].message}", where=Position(str(path)),
                           next_step="Correct it; the schema describes every property.")  # fmt: skip
    return raw


def _read(path: Path) -> dict[str, Any]:
    try:
        return yaml.load(path.read_text(), Loader=_Loader) or {}  # noqa: S506 (a SafeLoader)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}", where=Position(str(path))) from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path} is not YAML: {error}", where=Position(str(path))) from error


def write(path: Path, value: Mapping[str, Any], header: str) -> None:
    """Replace a document atomically."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(header + yaml.safe_dump(dict(value), sort_keys=True, width=140))
    partial.replace(path)


def _schema_path() -> Path:
    """In a checkout the schemas lie beside the package, in an installed one inside it."""
    installed = PACKAGE / "project_files" / "schemas" / SCHEMA
    return installed if installed.exists() else PACKAGE.parent / "schemas" / SCHEMA


class _Loader(yaml.CSafeLoader):
    """Versions stay text: 1.36 is not a number here."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":float", ":int", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
