"""Which files of the local machine the items of a loop will ask for: told ahead, they come together."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, Tuple

from clusterbook.language.elsewhere import elsewhere
from clusterbook.language.environment import ExpressionError
from clusterbook.language.program import Step
from clusterbook.language.scope import Scope, Unknown
from clusterbook.language.values import Template

# What modules of these names ask for by their parameter `src`.
_KINDS = {"ansible.builtin.copy": "source", "ansible.builtin.template": "template"}
# Looks beyond the host: done once, when the item's turn comes.
_ASKS = re.compile(r"\b(?:lookup|query|q)\s*\(")


def kind_of(step: Step) -> str:
    """What a step in a loop asks for by a name that depends on the item; empty for nothing of the kind."""
    arguments = step.arguments if isinstance(step.arguments, Mapping) else {}
    source = arguments.get("src")
    if not isinstance(source, Template) or _ASKS.search(source.text) or elsewhere(step):
        return ""
    return "" if arguments.get("remote_src") else _KINDS.get(step.module, "")


def names_of(step: Step, scopes: Iterable[Scope]) -> Tuple[str, ...]:
    """The names as far as they are known before the first item runs; none when one holds a secret."""
    found = []
    assert isinstance(step.arguments, Mapping)
    source: Any = step.arguments["src"]
    for scope in scopes:
        try:
            name = scope.evaluate(source)
        except (ExpressionError, Unknown):
            continue
        if scope.used_secrets:
            return ()
        found.append(str(name))
    return tuple(found)
