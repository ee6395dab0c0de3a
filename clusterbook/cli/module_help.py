"""A module's parameters and what it returns as a page for the terminal."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from shutil import get_terminal_size

from clusterbook.cli.screen import ENDLESS
from clusterbook.modules.contract import Parameter, Specification
from clusterbook.schema.documentation import KINDS, rules, shown
from clusterbook.schema.returned import RETURNED, Value


def names_page(found: Mapping[str, str]) -> str:
    """Every module with its first sentence, which is cut on a terminal alone. found: name -> description."""
    width = max(map(len, found))
    room = max(40, get_terminal_size().columns - width - 2) if sys.stdout.isatty() else ENDLESS
    lines = [f"{name:<{width}}  {textwrap.shorten(text, room, placeholder='…')}" for name, text in found.items()]
    return "\n".join([*lines, "", "Parameters and results of a module: invoke modules NAME"])


def page(table: Specification) -> str:
    """One module: what it does, its parameters with the required ones first, what holds between them."""
    width = min(100, get_terminal_size((100, 24)).columns)
    lines = [table.name, *textwrap.wrap(f"{table.description} {KINDS[table.kind]}", width - 2, initial_indent="  ",
                                        subsequent_indent="  "), ""]  # fmt: skip
    known = {name: item for name, item in table.parameters.items() if not name.startswith("_")}
    for name, item in sorted(known.items(), key=lambda pair: (not pair[1].required, pair[0])):
        lines += _parameter(name, item, width)
    lines += ["", *(line.strip().replace("`", "") for line in rules(table))]
    returned = [line for name, one in RETURNED[table.name].items() for line in _value(name, one, width)]
    lines += ["returns", *returned] if returned else []
    return "\n".join(lines).rstrip()


def _value(name: str, one: Value, width: int) -> Iterator[str]:
    yield f"  {name}  ({', '.join(part for part in (one.type, one.when.replace('`', '')) if part)})"
    text = one.description.replace("`", "")
    yield from textwrap.wrap(text, width - 6, initial_indent="      ", subsequent_indent="      ")


def _parameter(name: str, item: Parameter, width: int) -> Iterator[str]:
    kind = f"list of {item.elements}" if item.type == "list" and item.elements else item.type
    default = shown(item.default).replace("`", "")
    value = "required" if item.required else f"default {default}" if default else ""
    yield f"  {name}  ({', '.join(part for part in (kind, value) if part)})"
    words = [item.description]
    if item.choices:
        words.append("One of " + ", ".join(shown(choice).replace("`", "") for choice in item.choices) + ".")
    if item.aliases:
        words.append("Also: " + ", ".join(item.aliases) + ".")
    yield from textwrap.wrap(" ".join(words), width - 6, initial_indent="      ", subsequent_indent="      ")
