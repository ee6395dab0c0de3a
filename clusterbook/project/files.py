"""Finding and reading the YAML files of a project; a file's problems are collected, not raised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.schema import problems
from clusterbook.source import load

ENDINGS = (".yml", ".yaml", ".json", "")


def find_yaml(stem: Path) -> Path | None:
    """The file with that path and one of YAML's endings."""
    for ending in ENDINGS:
        path = stem.with_name(stem.name + ending)
        if path.is_file():
            return path
    return None


def read_yaml(path: Path, schema: str, found: list[InvalidInput]) -> Any:
    """A file's value; its problems are added to `found`. None when it cannot be parsed."""
    try:
        value = load(path)
    except InvalidInput as problem:
        found.append(problem)
        return None
    found.extend(problems(value, schema, where=Position(str(path), 1, 1)))
    return value
