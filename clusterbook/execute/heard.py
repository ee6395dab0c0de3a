"""What an agent may say: the shape of every message. A host that says anything else is given up, and no other one.

The local machine reads questions and events with code that trusts their shape; it is checked here, in one place, before
that code sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clusterbook.agent.supplies import MOST_FILES
from clusterbook.language.values import decode, encode

Check = Callable[[Any], bool]
# Fields of an event that the local machine writes itself; a host that could set them could speak for another one.
RESERVED = ("host", "time", "step", "at", "role", "module", "handler", "kind", "type", "id")
# Longer texts in questions are no names.
LONGEST_NAME = 4096
# Values inside values: what is deeper breaks code that walks through it, here or on the hosts that it is told to.
DEEPEST = 100
_STATUS = ("ok", "changed", "failed", "skipped", "unknown")


class Nonsense(Exception):
    """An agent said something that no agent of ours says; the text says what."""


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _name(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value and len(value) <= LONGEST_NAME and _can_be_written(value)


def _can_be_written(value: str) -> bool:
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _whole(value: Any) -> bool:
    return type(value) is int and abs(value) < 1 << 53


def _length(value: Any) -> bool:
    return _whole(value) and bool(value >= 0)


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1 << 53  # nan compares as false


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _arguments(value: Any) -> bool:
    """A list or mapping of values as hosts send them; texts are names of files, or data of any length for filters."""
    if not isinstance(value, (list, dict)):
        return False
    parts = value if isinstance(value, list) else list(value.values())
    texts = [part for part in parts if isinstance(part, str)]
    try:
        return type(decode(value)) is type(value) and all("\0" not in text and _can_be_written(text) for text in texts)
    except (ValueError, TypeError, IndexError, KeyError):
        return False


def _place(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) < 64 and all(_whole(item) for item in value)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _changes(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and {"what", "before", "after"} <= item.keys() for item in value
    )


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _items(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and item.get("status") in _STATUS and not _wrong(_IN_RESULTS, item) for item in value
    )


def _names(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MOST_FILES and all(_name(item) for item in value)


def _files(value: Any) -> bool:
    """Pairs of a step and a name."""
    return isinstance(value, list) and len(value) <= MOST_FILES and all(
        isinstance(item, list) and len(item) == 2 and _whole(item[0]) and _name(item[1]) for item in value
    )


_ITEM = {"item": _or_none(_whole)}
# Kind of question -> its fields. A name in _OPTIONAL may be missing.
QUESTIONS: Mapping[str, Mapping[str, Check]] = {
    "gate": {"key": _place, "run_once": _truth},
    "company": {},
    "join": {"step": _whole, "arguments": _object, **_ITEM},
    "ran_once": {"key": _place, "result": _object},
    "fails_all": {"step": _whole, "key": _place},
    "slot": {"step": _whole, "limit": _whole},
    "slot_is_free": {"step": _whole},
    "away": {"step": _whole, "limit": _number, "delay": _number, "connect": _number, "again": _truth},
    "secret": {"name": _name},
    "authority": {"name": _or_none(_name)},
    "hostvar": {"host": _name, "name": _name},
    "template": {"step": _whole, "name": _name},
    "local": {"step": _whole, "of": _name, "word": _name, "arguments": _arguments, "options": _arguments},
    "source": {"step": _whole, "name": _name},
    "content": {"step": _whole, "name": _name, "offset": _or_none(_length)},
    "several": {"of": lambda value: value in ("source", "template"), "step": _whole, "names": _names},
    "contents": {"wanted": _files},
    "sign": {"step": _whole, "public_key": _text, "now": _number, **_ITEM},
    "fetch": {"step": _whole, "src": _name, **_ITEM},
    "include": {"step": _whole, "arguments": _object},
    "variables": {"step": _whole, "arguments": _object},
    "delegate": {"step": _whole, "values": _or_none(_object), **_ITEM},
}
# Fields that fetch has with an offer or with a block of content.
FETCH: Mapping[str, Check] = {"sha1": _text, "data": _text, "offset": _whole, "last": _truth, "mode": _whole}
_IN_RESULTS: Mapping[str, Check] = {
    "status": lambda value: value in _STATUS, "changes": _changes, "about": _text, "items": _items, "times": _whole,
    "name": _text, "seconds": _number, "hidden": _truth, "ignored": _truth, "attempts": _whole, "next_step": _text,
    "place": lambda value: isinstance(value, list) and len(value) == 3, "delegated_to": _text,
}
EVENTS: Mapping[str, Mapping[str, Check]] = {
    "start": {"name": _text},
    "output": {"lines": _texts, "left_out": _whole},
    "progress": {"item": _whole, "items": _whole},
    "retry": {"attempt": _whole, "tries": _whole, "delegated_to": _text},
    "pending": {"handlers": _texts},
    "job": {"jid": _text},
    "waiting": {"jid": _text, "seconds": _number},
    "learnt": {"name": _name, "value": lambda value: True},
    "result": _IN_RESULTS,
    "unreachable": _IN_RESULTS,
    "included": {"file": _text, "hidden": _truth},
    "rescued": {},
    "meta": {"skipped": _truth},
    "warning": {"msg": _text},
    "fatal": {},
    "end_play": {},
    "clear_host_errors": {},
}
# Fields without which an event cannot be shown or counted.
_NEEDED = {
    "output": ("lines",), "progress": ("item", "items"), "retry": ("attempt", "tries"), "pending": ("handlers",),
    "included": ("file",), "learnt": ("name", "value"), "result": ("status", "seconds"), "unreachable": ("status",),
    "warning": ("msg",), "meta": ("skipped",), "fatal": ("id",), "end_play": ("id",), "clear_host_errors": ("id",),
}


def question(message: Mapping[str, Any]) -> dict[str, Any]:
    """A question whose fields are what its kind has. Raises Nonsense."""
    _refuse_depth(message)
    kind = message.get("ask")
    fields = QUESTIONS.get(kind) if isinstance(kind, str) else None
    if fields is None:
        raise Nonsense(f"it asks for {short(kind)}")
    expected = {**fields, "number": _or_none(_whole)}
    wrong = [name for name, check in expected.items() if not check(message.get(name))]
    if kind == "fetch":
        wrong += _wrong(FETCH, message)
    if wrong:
        raise Nonsense(f"its question {kind!r} has a wrong {wrong[0]!r}: {short(message.get(wrong[0]))}")
    return dict(message)


def event(message: Any) -> dict[str, Any]:
    """An event that may go to the reports. Raises Nonsense."""
    _refuse_depth(message)
    kind = message.get("type") if isinstance(message, dict) else None
    fields = EVENTS.get(kind) if isinstance(kind, str) else None
    if fields is None:
        raise Nonsense(f"it reports {short(kind)}")
    number = message.get("id")
    missing = [name for name in _NEEDED.get(str(kind), ()) if name not in message]
    wrong = ["id"] if not (number is None or _whole(number)) else [*missing, *_wrong(fields, message)]
    if wrong:
        raise Nonsense(f"its event {kind!r} has a wrong {wrong[0]!r}: {short(message.get(wrong[0]))}")
    kept = {name: value for name, value in message.items() if name not in RESERVED or name in ("type", "id")}
    if kind == "learnt":
        kept["value"] = value_of(message["value"])
    return kept


def value_of(data: Any) -> Any:
    """A value as hosts send it, in the form that every other one can read. Raises Nonsense."""
    try:
        return encode(decode(data))
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise Nonsense(f"it sends a value that is none: {error}") from error


def short(value: Any) -> str:
    """A value for a message, cut."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        inner = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, (dict, list))]
        level = [part for parts in inner for part in parts]
        if not level:
            return
    raise Nonsense(f"it sends values inside of values, deeper than {DEEPEST}")


def _wrong(fields: Mapping[str, Check], message: Mapping[str, Any]) -> list[str]:
    return [name for name, check in fields.items() if name in message and not check(message[name])]
