"""The text of a file of sections with an option set or removed; comments and order stay."""

from __future__ import annotations

import re
from typing import List, Optional, Set, Tuple

from clusterbook.records import dataclass

SECTION = re.compile(r"\s*\[(.+?)\]\s*([#;].*)?$")
IDLE = re.compile(r"[ \t]*([#;].*)?$")
LINE = re.compile(r"(?P<comment>[ \t]*[#;][ \t]*|[ \t]*)(?P<name>[^=]*?)[ \t]*"
                  r"(?:(?P<equals>=)[ \t]*(?P<value>.*?))?[ \t]*$")
SPACES = re.compile(r"[ \t]*=[ \t]*")


@dataclass(frozen=True)
class Wanted:
    """What shall be. option None: the section itself; conditions: (option, values) that the section must hold."""

    section: Optional[str]
    option: Optional[str]
    values: Tuple[str, ...]
    present: bool
    exclusive: bool = True
    bare: bool = False
    equals: str = " = "
    ignore_spaces: bool = False
    inactive: bool = True
    conditions: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Assignment:
    """A line that sets an option, or did before it was commented out. value None: it stands alone."""

    name: str
    value: Optional[str]
    active: bool


def edited(text: str, wanted: Wanted) -> Tuple[str, str]:
    """The new text, and in Ansible's words what happened."""
    lines = text.splitlines()
    found = section_range(lines, wanted)
    if found is None:
        if not wanted.present:
            return text, "OK"
        head = [f"[{wanted.section}]"] if wanted.section is not None else []
        new = [*(lines or [""]), *head, *held(wanted), *fresh(wanted)]  # a new file begins with a line, as in Ansible
        return ended(new), "section and option added" if wanted.option else "only section added"
    start, end = found
    if wanted.option is None:
        if wanted.present:
            return text, "OK"
        return ended(lines[: max(start - 1, 0)] + lines[end:]), "section removed"
    part, message = (with_option if wanted.present else without_option)(lines[start:end], wanted)
    new = [*lines[:start], *part, *lines[end:]]
    return (text, "OK") if new == lines and (text.endswith("\n") or not text) else (ended(new), message)


def ended(lines: List[str]) -> str:
    """The lines as a text."""
    return "".join(line + "\n" for line in lines)


def section_range(lines: List[str], wanted: Wanted) -> Optional[Tuple[int, int]]:
    """Where the section's own lines are: after its head, up to the next head. None: there is no such section."""
    heads = [index for index, line in enumerate(lines) if SECTION.match(line)]
    if wanted.section is None:
        return 0, heads[0] if heads else len(lines)
    for place, index in enumerate(heads):
        match = SECTION.match(lines[index])
        end = heads[place + 1] if place + 1 < len(heads) else len(lines)
        if match and match.group(1) == wanted.section and fits(lines[index + 1 : end], wanted):
            return index + 1, end
    return None


def fits(part: List[str], wanted: Wanted) -> bool:
    """Whether a section holds what section_has_values asks for."""
    for name, values in wanted.conditions:
        have = [item.value for item in map(assignment, part) if item and item.active and item.name == name]
        if not have or any(value not in have for value in values):
            return False
    return True


def held(wanted: Wanted) -> List[str]:
    """The lines that a new section gets for section_has_values."""
    lines: List[str] = []
    for name, values in wanted.conditions:
        lines += [f"{name}{wanted.equals}{value}".rstrip() for value in values] or [name]
    return lines


def fresh(wanted: Wanted) -> List[str]:
    """The lines of the option."""
    if wanted.option is None:
        return []
    return [written(wanted, value) for value in wanted.values] or [wanted.option]


def written(wanted: Wanted, value: Optional[str]) -> str:
    """One line of the option."""
    return wanted.option or "" if value is None else f"{wanted.option}{wanted.equals}{value}"


def assignment(line: str) -> Optional[Assignment]:
    """What a line sets."""
    match = LINE.match(line)
    if match is None or not match["name"]:
        return None
    return Assignment(match["name"].strip(), match["value"] if match["equals"] else None,
                      not match["comment"].strip())


def with_option(part: List[str], wanted: Wanted) -> Tuple[List[str], str]:
    """The section with the option: its lines with wanted values first, then others take what is left."""
    lines, left, message = list(part), list(wanted.values), "OK"
    done: Set[int] = set()
    candidates = [index for index, line in enumerate(lines) if of_option(line, wanted, wanted.inactive)]
    for index in candidates:
        item = assignment(lines[index])
        value = item.value if item else None
        if value in left:
            left.remove(value or "")
        elif not (wanted.bare and not wanted.values and value is None and not done):
            continue
        message = put(lines, index, written(wanted, value), wanted, message)
        done.add(index)
    if wanted.exclusive:
        for index in [index for index in candidates if index not in done]:
            if not left and (wanted.values or done):
                break
            message = put(lines, index, written(wanted, left.pop(0) if left else None), wanted, message)
            done.add(index)
        kept = [line for index, line in enumerate(lines) if index in done or not of_option(line, wanted, False)]
        if len(kept) != len(lines):
            return insert(kept, left, wanted), "option changed"
    if left or (wanted.bare and not wanted.values and not done):
        lines, message = insert(lines, left or [""], wanted), "option added"
    return lines, message


def put(lines: List[str], index: int, new: str, wanted: Wanted, message: str) -> str:
    """Replace a line; one that differs in blanks only may stay."""
    old = lines[index]
    if wanted.ignore_spaces and SPACES.sub("=", old.strip()) == SPACES.sub("=", new.strip()):
        return message
    lines[index] = new
    return message if old == new else "option changed"


def insert(lines: List[str], values: List[str], wanted: Wanted) -> List[str]:
    """New lines behind the last one of the section that is neither blank nor a comment."""
    at = len(lines)
    while at and IDLE.match(lines[at - 1]):
        at -= 1
    bare = wanted.bare and not wanted.values
    return [*lines[:at], *(written(wanted, None if bare else value) for value in values), *lines[at:]]


def without_option(part: List[str], wanted: Wanted) -> Tuple[List[str], str]:
    """The section without the option; not exclusive: without these values of it."""
    every = wanted.exclusive or (not wanted.values and wanted.bare)

    def goes(line: str) -> bool:
        """Whether a line is removed."""
        item = assignment(line)
        return of_option(line, wanted, False) and (every or (item is not None and item.value in wanted.values))

    return [line for line in part if not goes(line)], "option changed"


def of_option(line: str, wanted: Wanted, inactive: bool) -> bool:
    """Whether a line is about the option; inactive: commented ones too."""
    item = assignment(line)
    return item is not None and item.name == wanted.option and (item.active or inactive)
