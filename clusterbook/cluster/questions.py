"""Many questions to a host in one command: each answer begins with a line that no answer can hold by chance."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

MOST_BYTES = 1_000_000
"""Of one answer; the end of a longer one is kept."""
SECONDS = 5
"""For one question to a host: what hangs there must not hold the rest up."""


def script(marker: str, commands: Mapping[str, str]) -> str:
    """One command that answers everything. commands: name -> those of a shell whose output it is.

    marker: made anew for each use, so that a host cannot write one into an answer.
    """
    lines = [
        f"echo {shlex.quote(f'{marker} {name}')}; "
        f"timeout {SECONDS} sh -c {shlex.quote(command)} 2>&1 | tail -c {MOST_BYTES}; echo"
        for name, command in commands.items()
    ]
    return "\n".join([*lines, "true"])


def answers(marker: str, printed: bytes, commands: Mapping[str, str]) -> dict[str, str]:
    """What a host printed, by the name of the question; empty answers and unknown names are left out."""
    found = {}
    for part in printed.decode(errors="replace").split(f"{marker} ")[1:]:
        name, _, text = part.partition("\n")
        if name in commands and text.strip():
            found[name] = text.strip() + "\n"
    return found
