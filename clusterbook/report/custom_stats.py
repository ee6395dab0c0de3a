"""Values that playbooks give to the end of a run (set_stats)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class CustomStats:
    """Collects them by host, those for the whole run under an empty name."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._found: dict[str, dict[str, Any]] = {}

    def take(self, host: str, result: Mapping[str, Any]) -> None:
        """What a step's result gives: values that are there already are added to, unless it says otherwise."""
        for part in (result, *(item for item in result.get("results", ()) if isinstance(item, Mapping))):
            given = part.get("ansible_stats")
            if not isinstance(given, Mapping) or not isinstance(given.get("data"), Mapping):
                continue
            known = self._found.setdefault(host if given.get("per_host") else "", {})
            for name, value in given["data"].items():
                known[name] = together(known[name], value) if given.get("aggregate") and name in known else value

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Hosts by name, the whole run last."""
        yield from sorted(self._found.items(), key=lambda pair: (not pair[0], pair[0]))


def together(old: Any, new: Any) -> Any:
    """Mappings merged, anything else added; the new value where that cannot be."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{name: together(old[name], value) if isinstance(old.get(name), Mapping) else value
                          for name, value in new.items()}}
    try:
        return old + new
    except TypeError:
        return new
