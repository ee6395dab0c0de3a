"""A block of lines between two marks."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from clusterbook.modules.contract import Arguments, Change, Parameter, State
from clusterbook.modules.differences import Difference, of_lines
from clusterbook.modules.system import System
from clusterbook.modules.textfile import (
    TEXT_PARAMETERS,
    apply_text,
    insertion_index,
    observe_text,
    text_changes,
    text_values,
)

NAME = "ansible.builtin.blockinfile"
KIND = "state"
DESCRIPTION = "See to it that a marked block of lines is in a text file, or is not."
PARAMETERS = {
    "state": Parameter("str", "Whether the block is there.", default="present", choices=("absent", "present")),
    "block": Parameter("str", "The lines.", default="", aliases=("content",)),
    "marker": Parameter("str", "The lines around it; {mark} is replaced.", default="# {mark} ANSIBLE MANAGED BLOCK"),
    "marker_begin": Parameter("str", "What {mark} is before the block.", default="BEGIN"),
    "marker_end": Parameter("str", "What {mark} is after the block.", default="END"),
    "insertafter": Parameter("str", "Put a new block after the last match of this, or at EOF."),
    "insertbefore": Parameter("str", "Put a new block before the last match of this, or at BOF."),
    "create": Parameter("bool", "Make the file when it is missing.", default=False),
    "append_newline": Parameter("bool", "Leave an empty line after the block.", default=False),
    "prepend_newline": Parameter("bool", "Leave an empty line before the block.", default=False),
    **TEXT_PARAMETERS,
}
MUTUALLY_EXCLUSIVE = (("insertbefore", "insertafter"),)


def observe(arguments: Arguments, system: System) -> State:
    """The text as it is and as it shall be."""
    present = arguments["state"] == "present"
    create = arguments["create"] and present
    return observe_text(arguments, system, lambda text: edited(arguments, text), create, present)


def edited(arguments: Arguments, text: str) -> str:
    """The text with the block set or removed."""
    begin, end = (arguments["marker"].replace("{mark}", arguments[key]) for key in ("marker_begin", "marker_end"))
    lines = text.splitlines(keepends=True)
    bare = [line.rstrip("\r\n") for line in lines]
    remove = arguments["state"] == "absent" or not arguments["block"].strip()
    block = [] if remove else [f"{begin}\n", *whole_lines(arguments["block"]), f"{end}\n"]
    first, last = span(bare, begin, end)
    if first is not None and last is not None:
        lines[first:last + 1] = []
        bare[first:last + 1] = []
        index = first
    elif not block:
        return text
    else:
        index = insertion_index(arguments, bare)
    if lines and index == len(lines) and not lines[-1].endswith("\n") and block:
        lines[-1] += "\n"
    made = list(block)
    if made and arguments["prepend_newline"] and index > 0 and bare[index - 1] != "":
        made.insert(0, "\n")
    if made and arguments["append_newline"] and index < len(bare) and bare[index] != "":
        made.append("\n")
    return "".join([*lines[:index], *made, *lines[index:]])


def whole_lines(text: str) -> List[str]:
    """The lines with their ends as they are; the last one has one in any case."""
    lines = text.splitlines(keepends=True)
    return [*lines[:-1], *(line if line.endswith("\n") else f"{line}\n" for line in lines[-1:])]


def span(bare: List[str], begin: str, end: str) -> "tuple[Optional[int], Optional[int]]":
    """The lines of the marks, None and None when there is no block."""
    first = next((index for index, line in enumerate(bare) if line == begin), None)
    if first is None:
        return None, None
    alone = first if begin == end else None  # marks that are alike: the next one ends the block
    last = next((index for index in range(first + 1, len(bare)) if bare[index] == end), alone)
    return first, last


def diff(arguments: Arguments, state: State) -> List[Change]:
    """What differs."""
    return text_changes(arguments, state)


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write it."""
    apply_text(arguments, state, system)


def difference(state: State, changes: Sequence[Change]) -> List[Difference]:
    """The return key `diff`."""
    return of_lines(state["path"], changes)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    if before["before"] == before["after"]:
        return text_values(before, "")
    removed = arguments["state"] == "absent" or not arguments["block"].strip()
    if before["before"] is None:
        return text_values(before, "File created")
    return text_values(before, "Block removed" if removed else "Block inserted")
