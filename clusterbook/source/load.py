"""YAML and JSON text to values with positions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template
from clusterbook.source.build import Builder
from clusterbook.source.files import position_at, read_text
from clusterbook.source.vault import BEGINNING, Vault

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def load(path: Path, vault: Vault | None = None, values: bool = True) -> Any:
    """The one document in a YAML or JSON file (None when it is empty). Raises InvalidInput with the place.

    vault: opens a file that ansible-vault encrypted, and values tagged !vault. values: the texts of such a file are
    secret values; in a file of tasks they are mostly words of the language.
    """
    text = read_text(path)
    found = load_text(text, str(path), vault)
    if vault is not None and values and text.startswith(BEGINNING):
        for part in _texts(found):
            vault.remember(part)
    return found


def load_text(text: str, file: str, vault: Vault | None = None) -> Any:
    """The one document in a text. file: the name that errors show; ".json" at its end means JSON."""
    if text.startswith(BEGINNING):
        return _encrypted(text, file, vault or Vault())
    _check_characters(text, file)
    if file.endswith(".json"):
        _check_json(text, file)
    return Builder(text, file, file.endswith(".json"), vault or Vault()).document()


def _encrypted(text: str, file: str, vault: Vault) -> Any:
    """The document in a file that is encrypted whole. Errors never hold its content."""
    data = vault.open(text.encode(), Position(file, 1, 1))
    try:
        value = load_text(data.decode("utf-8-sig"), file, vault)
    except UnicodeDecodeError:
        raise InvalidInput("the encrypted file is not UTF-8 text", where=Position(file)) from None
    except InvalidInput as problem:
        raise concealed(problem, file) from None
    return value


def concealed(problem: InvalidInput, file: str) -> InvalidInput:
    """A problem of what an encrypted file holds, without anything of it."""
    line = f" in line {problem.where.line}" if problem.where is not None and problem.where.line else ""
    return InvalidInput(
        f"what is encrypted in this file is wrong{line}", where=Position(file),
        next_step=f"See it with: clusterbook vault view {file}",
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value, and the texts between expressions; numbers too, as they are shown."""
    if isinstance(value, Template):
        yield from (part for part in _EXPRESSION.split(value.text) if part.strip())
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def load_documents(text: str, file: str) -> list[Any]:
    """Every YAML document in a text."""
    _check_characters(text, file)
    return Builder(text, file, False, Vault()).documents()


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
