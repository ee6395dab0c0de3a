"""Lookups of single values in files: CSV, INI, properties."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from clusterbook.language.lookups import LookupFailed
from clusterbook.lookups.files import Options, content, located, text_of, truth
from clusterbook.lookups.surroundings import Surroundings

if TYPE_CHECKING:
    import configparser

# NAME=VALUE among the words of a term; quotes belong to such a value, elsewhere they are part of the key.
_OPTION = re.compile(r"""(?:^|\s)(\w+)=("[^"]*"|'[^']*'|\S*)""")


def key_and_options(
    term: Any, options: Options, known: frozenset[str], closed: bool = False
) -> tuple[str, dict[str, Any]]:
    """`key file=x section=y` -> the key, and the options with what the term says. closed: no other option may be."""
    text, merged = str(term), dict(options)
    found = [match for match in _OPTION.finditer(text) if closed or match[1] in known]
    for match in found:
        if match[1] not in known:
            raise LookupFailed(f"{match[1]} is not a valid option; there are {', '.join(sorted(known))}")
        value = match[2]
        merged[match[1]] = value[1:-1] if value[:1] in ("'", '"') and value[-1:] == value[:1] else value
    for match in reversed(found):
        text = text[: match.start()] + text[match.end() :]
    return (text.strip() if found else text), merged


_CSV = frozenset({"file", "delimiter", "col", "keycol", "default", "encoding"})


def csvfile(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """The field in column `col` (from 0) of the line whose first field is the term."""
    found: list[Any] = []
    for term in terms or [""]:
        key, chosen = key_and_options(term, options, _CSV, closed=True)
        if not key or (key == term and "=" in key.split()[0]):
            raise LookupFailed("Search key is required but was not found")
        value = _field(surroundings, key, chosen)
        if value is not None:
            found.extend(value if isinstance(value, list) else [value])
    return found


def _field(surroundings: Surroundings, key: str, options: Options) -> Any:
    import csv  # as its sister for INI, loaded by those that use it

    path = located(surroundings, options.get("file", "ansible.csv"))
    text = text_of(path, content(surroundings, path)[0], str(options.get("encoding", "utf-8")))
    sign = str(options.get("delimiter", "TAB"))
    delimiter = "\t" if sign in ("TAB", "t", "\\t") else sign
    column, key_column = _number("col", options.get("col", 1)), _number("keycol", options.get("keycol", 0))
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if len(row) > key_column and row[key_column] == key:
                return row[column]
    except (csv.Error, TypeError) as error:
        raise LookupFailed(f"{path} cannot be read as CSV: {error}") from error
    except IndexError as error:
        raise LookupFailed(f"the line {key!r} of {path} has no column {column}") from error
    return options.get("default")


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise LookupFailed(f"{name} has an invalid value {value!r}, wanted a whole number") from error


_INI = frozenset({"file", "type", "section", "re", "encoding", "default", "case_sensitive", "allow_no_value",
                  "interpolation"})  # fmt: skip


def ini(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """The values of keys of a section. re: keys are regular expressions; type: ini or properties."""
    found: list[Any] = []
    for term in terms:
        key, chosen = key_and_options(term, options, _INI, closed=True)
        if not key:
            raise LookupFailed("No key to look up was provided as first term within string inline options")
        found.extend(_values(surroundings, key, chosen))
    return found


def _values(surroundings: Surroundings, key: str, options: Options) -> list[Any]:
    import configparser

    properties = options.get("type", "ini") == "properties"
    section = "properties" if properties else str(options.get("section", "global"))
    path = located(surroundings, options.get("file", "ansible.ini"))
    text = text_of(path, content(surroundings, path)[0], str(options.get("encoding", "utf-8")))
    parser = configparser.ConfigParser(
        allow_no_value=truth(options, "allow_no_value", truth(options, "allow_none", False)),
        interpolation=configparser.BasicInterpolation() if truth(options, "interpolation", True) else None,
    )
    if truth(options, "case_sensitive", False):
        parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(f"[properties]\n{text}" if properties else text)
        if truth(options, "re", False):
            return _matching(parser, section, key)
        if not parser.has_section(section) and "default" not in options:
            raise LookupFailed(f"No section {section!r} in {path}")
        return _listed(parser.get(section, key, fallback=options.get("default", "")))
    except (configparser.DuplicateOptionError, configparser.DuplicateSectionError) as error:
        raise LookupFailed(f"Duplicate option in {path}: {str(error).splitlines()[0]}") from error
    except (configparser.Error, re.error) as error:
        raise LookupFailed(f"{path} as INI: {str(error).splitlines()[0]}") from error


def _matching(parser: configparser.ConfigParser, section: str, pattern: str) -> list[Any]:
    found: list[Any] = []
    if parser.has_section(section):
        found = [value for name, value in parser.items(section) if re.match(pattern, name)]
    return found


def _listed(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    return [] if value is None else [value]


