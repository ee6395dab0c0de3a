"""Which variables a play reads of other hosts, through `hostvars`.

A name that only the run computes (`hostvars[host][item]`, a host's variables handed on as a whole) may be any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from clusterbook.language.program import EVERY_NAME

_HOSTVARS = re.compile(r"\bhostvars\b\s*")
# Behind `map('extract', hostvars`.
_MORE_KEYS = re.compile(r",\s*(?:morekeys\s*=\s*)?\[?\s*(?:['\"](\w+)['\"])?")
_LITERAL = re.compile(r"\[\s*(['\"])([^'\"]*)\1\s*\]")
_GET = re.compile(r"\.\s*get\(\s*(?:['\"](\w+)['\"])?")
_ALL = re.compile(r"\.\s*(?:keys|values|items)\s*\(")
_MEMBER = re.compile(r"\.\s*(\w+)")
_ASKED_FOR = re.compile(r"['\"](\w+)['\"]\s+(?:not\s+)?in\s+$")
_ONLY_TESTED = re.compile(r"\s*is\s+(?:not\s+)?(?:un)?defined")
# The word alone, as a whole value: all variables of all hosts.
_ALONE = re.compile(r"(?:[-+]?\}\}|\Z|\|\s*to_)")
_LOOKED_THROUGH = re.compile(r"\bin\s+$")
_ATTRIBUTES = (
    re.compile(r"attribute\s*=\s*['\"](?:value\.)?(\w+)"),  # `value.NAME` behind `hostvars | dict2items`
    re.compile(r"(?:select|reject)attr\(\s*['\"](?:value\.)?(\w+)"),
)


def other_host_names(all_texts: Iterable[str]) -> frozenset[str]:
    """Variables that are read through `hostvars`; EVERY_NAME among them when a name may be any."""
    found: set[str] = set()
    for text in all_texts:
        for match in _HOSTVARS.finditer(text):
            found.update(_read_at(text, match.start(), match.end()))
        if "attr" in text:
            found.update(name for pattern in _ATTRIBUTES for name in pattern.findall(text))
    return frozenset(found)


def _read_at(text: str, start: int, end: int) -> Iterator[str]:
    """start, end: of the word `hostvars` in the text, with the space behind it."""
    asked = _ASKED_FOR.search(text, 0, start)
    if asked:
        yield asked.group(1)
    if _ALONE.match(text, end) and not _LOOKED_THROUGH.search(text, 0, start):
        yield EVERY_NAME
    more = _MORE_KEYS.match(text, end)
    if more:
        yield more.group(1) or EVERY_NAME
    host = _subscript(text, end)
    if host is not None:
        yield from _of_one_host(text, host, bool(asked))


def _of_one_host(text: str, at: int, asked: bool) -> Iterator[str]:
    """at: behind the subscript that chooses the host; asked: only whether it has some variable."""
    literal, got, member = _LITERAL.match(text, at), _GET.match(text, at), _MEMBER.match(text, at)
    if literal:
        yield literal.group(2)
    elif got:
        yield got.group(1) or EVERY_NAME
    elif _ALL.match(text, at) or (not member and not asked and not _ONLY_TESTED.match(text, at)):
        yield EVERY_NAME
    elif member:
        yield member.group(1)


def _subscript(text: str, at: int) -> int | None:
    """Where the `[…]` or `.name` ends that begins there, with the space behind it; None when nothing does."""
    member = _MEMBER.match(text, at)
    if member:
        return _behind_space(text, member.end())
    if text[at:at + 1] != "[":
        return None
    depth, quote = 0, ""
    for index in range(at, len(text)):
        sign = text[index]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "[](){}":
            depth += 1 if sign in "[({" else -1
            if depth == 0:
                return _behind_space(text, index + 1)
    return None


def _behind_space(text: str, at: int) -> int:
    while text[at:at + 1].isspace():
        at += 1
    return at
