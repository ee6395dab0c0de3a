"""The local machine as expressions see it: it answers by kind (filter, test, lookup) and name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.language.lookups import LookupFailed
from clusterbook.lookups.computing import COMPUTING
from clusterbook.lookups.reading import READING_FILTERS, READING_TESTS
from clusterbook.lookups.surroundings import Surroundings
from clusterbook.lookups.table import LOOKUPS


class LocalMachine:
    """language.local_words.Local."""

    def __init__(self, surroundings: Surroundings | None = None) -> None:
        """Without surroundings: what can be had without a project."""
        self._surroundings = surroundings or Surroundings()

    def __call__(self, kind: str, name: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """The value of one call. Raises LookupFailed, FilterError."""
        if kind == "filter" and name in COMPUTING:
            return COMPUTING[name](*arguments, **options)
        if kind == "filter" and name in READING_FILTERS:
            return READING_FILTERS[name](self._surroundings, *arguments, **options)
        if kind == "test" and name in READING_TESTS:
            return READING_TESTS[name](*arguments, **options)
        if kind == "lookup" and name in LOOKUPS:
            return LOOKUPS[name](self._surroundings, list(arguments), options)
        raise LookupFailed(f"the local machine knows no {kind} {name!r}")
