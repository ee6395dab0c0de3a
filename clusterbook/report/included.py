"""What includes bring, in the words of ansible-playbook: one line for the hosts that a file or a role came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Included:
    """Collects until the next banner."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._found: dict[tuple[str, str, int], list[str]] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """One host's include, of a loop one item of it; a host's equal item is another line."""
        file, label, host, number = str(event["file"]), item_label(event), str(event["host"]), 0
        while host in self._found.get((file, label, number), ()):
            number += 1
        self._found.setdefault((file, label, number), []).append(host)

    def lines(self) -> Iterator[str]:
        """What was collected; it is forgotten then."""
        found, self._found = self._found, {}
        for (file, label, _), hosts in found.items():
            yield f"included: {file} for {', '.join(hosts)}" + (f" => {label}" if label else "")


def item_label(event: Mapping[str, Any]) -> str:
    """The item of a loop as lines have it; empty outside of loops."""
    if event.get("hidden"):
        return "(item=(censored due to no_log))"
    return f"(item={event.get('label', event['item'])})" if "item" in event else ""
