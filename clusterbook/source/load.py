"""YAML and JSON text to values with positions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.source.build import Builder, no_vault
from clusterbook.source.files import position_at, read_text

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def load(path: Path) -> Any:
    """The one document in a YAML or JSON file (None when it is empty). Raises InvalidInput with the place."""
    return load_text(read_text(path), str(path))


def load_text(text: str, file: str) -> Any:
    """The one document in a text. file: the name that errors show; ".json" at its end means JSON."""
    if text.startswith("$ANSIBLE_VAULT;"):
        raise no_vault(Position(file, 1, 1))
    _check_characters(text, file)
    if file.endswith(".json"):
        _check_json(text, file)
    return Builder(text, file, as_json=file.endswith(".json")).document()


def load_documents(text: str, file: str) -> list[Any]:
    """Every YAML document in a text."""
    _check_characters(text, file)
    return Builder(text, file, as_json=False).documents()


def _check_characters(text: str, file: str) -> None:
    for found in _CONTROL.finditer(text):
        raise InvalidInput(
            f"control character U+{ord(found.group()):04X} in the file",
            where=position_at(text, found.start(), file),
            next_step='Delete it, or write it as an escape such as "\\x1b" in a quoted string.',
        )


def _check_json(text: str, file: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            where=Position(file, error.lineno, error.colno),
            next_step="Correct the syntax at this place.",
        ) from None
