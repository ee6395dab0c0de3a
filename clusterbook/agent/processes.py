"""Ending a process with everything that it started, also what went into sessions of its own."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Dict, Set

# A tree that grows faster than it is looked at is stopped piece by piece; so often is looked again.
LOOKS = 50


def end_tree(root: int) -> None:
    """Stop, then kill a process and all of its descendants. Stopped ones cannot start more meanwhile."""
    known: Set[int] = set()
    for _ in range(LOOKS):
        found = {root, *descendants(root)} - known
        if not found:
            break
        for process in found:
            _signal(process, signal.SIGSTOP)
        known |= found
    for process in known:
        _signal(process, signal.SIGKILL)


def descendants(root: int) -> Set[int]:
    """The processes that a process started, and those that they started."""
    parents = _parents()
    found: Set[int] = set()
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        children = [child for child, of in parents.items() if of == parent and child not in found]
        found.update(children)
        waiting.extend(children)
    return found


def _parents() -> Dict[int, int]:
    """Process -> its parent, of all processes."""
    found: Dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                found[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    return found


def _signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)
