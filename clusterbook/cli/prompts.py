"""`vars_prompt`: what plays ask a person for, asked before anything else of the run."""

from __future__ import annotations

import getpass
import select
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from clusterbook.compile.headers import no_secret
from clusterbook.errors import InvalidInput, Position
from clusterbook.execute.asking import TaskAsker
from clusterbook.language.environment import ExpressionError
from clusterbook.language.filters.errors import FilterError
from clusterbook.language.filters.passwords import hashed_here
from clusterbook.language.scope import Scope
from clusterbook.lookups.computing import password_hash
from clusterbook.lookups.expressions import local_expressions
from clusterbook.lookups.files import truth
from clusterbook.model import Play, Project
from clusterbook.records import dataclass
from clusterbook.source import SourceMapping, Vault, position_of

LOOK_SECONDS = 0.2
DIFFER = "The two answers differ; once more."


@dataclass(frozen=True)
class Asker:
    """How a person is asked. nobody(prompt text): what happens without a terminal; it gives the answer, or raises."""

    nobody: Callable[[Mapping[str, Any], Position], str]
    open: Callable[[str], str] = input
    hidden: Callable[[str], str] = getpass.getpass
    terminal: Callable[[], bool] = lambda: sys.stdin.isatty()

    def answer(self, prompt: Mapping[str, Any], where: Position) -> str:
        """What the person typed, twice the same where that is wanted; the default for nothing."""
        default = prompt.get("default")
        if not self.terminal():
            return self.nobody(prompt, where) if default is None else str(default)
        text = str(prompt.get("prompt") or prompt["name"])
        text += f" [{default}]: " if default is not None else ": "
        ask = self.hidden if truth(prompt, "private", True) else self.open
        while True:
            found = ask(text)
            if not truth(prompt, "confirm", False) or ask(f"confirm {text}") == found:
                return found if found or default is None else str(default)
            sys.stderr.write(f"{DIFFER}\n")


def refuse(prompt: Mapping[str, Any], where: Position) -> str:
    """Without a terminal nothing is guessed."""
    name = prompt["name"]
    raise InvalidInput(
        f"the play asks for {name!r}, and the input is no terminal", where=where,
        next_step=f"Give it: --extra-vars {name}=VALUE, or a default.",
    )


def task_asker() -> TaskAsker:
    """Asks on the terminal before each task (`--step`). Raises InvalidInput where there is none."""
    if not sys.stdin.isatty():
        raise InvalidInput("--step asks before each task, but the input is no terminal",
                           next_step="Run it in a terminal, or leave --step out.")  # fmt: skip
    return TaskAsker(_from_terminal)


def _from_terminal(text: str, over: Callable[[], bool]) -> str:
    """A line that the person types; it is not waited for any longer once the run is over."""
    sys.stderr.write(text)
    sys.stderr.flush()
    while not over():
        if select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
            return sys.stdin.readline()
    return ""


def answered(project: Project, given: Mapping[str, Any], vault: Vault, asker: Asker) -> Project:
    """The project with the answers among its plays' variables. given: extra variables, which are not asked for.

    vault: private answers are secret from then on, as what it opened is. Raises InvalidInput.
    """
    if not any("vars_prompt" in play.keywords for play in project.plays):
        return project
    return replace(project, plays=tuple(_answered(play, given, vault, asker) for play in project.plays))


def _answered(play: Play, given: Mapping[str, Any], vault: Vault, asker: Asker) -> Play:
    found = SourceMapping(position_of(play.variables, default=play.position))
    found.update(play.variables)
    for name in found:
        found.keys_at[name] = position_of(play.variables, name, play.position)
        found.values_at[name] = getattr(play.variables, "values_at", {}).get(name, found.keys_at[name])
    for prompt, where in _prompts(play):
        if prompt["name"] in given:
            continue
        scope = Scope([found, given], local_expressions(), no_secret)
        try:
            evaluated = {name: scope.evaluate(value) for name, value in prompt.items()}
        except ExpressionError as error:
            raise InvalidInput(f"the prompt cannot be evaluated: {error.message}", where=where,
                               next_step="Only variables of the play are known here.") from error  # fmt: skip
        text = asker.answer(evaluated, where)
        if truth(evaluated, "private", True):
            vault.remember(text)
        name = str(evaluated["name"])
        found[name] = _encrypted(text, evaluated, where)
        found.keys_at[name] = found.values_at[name] = where
    return replace(play, variables=found)


def _prompts(play: Play) -> Iterator[tuple[Mapping[str, Any], Position]]:
    written = play.keywords.get("vars_prompt") or ()
    for number, prompt in enumerate(written):
        yield prompt, position_of(written, number)


def _encrypted(text: str, prompt: Mapping[str, Any], where: Position) -> str:
    """As `encrypt` says: a hash, for /etc/shadow and the like."""
    kind = str(prompt.get("encrypt") or "").removesuffix("_crypt")
    if not kind:
        return text
    options = {name: prompt[name] for name in ("salt", "salt_size") if prompt.get(name) is not None}
    try:
        return str(hashed_here(text, kind, **options) or password_hash(text, kind, **options))
    except FilterError as error:
        raise InvalidInput(str(error), where=where, next_step="Correct 'encrypt' or 'salt' of the prompt.") from error
