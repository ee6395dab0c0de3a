"""Module arguments written as one text: `copy: src=a dest=b`, `command: ls -l creates=/x`. The rules are Ansible's."""

from __future__ import annotations

import codecs
import re
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template

# Options that are taken out of a command line; every other word belongs to the command.
COMMAND_OPTIONS = frozenset(
    {"creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends"}
)
# A name is an identifier, or holds expressions (set_fact takes such names).
_PAIR = re.compile(r"((?:[A-Za-z_]|\{\{.*?\}\})(?:\w|\{\{.*?\}\})*)=(.*)\Z", re.DOTALL)
# What Python's literals mean by a backslash: in a pair it means the same.
_ESCAPE = re.compile(
    r"\\(?:U[0-9a-fA-F]{8}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|N\{[^}]+\}|[\\'\"abfnrtv])"
)
_OPENERS = {"{{": "}}", "{%": "%}", "{#": "#}"}


def parse(text: str | Template, command: bool, where: Position) -> tuple[dict[Any, Any], Any]:
    """(arguments, the text that is left). command: only COMMAND_OPTIONS are taken out, the rest is kept as it is."""
    source = text.text if isinstance(text, Template) else text
    arguments: dict[Any, Any] = {}
    rest = []
    for word, gap in split(source, where):
        found = _PAIR.match(_ESCAPE.sub(lambda match: codecs.decode(match[0], "unicode-escape"), word))
        if found and (not command or found.group(1) in COMMAND_OPTIONS):
            arguments[_value(found.group(1), text, where)] = _value(_unquoted(found.group(2)), text, where)
        else:
            rest.append(word + gap)
    left = "".join(rest).lstrip().rstrip(" \t") if command else "".join(rest).strip()
    return arguments, _value(left, text, where)


def split(text: str, where: Position) -> list[tuple[str, str]]:
    """Words with the white space after each; quoted parts and expressions are never split."""
    words: list[tuple[str, str]] = []
    word, index = "", 0
    while index < len(text):
        sign = text[index]
        if sign.isspace():
            end = index
            while end < len(text) and text[end].isspace():
                end += 1
            if word:
                words.append((word, text[index:end]))
            word, index = "", end
            continue
        if text.startswith("\\\n", index):  # a line that goes on
            index += 2
            continue
        end = _end_of_part(text, index, where)
        word, index = word + text[index:end], end
    if word:
        words.append((word, ""))
    return words


def _end_of_part(text: str, index: int, where: Position) -> int:
    """Where the quoted text, the expression or the single character at an index ends."""
    opener = text[index : index + 2]
    if opener in _OPENERS:
        end = text.find(_OPENERS[opener], index + 2)
        if end < 0:
            raise _unbalanced(opener, where)
        return end + 2
    if text[index] == "\\" and index + 1 < len(text):
        return index + 2
    if text[index] not in "'\"":
        return index + 1
    end = index + 1
    while end < len(text) and text[end] != text[index]:
        end += 2 if text[end] == "\\" and text[index] == '"' else 1
    if end >= len(text):
        raise _unbalanced(text[index], where)
    return end + 1


def _unbalanced(opener: str, where: Position) -> InvalidInput:
    return InvalidInput(
        f"{opener} is opened but not closed in the module's arguments",
        where=where,
        next_step="Close it, or write the arguments as a mapping.",
    )


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def _value(value: str, text: str | Template, where: Position) -> Any:
    """A template again where the text was one and the part holds an expression."""
    if isinstance(text, Template) and any(opener in value for opener in _OPENERS):
        return Template(value, text.file, text.line, text.column)
    return value
