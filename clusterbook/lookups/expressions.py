"""Expressions as the local machine itself evaluates them: of inventories, play headers, connection variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clusterbook.language.environment import Expressions
from clusterbook.language.local_words import Local
from clusterbook.language.lookups import LookupFailed, Lookups, Options, Resolve
from clusterbook.lookups.machine import LocalMachine


def local_expressions(machine: Local | None = None, names: Sequence[str] = ()) -> Expressions:
    """Expressions with every word. names: what `varnames` searches."""
    answers = machine or LocalMachine()
    lookups = Lookups(answers, lambda: names, _no_template, lambda text: None)
    return Expressions(lookups.functions(), local=answers)


def _no_template(name: str, options: Options, resolve: Resolve) -> Any:
    raise LookupFailed(f"a template such as {name!r} is rendered in a step only")
