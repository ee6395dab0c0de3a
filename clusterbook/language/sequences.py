"""The lookup `sequence`: numbers as texts, from `start=1 end=5 stride=2 format=host%02d`, `5`, `5-8/2:host%02d`."""

from __future__ import annotations

import re
import shlex
from typing import Any, Dict, List, Mapping, Sequence

from clusterbook.language.bounds import check_format, check_width
from clusterbook.language.environment import ExpressionError

_NUMBER = r"(?:0x[0-9a-fA-F]+|0[0-7]*|-?\d+)"
_SHORT = rf"(?:({_NUMBER})-)?({_NUMBER})(?:/(-?\d+))?(?::(.+))?"
_KNOWN = ("start", "end", "count", "stride", "format")


def sequence(terms: Sequence[Any], options: Mapping[str, Any]) -> List[str]:
    """The numbers of each term; without a term those that the options describe."""
    found: List[str] = []
    for term in terms or ([None] if options else []):
        settings = dict(options)
        if term is not None:
            settings.update(_settings(str(term)))
        found.extend(_numbers(settings))
    return found


def _settings(text: str) -> Dict[str, Any]:
    short = re.fullmatch(_SHORT, text.strip(), re.IGNORECASE)
    if short is not None:
        start, end, stride, form = short.groups()
        given = {"start": start, "end": end, "stride": stride, "format": form}
        return {name: value for name, value in given.items() if value is not None}
    if "=" not in text:
        raise ExpressionError(f"sequence {text!r} has an invalid value; its short form is START-END/STRIDE:FORMAT")
    found: Dict[str, Any] = {}
    for word in shlex.split(text):
        name, equals, value = word.partition("=")
        if not equals or name not in _KNOWN:
            raise _unrecognized(word)
        found[name] = value
    return found


def _unrecognized(word: str) -> ExpressionError:
    return ExpressionError(f"unrecognized arguments to with_sequence: {word!r}; there are {', '.join(_KNOWN)}")


def _integer(name: str, value: Any) -> int:
    try:
        return int(str(value), 0) if not re.fullmatch(r"0\d+", str(value)) else int(str(value), 8)
    except ValueError as error:
        raise ExpressionError(f"{name} of a sequence has an invalid value {value!r}, wanted a whole number") from error


def _numbers(settings: Mapping[str, Any]) -> List[str]:
    unknown = sorted(set(settings) - set(_KNOWN))
    if unknown:
        raise _unrecognized(unknown[0])
    start = _integer("start", settings.get("start", 1))
    stride = _integer("stride", settings.get("stride", 1))
    end = _end(settings, start, stride)
    if stride == 0 or end is None:
        return []
    if (end - start) * stride < 0:
        raise ExpressionError("to count backwards make stride negative" if stride > 0
                              else "to count forward don't make stride negative")
    form = str(settings.get("format", "%d"))
    if form.count("%") != 1:
        raise ExpressionError(f"bad formatting string: {form}; expected one such as host%02d")
    try:
        check_format(form)
        check_width(abs(end - start) // abs(stride))
        return [form % number for number in range(start, end + (1 if stride > 0 else -1), stride)]
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"bad formatting string: {form}: {error}") from error


def _end(settings: Mapping[str, Any], start: int, stride: int) -> Any:
    if "count" in settings and "end" in settings:
        raise ExpressionError("can't specify both count and end in with_sequence")
    if "end" in settings:
        return _integer("end", settings["end"])
    if "count" not in settings:
        raise ExpressionError("must specify count or end in with_sequence")
    count = _integer("count", settings["count"])
    return start + count * stride - 1 if count else None
