"""Wrong usage in our words: Invoke's say neither which option was meant nor where to read on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from invoke.collection import Collection
from invoke.exceptions import ParseError
from invoke.parser.parser import Parser
from invoke.program import Program

from clusterbook.cli import places
from clusterbook.errors import InvalidInput


def check(known: Collection, words: Sequence[str]) -> None:
    """InvalidInput for an option that a task does not have, or what lacks its value. words: the command line.

    A name that nobody knows is left to the program: a project has tasks of its own, which come after ours.
    """
    own = Program().initial_context
    parser = Parser(known.to_contexts(), own)
    try:
        behind = Parser(initial=own, ignore_unknown=True).parse_argv(list(words))
        parser.parse_argv(behind.unparsed)
    except ParseError as error:
        if not re.match(r"No idea what '[^-]", str(error)):
            options = {name: list(context.flags) for name, context in parser.contexts.items()}
            raise wrong(str(error), options, words) from error


def wrong(said: str, options: Mapping[str, Sequence[str]], words: Sequence[str]) -> InvalidInput:
    """What Invoke's parser said, with the nearest right name. options: those of each task; words: the command line."""
    about = said.split("'")
    task = next((word for word in words if word in options), "")
    if not said.startswith("No idea") or len(about) < 2:
        return InvalidInput(_in_our_words(said, task), next_step=f"See: clusterbook --help {task or 'TASK'}")
    name = about[1]
    near = difflib.get_close_matches(name, options.get(task, []) if name.startswith("-") else options, n=1)
    see = f"See: clusterbook --help {task}" if task else "See: clusterbook --list"
    if "--inventory" in options.get(task, ()) and _is_inventory(name):
        return InvalidInput(f"{task} takes no {name!r} by itself", next_step=f"Write --inventory {name}.")
    return InvalidInput(f"there is no task or option {name!r}", next_step=f"Did you mean {near[0]!r}?" if near else see)


def _is_inventory(name: str) -> bool:
    if not re.match(r"\w", name):
        return False
    try:
        return places.inventory(name).is_file()
    except InvalidInput:
        return False


def _in_our_words(said: str, task: str) -> str:
    """Invoke's words for what lacks a value, said as a person would."""
    if found := re.fullmatch(r"'.*' did not receive required positional arguments: (.*)", said):
        names = re.findall(r"'(.*?)'", found.group(1))
        return f"{task} needs {' and '.join(name.upper().replace('_', '-') for name in names)}"
    if found := re.match(r"Flag <Argument: (\S+).*needed value and was not given one", said):
        return f"--{found.group(1)} needs a value"
    return said
