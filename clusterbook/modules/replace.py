"""Every match of a pattern in a text file."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Sequence, Tuple

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.differences import Difference, of_text
from clusterbook.modules.system import System
from clusterbook.modules.textfile import (
    TEXT_PARAMETERS,
    apply_text,
    observe_text,
    settled_text,
    text_changes,
    text_values,
)

NAME = "ansible.builtin.replace"
KIND = "state"
DESCRIPTION = "Replace every match of a pattern in a text file."
PARAMETERS = {
    "regexp": Parameter("str", "Regular expression, with ^ and $ at every line.", required=True),
    "replace": Parameter("str", "What each match becomes; groups as \\1.", default=""),
    "after": Parameter("str", "Only after the first match of this."),
    "before": Parameter("str", "Only before the first match of this."),
    **TEXT_PARAMETERS,
}


def observe(arguments: Arguments, system: System) -> State:
    """The text as it is and as it shall be."""
    counts: List[int] = []
    missed: List[bool] = []

    def edit(text: str) -> str:
        """The text with every match replaced; remembers how many there were."""
        found = section(arguments, text)
        if found is None:
            missed.append(True)
            return text
        start, end = found
        try:
            middle, count = re.subn(arguments["regexp"], arguments["replace"], text[start:end], flags=re.MULTILINE)
        except re.error as error:
            raise ModuleFailed(f"Unable to process replace due to error: {error}",
                               next_step="Correct regexp or replace.") from error
        counts.append(count)
        return text[:start] + middle + text[end:]

    state = observe_text(arguments, system, edit, False, True)
    return {**state, "count": counts[0] if counts else 0, "missed": bool(missed)}


def section(arguments: Arguments, text: str) -> Optional[Tuple[int, int]]:
    """Where matches count; None when after or before do not match."""
    start, end = 0, len(text)
    if arguments["after"]:
        match = re.search(arguments["after"], text, re.DOTALL)
        if match is None:
            return None
        start = match.end()
    if arguments["before"]:
        match = re.compile(arguments["before"], re.DOTALL).search(text, start)
        if match is None:
            return None
        end = match.start()
    return start, end


def diff(arguments: Arguments, state: State) -> List[Change]:
    """What differs."""
    return text_changes(arguments, state)


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write it."""
    apply_text(arguments, state, system)


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left; see settled_text."""
    return settled_text(arguments, before, after)


def difference(state: State, changes: Sequence[Change]) -> Difference:
    """The return key `diff`: the text, whatever else changes."""
    text = [change for change in changes if change.what == "content"]
    return of_text(state["path"], text[0].before, text[0].after) if text else {}


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    changed = before["before"] != before["after"]
    message = f"{before['count']} replacements made" if changed else ""
    if before["missed"]:
        message = "Pattern for before/after params did not match the given file"
    return {**text_values(before, message), "rc": 0}
