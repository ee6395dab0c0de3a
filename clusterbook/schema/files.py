"""The schema files: beside the package in a checkout, inside it when installed. Nothing is ever fetched."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent


def project_files() -> Path:
    """The directory of playbooks, roles and schemas that come with the package."""
    installed = PACKAGE / "project_files"
    return installed if installed.is_dir() else PACKAGE.parent


def schema_directory() -> Path:
    """Where the schemas are."""
    return project_files() / "schemas"


@cache
def load_schema(name: str) -> Any:
    """A schema by its file name. Not to be changed by callers."""
    return json.loads((schema_directory() / name).read_text("utf-8"))


def resolve(name: str, pointer: str) -> Any:
    """The part of a schema at a pointer such as '$defs/task'."""
    node = load_schema(name)
    for part in pointer.split("/"):
        node = node[int(part) if isinstance(node, list) else part]
    return node


@cache
def keywords(name: str, pointer: str) -> frozenset[str]:
    """The names of the properties of a part of a schema: the words of the language are written there once."""
    return frozenset(resolve(name, pointer)["properties"])
