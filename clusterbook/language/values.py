"""Values of the language that plain JSON lacks, and their form on the wire.

A `Template` is made only by the loader of local YAML. Every evaluated string and everything that comes from a host is
a plain string and is never rendered, so data from a host cannot become code.
"""

from __future__ import annotations

import base64
import datetime
from typing import Any, Mapping, Optional

from clusterbook.records import dataclass


@dataclass(frozen=True)
class Template:
    """Text with Jinja2 expressions and the place where a person wrote it."""

    text: str
    file: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True)
class Secret:
    """The name of a secret value; it is resolved only when a step that names it is evaluated."""

    name: str


class Omit:
    """The value of the name `omit`: a parameter with it, or what has it inside a parameter, is left out."""

    def __repr__(self) -> str:
        return "omit"

    def __str__(self) -> str:
        """Within a text it is nothing."""
        return ""


OMIT = Omit()


def without_omitted(value: Any) -> Any:
    """The value without what is omitted inside it."""
    if type(value) is dict:
        return {key: without_omitted(item) for key, item in value.items() if item is not OMIT}
    return [without_omitted(item) for item in value if item is not OMIT] if type(value) is list else value


class UnknownValue:
    """What a step would return that has not run yet because an earlier step was only predicted (check mode)."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        """reason: which step has to run first."""
        self.reason = reason


_MARK = "!"
_TIMES = (datetime.date, datetime.time)


def encode(value: Any) -> Any:
    """Value -> JSON data. Special values become one-key objects whose key starts with '!'."""
    kind = type(value)
    if kind is str or value is None or kind is bool or kind is int or kind is float:
        return value
    if isinstance(value, dict):
        if all(type(key) is str and key and not key.startswith(_MARK) for key in value):
            return {key: encode(item) for key, item in value.items()}
        return {"!map": [[encode(key), encode(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return encode(dict(value))
    if isinstance(value, Template):
        return {"!template": [value.text, value.file, value.line, value.column]}
    if isinstance(value, Secret):
        return {"!secret": value.name}
    if isinstance(value, UnknownValue):
        return {"!unknown": value.reason}
    if isinstance(value, bytes):
        return {"!bytes": base64.b64encode(value).decode()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    return value.isoformat() if isinstance(value, _TIMES) else str(value)


def decode(data: Any, trusted: bool = False) -> Any:
    """JSON data -> value. Templates and secrets are made only when trusted (data of the local machine)."""
    if isinstance(data, list):
        return [decode(item, trusted) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) == 1:
        ((key, item),) = data.items()
        if key.startswith(_MARK):
            return _decode_special(key, item, trusted)
    return {key: decode(item, trusted) for key, item in data.items()}


def _decode_special(key: str, item: Any, trusted: bool) -> Any:
    if key == "!map":
        return {decode(name, trusted): decode(part, trusted) for name, part in item}
    if key == "!bytes":
        return base64.b64decode(item)
    if key == "!unknown":
        return UnknownValue(str(item))
    if key == "!template":
        return Template(*item) if trusted else str(item[0])
    if key == "!secret":
        return Secret(item) if trusted else str(item)
    raise ValueError(f"unknown value tag {key!r}")


def whole(value: Any) -> Any:
    """The value with plain mappings in the place of those that are asked for one by one (`hostvars`)."""
    if isinstance(value, Mapping):
        return {key: whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if type(value) is list else value


def holds_template(value: Any) -> bool:
    """Whether anything inside needs evaluation."""
    if isinstance(value, (Template, Secret)):
        return True
    if isinstance(value, dict):
        return any(holds_template(item) or isinstance(key, Template) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return any(holds_template(item) for item in value)
    return False


def origin(value: Any) -> Optional[Template]:
    """The first template inside a value, to say in an error where it was written."""
    if isinstance(value, Template):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    for part in parts:
        found = origin(part)
        if found is not None:
            return found
    return None
