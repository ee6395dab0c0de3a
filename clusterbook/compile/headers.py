"""What the head of a play says, by what is known before the run: its hosts, and the way to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from clusterbook.compile.context import CONNECTION_KEYWORDS
from clusterbook.errors import InvalidInput
from clusterbook.language.environment import ExpressionError
from clusterbook.language.scope import Scope
from clusterbook.language.values import Template
from clusterbook.model import Host, Play

Match = Callable[[str], Sequence[str]]


def hosts_of(match: Match, pattern: str, play: Play) -> tuple[str, ...]:
    """The hosts of a play; a name that is not in the inventory is shown where the play says it."""
    try:
        return tuple(match(pattern))
    except InvalidInput as error:
        error.where = error.where or play.hosts_position
        raise


def pattern_of(local: Scope, play: Play) -> str:
    """The play's `hosts` as one pattern. Raises InvalidInput."""
    try:
        value = local.evaluate(play.hosts)
    except ExpressionError as error:
        raise InvalidInput(
            f"the hosts of play {str(play.name)!r} cannot be evaluated: {error.message}", where=play.position,
            next_step="Only play variables and --extra-vars are known before connecting.",
        ) from error
    return ",".join(str(part) for part in value) if isinstance(value, list) else str(value)


def reached(host: Host, play: Play, local: Scope) -> Host:
    """The host with the play's own way to it; its variables win, as in Ansible."""
    words = {name: value for name, value in play.keywords.items() if name in CONNECTION_KEYWORDS}
    if not words:
        return host
    way = {CONNECTION_KEYWORDS[name]: local.evaluate(value) for name, value in words.items()}
    return replace(host, variables={**way, **host.variables})


def no_secret(name: str) -> str:
    """A secret is opened only when a step that names it runs. Raises ExpressionError."""
    raise ExpressionError(f"secret {name!r} is not available before connecting", Template(""))
