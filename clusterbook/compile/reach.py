"""Which variables, secrets and other hosts' variables a play can name. A host is sent those and no others.

Any word in an expression or a template file counts as a name, so the answer is never too small.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from clusterbook.language.local_words import READING_FILTERS, READING_TESTS, TEST_ALIASES
from clusterbook.language.program import EVERY_NAME
from clusterbook.language.values import Secret, Template

_ENCRYPTED = "$ANSIBLE_VAULT;"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def texts(value: Any) -> Iterator[str]:
    """Every text inside a value that may be evaluated."""
    if isinstance(value, Template):
        yield value.text
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts(item)


def words(text: str) -> set[str]:
    """The names that an expression may use; a file that is encrypted may use any."""
    if text.startswith(_ENCRYPTED):
        return {EVERY_NAME}
    found = set(_WORD.findall(text))
    if "vars" in found and ("lookup" in found or "query" in found or "q" in found or re.search(r"\bvars\s*\[", text)):
        found.add(EVERY_NAME)
    return found


_CALLS = re.compile(
    r"\b(?:lookup|query|q)\s*\(|\b(?:" + "|".join([*READING_FILTERS, *READING_TESTS, *TEST_ALIASES]) + r")\b"
)


def local_texts(all_texts: Iterable[str]) -> tuple[str, ...]:
    """The texts that may call the local machine, as templates: a condition gets its braces."""
    found = dict.fromkeys(text for text in all_texts if _CALLS.search(text))
    return tuple(text if "{{" in text or "{%" in text else "{{ " + text + " }}" for text in found)


def closure(start: Iterable[str], layers: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The names, and all names that the values of those variables use, and so on."""
    known = list(layers)
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name == EVERY_NAME:
            waiting.extend(key for layer in known for key in layer)
        for layer in known:
            if name in layer:
                for text in texts(layer[name]):
                    waiting.extend(words(text) - found)
    return frozenset(found)


def secrets(names: Iterable[str], layers: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The secrets that the values of these variables name."""
    wanted = set(names)
    return frozenset(
        secret for layer in layers for name, value in layer.items() if name in wanted for secret in _secrets(value)
    )


def withheld(
    names: frozenset[str], shared: frozenset[str], layers: Sequence[Mapping[str, Any]],
    own: Mapping[str, Mapping[str, Any]], every: Iterable[Mapping[str, Any]],
) -> dict[str, frozenset[str]]:  # fmt: skip
    """By host, the secrets that only other hosts' variables name: what is theirs is told to them alone.

    layers: of all hosts alike; own: variables of each host; shared: names that are read of other hosts; every: the
    variables of each of these.
    """
    if EVERY_NAME in shared:
        return {}
    others = list(every)
    mine = {host: secrets(names, [variables]) for host, variables in own.items()}
    known = secrets(names, layers) | (secrets(closure(shared, others), others) if shared else frozenset())
    private = frozenset[str]().union(*mine.values()) - known
    return {host: private - known_here for host, known_here in mine.items()} if private else {}


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.name
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secrets(item)
