"""One line of a text file."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Sequence

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.differences import Difference, of_lines
from clusterbook.modules.system import System
from clusterbook.modules.textfile import (
    TEXT_PARAMETERS,
    apply_text,
    insertion_index,
    observe_text,
    settled_text,
    text_changes,
)

NAME = "ansible.builtin.lineinfile"
KIND = "state"
DESCRIPTION = "See to it that a line is in a text file, or is not."
PARAMETERS = {
    "state": Parameter("str", "Whether the line is there.", default="present", choices=("absent", "present")),
    "line": Parameter("str", "The line.", aliases=("value",)),
    "regexp": Parameter("str", "Regular expression of the line to replace or remove.", aliases=("regex",)),
    "search_string": Parameter("str", "Text in the line to replace or remove."),
    "backrefs": Parameter("bool", "Fill groups of regexp into line; do nothing when nothing matches.", default=False),
    "insertafter": Parameter("str", "Put a new line after the last match of this, or at EOF."),
    "insertbefore": Parameter("str", "Put a new line before the last match of this, or at BOF."),
    "firstmatch": Parameter("bool", "Use the first match of insertafter and insertbefore.", default=False),
    "create": Parameter("bool", "Make the file when it is missing.", default=False),
    **TEXT_PARAMETERS,
}
MUTUALLY_EXCLUSIVE = (("insertbefore", "insertafter"), ("regexp", "search_string"), ("backrefs", "search_string"))


def observe(arguments: Arguments, system: System) -> State:
    """The text as it is and as it shall be."""
    present = arguments["state"] == "present"
    if present and arguments["line"] is None:
        raise ModuleFailed("parameter 'line' is missing", next_step="Add line to the step.")
    if not present and all(arguments[key] is None for key in ("line", "regexp", "search_string")):
        raise ModuleFailed("one of line, regexp, search_string is required with state absent")
    if arguments["backrefs"] and arguments["regexp"] is None:
        raise ModuleFailed("backrefs needs regexp", next_step="Add regexp to the step.")
    edit = (lambda text: with_line(arguments, text)) if present else (lambda text: without(arguments, text))
    return observe_text(arguments, system, edit, present and arguments["create"], present)


def matches(arguments: Arguments, line: str) -> "Optional[re.Match[str]]":
    """Whether a line is the one to replace or remove."""
    if arguments["regexp"] is not None:
        return re.search(arguments["regexp"], line)
    if arguments["search_string"] is not None:
        return re.search(re.escape(arguments["search_string"]), line)
    return re.fullmatch(re.escape(arguments["line"]), line)


def without(arguments: Arguments, text: str) -> str:
    """The text without the lines that match."""
    return "".join(line for line in text.splitlines(keepends=True) if not matches(arguments, line.rstrip("\r\n")))


def with_line(arguments: Arguments, text: str) -> str:
    """The text with the line: in place of the last match, else where insertafter or insertbefore say."""
    lines = text.splitlines(keepends=True)
    new = arguments["line"].rstrip("\r\n")
    bare = [line.rstrip("\r\n") for line in lines]
    has_pattern = arguments["regexp"] is not None or arguments["search_string"] is not None
    found = [index for index, line in enumerate(bare) if has_pattern and matches(arguments, line)]
    if found:
        chosen = found[0] if arguments["firstmatch"] else found[-1]
        match = matches(arguments, bare[chosen])
        if arguments["backrefs"] and match is not None:
            new = match.expand(new)
        lines[chosen] = new + "\n"
        return "".join(lines)
    if arguments["backrefs"] or new in bare or f"\n{new}\n" in "\n".join(["", *bare, ""]):  # it may be several
        return text
    return inserted(lines, bare, new, insertion_index(arguments, bare))


def inserted(lines: List[str], bare: List[str], new: str, index: int) -> str:
    """The text with a new line at an index."""
    if lines and index == len(lines) and lines[-1] == bare[-1]:
        lines[-1] += "\n"
    return "".join([*lines[:index], new + "\n", *lines[index:]])


def diff(arguments: Arguments, state: State) -> List[Change]:
    """What differs."""
    return text_changes(arguments, state)


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write it."""
    apply_text(arguments, state, system)


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left; see settled_text."""
    return settled_text(arguments, before, after)


def difference(state: State, changes: Sequence[Change]) -> List[Difference]:
    """The return key `diff`."""
    return of_lines(state["path"], changes)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    old, new = (before["before"] or "").splitlines(), (before["after"] or "").splitlines()
    if arguments["state"] == "absent":
        if before["before"] is None:
            return {"msg": "file not present"}
        gone = len(old) - len(new)
        return {**own_values(before, f"{gone} line(s) removed" if gone else ""), "found": gone}
    message = "" if old == new else "line added" if len(new) > len(old) else "line replaced"
    return own_values(before, message)


def own_values(before: State, message: str) -> Dict[str, Any]:
    """The message, and `backup` for the old file's copy: this module has a name of its own for it."""
    return {"msg": message, "backup": before.get("backup_file") or ""}
