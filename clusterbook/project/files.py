"""Finding and reading the YAML files of a project; a file's problems are collected, not raised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.schema import problems
from clusterbook.source import Vault, is_encrypted, load
from clusterbook.source.load import concealed

TASKS = ("tasks.schema.json", "handlers.schema.json")
ENDINGS = (".yml", ".yaml", ".json", "")


def find_yaml(stem: Path) -> Path | None:
    """The file with that path and one of YAML's endings."""
    for ending in ENDINGS:
        path = stem.with_name(stem.name + ending)
        if path.is_file():
            return path
    return None


def read_yaml(path: Path, schema: str, found: list[InvalidInput], vault: Vault | None = None) -> Any:
    """A file's value; its problems are added to `found`. None when it cannot be parsed."""
    try:
        value = load(path, vault, values=schema not in TASKS)
    except InvalidInput as problem:
        found.append(problem)
        return None
    found.extend(told(problems(value, schema, where=Position(str(path), 1, 1)), path))
    return value


def told(wrong: Iterable[InvalidInput], path: Path) -> Iterator[InvalidInput]:
    """Problems of a file; of an encrypted one without anything that it holds."""
    for problem in wrong:
        yield concealed(problem, str(path)) if encrypted(path) else problem


def encrypted(path: Path) -> bool:
    """Whether a file is one that ansible-vault encrypted."""
    with path.open("rb") as file:
        return is_encrypted(file.read(20))
